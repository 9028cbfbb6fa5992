import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { freePorts, portIsBound } from './free-port.ts';

/** As free-port.ts has it. */
const PORT_MAX = 32_000;
const RANGE = '/proc/sys/net/ipv4/ip_local_port_range';

test('ports in a row that nobody has, and that no outgoing connection is given', async () => {
  const [first = 0, ...more] = await freePorts(3);
  expect(more).toEqual([first + 1, first + 2]);
  const [outgoingFrom = 0] = readFileSync(RANGE, 'utf8').split(/\s+/).map(Number);
  expect(first + 2).toBeLessThan(PORT_MAX);
  // As systems are set up; where outgoing connections get lower ports, none are safe from them.
  if (outgoingFrom > PORT_MAX) expect(first + 2).toBeLessThan(outgoingFrom);
});

test('a port is bound while something listens on it', async () => {
  const server = createServer();
  // Port 0: one that nobody can have taken meanwhile.
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  expect(await portIsBound(port)).toBe(true);
  await new Promise((resolve) => server.close(resolve));
});
