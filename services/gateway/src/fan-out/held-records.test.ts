import { expect, test } from 'vitest';
import { Bench } from './testing/bench.ts';

const LOOK_MS = 1000;
const RECORD_BYTES = 300_000;

/** A ring that has let go of a large record, parts of which two clients that stopped reading have got. */
async function heldByTwo() {
  const bench = new Bench({ ringPartitionBytes: 100_000, recordMaxBytes: RECORD_BYTES + 100 });
  const readers = [bench.connect(), bench.connect()];
  const cursors = readers.map((reader) => bench.attach(reader));
  await bench.pass();
  for (const { client } of readers) client.stopReading(0);
  const large = 'x'.repeat(RECORD_BYTES);
  bench.source.append({ value: large });
  await bench.pass(LOOK_MS);
  const small = Array.from({ length: 20 }, (_, i) => ({ value: `${i}`.padEnd(10_000) }));
  for (const record of small) {
    bench.source.append(record);
    await bench.pass();
  }
  await bench.pass(LOOK_MS);
  const held = () => bench.metrics.coldCacheBytes.with().value;
  return { bench, readers, cursors, large, held };
}

test('C50: a large record that stopped readers keep is counted once, until the last is gone: cold_cache_bytes', async () => {
  const { bench, cursors, readers, held } = await heldByTwo();
  expect(bench.metrics.ringBytes.with().value).toBeLessThanOrEqual(100_000);
  for (const { messages } of readers) expect(messages.length).toBeLessThanOrEqual(1);
  expect(held()).toBeGreaterThanOrEqual(RECORD_BYTES);
  expect(held()).toBeLessThan(1.1 * RECORD_BYTES);
  cursors[0]?.detach();
  await bench.pass(LOOK_MS);
  expect(held()).toBeGreaterThanOrEqual(RECORD_BYTES);
  cursors[1]?.detach();
  await bench.pass(LOOK_MS);
  expect(held()).toBe(0);
  bench.close();
});

test('who reads on gets the whole record, and nothing is counted for it afterwards', async () => {
  const { bench, readers, cursors, large, held } = await heldByTwo();
  const [slow, gone] = readers;
  if (gone !== undefined) bench.fanOut.detachAll(gone);
  slow?.client.read();
  await bench.pass(LOOK_MS);
  await bench.pass(LOOK_MS);
  const { records } = slow?.stream(cursors[0]?.streamId ?? -1) ?? { records: [] };
  expect(records[0]?.value === large).toBe(true);
  expect(records).toHaveLength(21);
  // What is cached of the log now is what came after the record.
  expect(held()).toBeLessThan(RECORD_BYTES);
  bench.close();
});

test('the cold cache gives way to them', async () => {
  const coldCacheBytes = 600_000;
  const bench = new Bench({
    ...{ ringPartitionBytes: 60_000, recordMaxBytes: RECORD_BYTES + 100, coldCacheBytes },
  });
  bench.source.readBytes = 60_000;
  bench.source.append({ value: 'x'.repeat(RECORD_BYTES) });
  bench.source.append(...Array.from({ length: 1500 }, () => ({ value: 'y'.repeat(1000) })));
  const stopped = bench.connect();
  stopped.client.stopReading(0);
  bench.attach(stopped, { startOffset: 0 });
  for (let i = 1; i < 10; i++) bench.attach(bench.connect(), { startOffset: i * 150 });
  const seen: number[] = [];
  for (let round = 0; round < 6; round++) {
    await bench.pass(LOOK_MS);
    seen.push(bench.metrics.coldCacheBytes.with().value);
  }
  expect(Math.max(...seen)).toBeLessThanOrEqual(coldCacheBytes);
  expect(Math.min(...seen.slice(1))).toBeGreaterThanOrEqual(RECORD_BYTES);
  bench.close();
});
