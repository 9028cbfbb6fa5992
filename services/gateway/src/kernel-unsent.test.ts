import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Gauge, systemClock } from '@millrace/base';
import { eventually } from '@millrace/testing';
import { expect, it } from 'vitest';
import { KernelUnsent, unsentOfLine } from './kernel-unsent.ts';

it('reads the lines of its port that are connections', () => {
  const line = (state: string) =>
    `  12: 0100007F:1F99 0100007F:AF83 ${state} 0000A010:00000000 01:00000014 00000000     0        0 1062`;
  expect(unsentOfLine(line('01'), 8089)).toBe(0xa010);
  expect(unsentOfLine(line('01'), 8088)).toBe(0);
  expect(unsentOfLine(line('0A'), 8089)).toBe(0);
  expect(unsentOfLine('  sl  local_address rem_address   st tx_queue rx_queue', 8089)).toBe(0);
  const six = '0'.repeat(32);
  expect(unsentOfLine(`   0: ${six}:1F99 ${six}:0001 01 00000002:00000000 00`, 8089)).toBe(2);
});

it.runIf(process.platform === 'linux')(
  'sees what a reader that stopped leaves behind',
  async () => {
    const accepted: Socket[] = [];
    const server = createServer((socket) => accepted.push(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const reader = connect(port, '127.0.0.1').pause();
    await eventually('a connection', 20_000, () => accepted.length === 1);
    const gauge = new Gauge();
    const unsent = new KernelUnsent(systemClock, port, () => gauge);
    await unsent.sample();
    expect(gauge.value).toBe(0);
    accepted[0]?.write(Buffer.alloc(64 << 20));
    await eventually('unsent bytes', 20_000, async () => {
      await unsent.sample();
      return gauge.value > 0;
    });
    unsent.close();
    reader.destroy();
    accepted[0]?.destroy();
    server.close();
    await once(server, 'close');
  },
);
