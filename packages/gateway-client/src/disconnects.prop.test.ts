// C18 in virtual time: a client that is cut off again and again, against the log itself as the oracle.
import { seededPrng } from '@millrace/base';
import { expect, test } from 'vitest';
import { FakeGateway } from './fake-gateway.test-server.ts';

const DISCONNECTS = 10_000;
const PARTITIONS = 3;
const MAX_DUPLICATES = 0;

test(`C18: ${DISCONNECTS} random disconnects: nothing lost, nothing twice, nothing out of order`, async () => {
  const seed = Number(process.env.MILLRACE_SEED ?? 20_240_611);
  const random = seededPrng(seed);
  const gateway = new FakeGateway(random);
  gateway.blockRecords = 4;
  const { logs } = gateway.topic('t', PARTITIONS);
  const client = gateway.client({ reconnect: { baseMs: 4, capMs: 16 } });
  const subscription = client.subscribe('t', { start: 'earliest', windowBytes: 600 });
  const next = Array<number>(PARTITIONS).fill(0);
  let duplicates = 0;
  const loop = (async () => {
    for await (const block of subscription) {
      for (const { offset } of block) {
        const expected = next[block.partition] as number;
        if (offset < expected) duplicates++;
        else if (offset > expected)
          throw new Error(`seed ${seed}: lost ${expected} of partition ${block.partition}`);
        else next[block.partition] = offset + 1;
      }
      // A consumer that is slower than the line now and then.
      if (random.below(4) === 0) await gatewayTurn(gateway, random.below(4));
    }
  })();
  let disconnects = 0;
  while (disconnects < DISCONNECTS) {
    for (const log of logs) for (let left = random.below(3); left > 0; left--) log.append('value');
    gateway.pump();
    await gateway.clock.advanceAsync(random.below(24), 1);
    if (random.below(3) > 0) {
      gateway.dropAll(random.below(2) === 0 ? 1006 : 4008);
      disconnects++;
    }
    for (const log of logs) log.records = log.records.slice(-200);
  }
  await gateway.clock.advanceAsync(2_000, 5);
  const ends = logs.map(({ end }) => end);
  expect(gateway.sockets.length).toBeGreaterThan(DISCONNECTS / 2);
  await Promise.all([client.close(), gateway.run()]);
  await loop;
  expect({ next, duplicates, seed }).toEqual({ next: ends, duplicates: MAX_DUPLICATES, seed });
}, 60_000);

/** Waits in virtual time. */
function gatewayTurn(gateway: FakeGateway, ms: number): Promise<void> {
  return new Promise((resolve) => void gateway.clock.setTimer(ms, resolve));
}
