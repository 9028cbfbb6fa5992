import { expect, test } from 'vitest';
import { RateLimit } from './rate-limit.ts';
import { Bench } from './testing/bench.ts';

test('max_rate is kept within 5 %, max_wait_ms gathers and keeps its bound (C33)', async () => {
  const bench = new Bench();
  const slow = bench.connect();
  const rate = new RateLimit(100);
  const slowCursors = [0, 1, 2].map((lane) => bench.attach(slow, { lane, rate }));
  const waiting = bench.connect();
  const waitingCursor = bench.attach(waiting, { maxWaitMs: 100 });
  await bench.pass();
  for (let i = 0; i < 500; i++) {
    bench.source.append({ value: 'x' });
    await bench.pass(10);
    bench.source.append({ value: 'y' });
  }
  // The streams of a subscription have one rate together, each a share of it.
  const perSecond = slowCursors.map(({ streamId }) => slow.stream(streamId).records.length / 5);
  const together = perSecond.reduce((sum, each) => sum + each);
  expect(together).toBeGreaterThan(95);
  expect(together).toBeLessThan(105);
  for (const each of perSecond) expect(each).toBeGreaterThan(20);
  const stream = waiting.stream(waitingCursor.streamId);
  expect(stream.records.length).toBeGreaterThan(970);
  expect(waiting.client.writes).toBeLessThan(60);
});

test('max_wait_ms ends early when there is enough', async () => {
  const bench = new Bench();
  const reader = bench.connect();
  const cursor = bench.attach(reader, { maxWaitMs: 1000 });
  await bench.pass();
  bench.source.append(
    ...Array.from({ length: 200 }, (_, i) => ({ value: `${i}`.padEnd(100, 'x') })),
  );
  await bench.pass(50);
  expect(reader.stream(cursor.streamId).records.length).toBeGreaterThan(100);
});
