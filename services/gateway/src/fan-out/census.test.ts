import { FilterOp } from '@millrace/gateway-protocol';
import { expect, test } from 'vitest';
import { compileCursorFilter } from './compile-filter.ts';
import { RateLimit } from './rate-limit.ts';
import { Bench } from './testing/bench.ts';

function streams(bench: Bench): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const state of ['pending', 'catchup', 'live'])
    for (const overlay of ['none', 'paused', 'starved', 'blocked', 'rated']) {
      const { value } = bench.metrics.streams.with(state, overlay);
      if (value > 0) counts[`${state} ${overlay}`] = value;
    }
  return counts;
}

test('streams are counted by state and by what holds them up, with how far they are behind', async () => {
  const bench = new Bench();
  bench.source.append(...Array.from({ length: 5000 }, () => ({ value: 'x'.repeat(100) })));
  const connect = () => bench.connect();
  bench.attach(connect());
  bench.attach(connect(), { startOffset: -1 });
  bench.attach(connect()).pause();
  bench.attach(connect(), { window: { bytes: 0 } });
  bench.attach(connect(), { startOffset: 5000, rate: new RateLimit(1) });
  const stopped = connect();
  stopped.client.stopReading(0);
  bench.attach(stopped, { startOffset: 5000 });
  await bench.pass(1500);
  for (let i = 0; i < 5; i++) {
    bench.source.append({ value: 'y' });
    await bench.pass(100);
  }
  await bench.pass(500);
  expect(streams(bench)).toEqual({
    'live none': 1,
    'pending none': 1,
    'catchup paused': 1,
    'catchup starved': 1,
    'live rated': 1,
    'live blocked': 1,
  });
  expect(bench.metrics.cursorLagRecords.with().count).toBe(2 * 5);
});

test('lists of matches are counted as long as their blocks are held', async () => {
  const bench = new Bench({ feedLingerMs: 1000, coldCacheBytes: 1000 });
  const values = [Buffer.from('k')];
  const filter = compileCursorFilter([{ op: FilterOp.KEY_EQ, arity: 0, name: null, values }]);
  const records = Array.from({ length: 5000 }, (_, i) => ({ key: i % 50 === 0 ? 'k' : null }));
  bench.source.append(...records);
  const reader = bench.connect();
  const cursor = bench.attach(reader, { filter });
  await bench.pass(100);
  bench.source.append(...records);
  await bench.pass(1500);
  const held = bench.metrics.matchListBytes.with().value;
  expect(held).toBeGreaterThan(4 * 200);
  cursor.detach();
  await bench.pass(3000);
  expect(bench.metrics.feeds.with().value).toBe(0);
  expect(bench.metrics.matchListBytes.with().value).toBe(0);
});
