// C50: what fan-out holds, as its metrics tell it, under the worst that clients and the log can do. Gauges are set once
// a second, so time passes in steps of that.
import { FilterOp, Policy } from '@millrace/gateway-protocol';
import { describe, expect, test } from 'vitest';
import { compileCursorFilter } from './compile-filter.ts';
import { Bench } from './testing/bench.ts';

const LOOK_MS = 1000;

/** Records of about `bytes` each, every one with another key. */
function records(count: number, bytes: number, from = 0) {
  return Array.from({ length: count }, (_, i) => ({
    key: `k${from + i}`,
    value: `${from + i}`.padEnd(bytes, 'x'),
  }));
}

describe('C50: worst cases of fan-out stay below their bounds', () => {
  test('rings, copies for every encoding included: ring_bytes', async () => {
    const ringTotalBytes = 600_000;
    const bench = new Bench({ ringPartitionBytes: 300_000, ringTotalBytes });
    for (let partition = 0; partition < 4; partition++) {
      for (const isText of [false, true]) bench.attach(bench.connect(isText), { partition });
    }
    await bench.pass();
    const seen: number[] = [];
    for (let round = 0; round < 8; round++) {
      bench.source.append(...records(100, 1000, round * 100));
      await bench.pass(LOOK_MS);
      seen.push(bench.metrics.ringBytes.with().value);
    }
    expect(Math.max(...seen)).toBeLessThanOrEqual(ringTotalBytes);
    expect(Math.max(...seen)).toBeGreaterThan(ringTotalBytes / 2);
    expect(bench.metrics.ringEvictions.with().value).toBeGreaterThan(0);
    bench.close();
  });

  test('readers far behind, each somewhere else: cold_cache_bytes', async () => {
    const coldCacheBytes = 600_000;
    const bench = new Bench({ ringPartitionBytes: 60_000, recordMaxBytes: 60_000, coldCacheBytes });
    bench.source.readBytes = 60_000;
    bench.source.append(...records(1500, 1000));
    const seen: number[] = [];
    for (let i = 0; i < 10; i++) bench.attach(bench.connect(), { startOffset: i * 150 });
    for (let round = 0; round < 6; round++) {
      await bench.pass(LOOK_MS);
      seen.push(bench.metrics.coldCacheBytes.with().value);
    }
    expect(Math.max(...seen)).toBeLessThanOrEqual(coldCacheBytes);
    expect(Math.max(...seen)).toBeGreaterThan(coldCacheBytes / 2);
    bench.close();
  });

  test.each([
    ['keys', { conflateMaxKeys: 50 }, 50, Number.POSITIVE_INFINITY],
    ['bytes', { conflateMaxBytes: 40_000 }, Number.POSITIVE_INFINITY, 40_000],
    ['bytes of all', { conflateTotalBytes: 60_000 }, Number.POSITIVE_INFINITY, 60_000],
  ])(
    'ever new keys, bounded by %s: conflate_keys, conflate_bytes',
    async (_by, set, keys, bytes) => {
      const bench = new Bench(set);
      const reader = bench.connect();
      const partitions = 'conflateTotalBytes' in set ? [0, 1, 2] : [0];
      for (const partition of partitions) {
        bench.attach(reader, { partition, policy: Policy.CONFLATE_KEY }).pause();
      }
      await bench.pass();
      for (let round = 0; round < 10; round++) {
        bench.source.append(...records(100, 500, round * 100));
        await bench.pass(LOOK_MS);
        expect(bench.metrics.conflateKeys.with().value).toBeLessThanOrEqual(keys);
        expect(bench.metrics.conflateBytes.with().value).toBeLessThanOrEqual(bytes);
      }
      expect(bench.metrics.conflateKeys.with().value).toBeGreaterThan(0);
      bench.close();
    },
  );

  test('clients that stop reading at every place: unsent_bytes_max', async () => {
    const bench = new Bench();
    for (let i = 0; i < 50; i++) {
      const reader = bench.connect(i % 2 === 1);
      for (const lane of [0, 1, 2, 3]) bench.attach(reader, { lane });
      reader.client.stopReading(i * 1009);
    }
    await bench.pass();
    for (let round = 0; round < 10; round++) {
      bench.source.append(...records(50, 1 << (round + 4), round * 50));
      await bench.pass(LOOK_MS);
    }
    expect(bench.metrics.unsentBytesMax.with().value).toBeLessThanOrEqual(65_536);
    expect(bench.metrics.unsentBytesMax.with().value).toBeGreaterThan(20_000);
    expect(bench.metrics.socketDropped.with().value).toBe(0);
    bench.close();
  });

  test('as many filters as there may be, each passing everything: filter_classes', async () => {
    const ringPartitionBytes = 200_000;
    const bench = new Bench({ ringPartitionBytes });
    const values = [Buffer.from('k')];
    const everything = { op: FilterOp.KEY_PREFIX, arity: 0, name: null, values };
    let refused = 0;
    for (let i = 0; i < 300; i++) {
      const other = { ...everything, values: [Buffer.from(`z${i}`)] };
      const either = { op: FilterOp.OR, arity: 2, name: null, values: [] };
      const filter = compileCursorFilter([everything, other, either]);
      const reader = bench.connect();
      reader.client.stopReading(0);
      try {
        bench.attach(reader, { filter });
      } catch {
        refused++;
      }
    }
    await bench.pass();
    for (let round = 0; round < 5; round++) {
      bench.source.append(...records(100, 100, round * 100));
      await bench.pass(LOOK_MS);
      expect(bench.metrics.filterClasses.with().value).toBe(256);
      expect(bench.metrics.ringBytes.with().value).toBeLessThanOrEqual(ringPartitionBytes);
    }
    expect(refused).toBe(44);
    bench.close();
  });
});
