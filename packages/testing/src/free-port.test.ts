import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { freePorts, portIsBound } from './free-port.ts';

const RANGE = '/proc/sys/net/ipv4/ip_local_port_range';

test('ports in a row that nobody has, and that no outgoing connection is given', async () => {
  const [first = 0, ...more] = await freePorts(3);
  expect(more).toEqual([first + 1, first + 2]);
  const [outgoingFrom = 0] = readFileSync(RANGE, 'utf8').split(/\s+/).map(Number);
  expect(first + 2).toBeLessThan(outgoingFrom);
  expect(await portIsBound(first + 1)).toBe(false);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(first + 1, '127.0.0.1', resolve));
  expect(await portIsBound(first + 1)).toBe(true);
  server.close();
});
