import { FilterOp, GapReason, Policy, RecordsFlag } from '@millrace/gateway-protocol';
import { expect, test } from 'vitest';
import { compileCursorFilter } from './compile-filter.ts';
import type { CompiledFilter } from './compiled-filter.ts';
import { FilterLimitError } from './feed-classes.ts';
import { Bench } from './testing/bench.ts';
import { type Reader, withFlag } from './testing/reader.ts';

function keyed(count: number, keys: number, size = 100) {
  return Array.from({ length: count }, (_, i) => ({
    key: `k${i % keys}`,
    value: `${i}`.padEnd(size, 'x'),
  }));
}

function keyFilter(...keys: string[]): CompiledFilter {
  const values = keys.map((key) => Buffer.from(key));
  const node = { op: FilterOp.KEY_IN, arity: 0, name: null, values };
  const filter = compileCursorFilter([node]);
  if (filter === null) throw new Error('a contradiction');
  return filter;
}

function latest(reader: Reader, streamId: number): Map<string, string | null> {
  const map = new Map<string, string | null>();
  for (const { key, value } of reader.stream(streamId).records)
    if (key !== null) map.set(key, value);
  return map;
}

function latestOf(bench: Bench): Map<string, string | null> {
  const map = new Map<string, string | null>();
  for (const { key, value } of bench.source.records) if (key !== null) map.set(key, value);
  return map;
}

test('filters by key deliver what matches, progress says the rest (C27)', async () => {
  const bench = new Bench();
  const reader = bench.connect();
  const cursor = bench.attach(reader, { filter: keyFilter('k3') });
  await bench.pass();
  for (let i = 0; i < 10; i++) {
    bench.source.append(...keyed(20, 10));
    await bench.pass();
  }
  bench.source.append(...Array.from({ length: 5 }, () => ({ key: 'other' })));
  await bench.pass();
  const stream = reader.stream(cursor.streamId);
  expect(stream.records.map(({ key }) => key)).toEqual(new Array(20).fill('k3'));
  expect(stream.position).toBeLessThan(205);
  await bench.pass(1000);
  expect(reader.announce(cursor)).toBe(205);
  await bench.pass();
  expect(stream.position).toBe(205);
  expect(cursor.progressDue()).toBe(false);
  bench.source.append({ key: 'other' }, { key: 'k3' });
  await bench.pass();
  expect(stream.records).toHaveLength(21);
});

test('a stream that delivers says where it stands by delivering: no Progress beside it (C27)', async () => {
  const bench = new Bench();
  const reader = bench.connect();
  const cursor = bench.attach(reader, { filter: keyFilter('k3') });
  await bench.pass();
  for (let second = 0; second < 3; second++) {
    bench.source.append({ key: 'k3' });
    await bench.pass(500);
    bench.source.append({ key: 'other' });
    await bench.pass(500);
    expect(cursor.nextOffset).toBeLessThan(bench.source.end);
    expect(reader.round(cursor)).toBe(-1);
  }
  await bench.pass(1000);
  expect(reader.round(cursor)).toBe(bench.source.end);
});

test('a class with a filter shares frames though its members came at different times', async () => {
  const bench = new Bench();
  const filter = keyFilter('k0');
  const readers: Reader[] = [];
  await bench.pass();
  for (let i = 0; i < 10; i++) {
    const reader = bench.connect();
    bench.attach(reader, { filter, startOffset: bench.source.end });
    readers.push(reader);
    await bench.pass();
    bench.source.append({ key: 'other' });
    await bench.pass();
  }
  bench.source.append({ key: 'k0' });
  await bench.pass();
  const before = bench.metrics.framesEncoded.with().value;
  bench.source.append({ key: 'k0' }, { key: 'other' });
  await bench.pass();
  expect(bench.metrics.framesEncoded.with().value - before).toBe(1);
  expect(readers.every((reader) => [...reader.streams.values()][0]?.records.length === 2)).toBe(
    true,
  );
});

test('a filtered reader catches up from the log', async () => {
  const bench = new Bench();
  bench.source.append(...keyed(3000, 1000));
  const reader = bench.connect();
  const cursor = bench.attach(reader, { filter: keyFilter('k5', 'k999', 'none') });
  await bench.pass(200);
  const stream = reader.stream(cursor.streamId);
  expect(stream.records.map(({ offset }) => offset)).toEqual([5, 999, 1005, 1999, 2005, 2999]);
  expect(stream.caughtUp).toEqual([3000]);
  expect(stream.position).toBe(3000);
});

test('credit: none is silence, one byte is one block, the balance goes below zero (C23)', async () => {
  const bench = new Bench();
  const reader = bench.connect();
  const window = { bytes: 0 };
  const cursor = bench.attach(reader, { window });
  await bench.pass();
  bench.source.append(...keyed(10, 3));
  await bench.pass();
  const stream = reader.stream(cursor.streamId);
  expect(stream.records).toEqual([]);
  window.bytes = 1;
  bench.fanOut.wake(reader);
  await bench.pass();
  expect(stream.frames).toHaveLength(1);
  expect(window.bytes).toBeLessThan(-900);
  bench.source.append(...keyed(10, 3));
  await bench.pass();
  expect(stream.frames).toHaveLength(1);
  window.bytes = 100_000;
  bench.fanOut.wake(reader);
  await bench.pass();
  expect(stream.records).toHaveLength(20);
});

test('a client that does not read holds no more than its bound, and goes on exactly (C22)', async () => {
  const bench = new Bench({ ringPartitionBytes: 200_000 });
  const stopped = bench.connect();
  const other = bench.connect();
  const cursor = bench.attach(stopped);
  const otherCursor = bench.attach(other);
  stopped.client.stopReading(10_000);
  await bench.pass();
  for (let i = 0; i < 60; i++) {
    bench.source.append(...keyed(100, 7));
    await bench.pass(5);
    expect(stopped.socket.unsentBytes()).toBeLessThanOrEqual(65_536);
  }
  expect(other.stream(otherCursor.streamId).records).toHaveLength(6000);
  stopped.client.read();
  await bench.pass(200);
  expect(stopped.stream(cursor.streamId).records).toHaveLength(6000);
  expect(stopped.droppedCount).toBe(0);
  expect(bench.metrics.unsentBytesMax.with().value).toBeLessThanOrEqual(65_536);
});

test('C21: one write per connection and tick, at most 16 KiB together', async () => {
  const bench = new Bench();
  const reader = bench.connect();
  for (let lane = 0; lane < 4; lane++) bench.attach(reader, { lane });
  await bench.pass();
  const before = reader.client.writes;
  bench.source.append(...keyed(10, 3));
  await bench.pass();
  expect(reader.client.writes - before).toBe(1);
  bench.source.append(...keyed(120, 3));
  await bench.pass();
  expect(reader.client.writes - before).toBe(5);
});

test('LATEST jumps to the newest block, DROP_OLDEST to what is young enough (C32)', async () => {
  const bench = new Bench();
  const newest = bench.connect();
  const newestCursor = bench.attach(newest, { policy: Policy.LATEST });
  const young = bench.connect();
  const youngCursor = bench.attach(young, { policy: Policy.DROP_OLDEST, maxLagMs: 1000 });
  await bench.pass();
  newest.client.stopReading(0);
  young.client.stopReading(0);
  // The first block is on its way when they stop.
  for (let i = 0; i < 40; i++) {
    bench.source.append(...keyed(100, 7));
    await bench.pass(100);
  }
  newest.client.read();
  young.client.read();
  await bench.pass(200);
  const seen = newest.stream(newestCursor.streamId);
  expect(seen.gaps).toHaveLength(1);
  expect(seen.gaps[0]?.reason).toBe(GapReason.OVERFLOW);
  expect(seen.position).toBe(4000);
  const gap = young.stream(youngCursor.streamId).gaps;
  expect(gap).toHaveLength(1);
  expect(gap[0]?.to).toBeGreaterThan(2900);
  expect(gap[0]?.to).toBeLessThan(3200);
  const counted = (records: number, gaps: readonly { from: number; to: number }[]) =>
    gaps.reduce((sum, { from, to }) => sum + to - from, records);
  expect(counted(seen.records.length, seen.gaps)).toBe(4000);
  expect(counted(young.stream(youngCursor.streamId).records.length, gap)).toBe(4000);
});

test('DISCONNECT judges the reader that falls behind, not the selective one (C32)', async () => {
  const bench = new Bench();
  const slow = bench.connect();
  bench.attach(slow, { policy: Policy.DISCONNECT, maxLagMs: 1000 });
  const selective = bench.connect();
  const filter = keyFilter('never');
  bench.attach(selective, { policy: Policy.DISCONNECT, maxLagMs: 1000, filter });
  await bench.pass();
  slow.client.stopReading(0);
  for (let i = 0; i < 50; i++) {
    bench.source.append(...keyed(100, 7));
    await bench.pass(1000);
  }
  expect(slow.slowCount).toBe(0);
  for (let i = 0; i < 20; i++) {
    bench.source.append(...keyed(100, 7));
    await bench.pass(1000);
  }
  expect(slow.slowCount).toBe(1);
  expect(selective.slowCount).toBe(0);
});

test('CONFLATE_KEY: a slow reader gets the latest of each key, tombstones and null keys included (C30)', async () => {
  const bench = new Bench();
  const slow = bench.connect();
  const slowCursor = bench.attach(slow, { policy: Policy.CONFLATE_KEY });
  const quick = bench.connect();
  const quickCursor = bench.attach(quick, { policy: Policy.CONFLATE_KEY });
  await bench.pass();
  slow.client.stopReading(0);
  for (let i = 0; i < 60; i++) {
    bench.source.append(...keyed(100, 30), { key: null, value: `null key ${i}` });
    await bench.pass(10);
  }
  bench.source.append({ key: 'k3', value: null });
  await bench.pass();
  slow.client.read();
  await bench.pass(200);
  const stream = slow.stream(slowCursor.streamId);
  expect(latest(slow, slowCursor.streamId)).toEqual(latestOf(bench));
  expect(stream.records.filter(({ key }) => key === null)).toHaveLength(60);
  expect(stream.records.length).toBeLessThan(3000);
  expect(withFlag(stream, 'CONFLATED')).toBe(stream.frames.length);
  const offsets = stream.records.map(({ offset }) => offset);
  expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
  expect(latest(quick, quickCursor.streamId)).toEqual(latestOf(bench));
  expect(stream.position).toBe(bench.source.end);
});

test('a conflation list over its bound loses nothing: those below its floor read blocks (C30)', async () => {
  const bench = new Bench({ conflateMaxKeys: 10, ringPartitionBytes: 100_000 });
  const reader = bench.connect();
  const cursor = bench.attach(reader, { policy: Policy.CONFLATE_KEY });
  await bench.pass();
  cursor.pause();
  for (let i = 0; i < 40; i++) {
    bench.source.append(...keyed(100, 200));
    await bench.pass(10);
  }
  cursor.resume();
  await bench.pass(500);
  expect(latest(reader, cursor.streamId)).toEqual(latestOf(bench));
  expect(bench.metrics.conflateKeys.with().value).toBeLessThanOrEqual(10);
});

test('KEY_SNAPSHOT: the map at CaughtUp is the latest one, then live goes on (C31)', async () => {
  const bench = new Bench();
  bench.source.append(...keyed(3000, 50));
  const reader = bench.connect();
  const cursor = bench.attach(reader, { snapshot: true });
  for (let i = 0; i < 10; i++) {
    bench.source.append(...keyed(20, 50));
    await bench.pass(5);
  }
  await bench.pass(100);
  const stream = reader.stream(cursor.streamId);
  expect(stream.caughtUp).toHaveLength(1);
  expect(latest(reader, cursor.streamId)).toEqual(latestOf(bench));
  expect(withFlag(stream, 'SNAPSHOT')).toBeGreaterThan(0);
  bench.source.append(...keyed(5, 5));
  await bench.pass();
  expect((stream.frames.at(-1)?.flags ?? 0) & RecordsFlag.SNAPSHOT).toBe(0);
});

test('JSON: the same records as text; one of 41 KiB is a gap of one offset (C24)', async () => {
  const bench = new Bench();
  const reader = bench.connect(true);
  const cursor = bench.attach(reader);
  await bench.pass();
  bench.source.append({ key: 'a', value: 'x' }, { value: 'y'.repeat(41 << 10) }, { value: 'z' });
  await bench.pass();
  const stream = reader.stream(cursor.streamId);
  expect(stream.records.map(({ value }) => value)).toEqual(['x', 'z']);
  expect(stream.gaps).toEqual([{ from: 1, to: 2, reason: GapReason.OVERSIZE }]);
  expect(stream.position).toBe(3);
});

test('live clients are not starved by those who catch up', async () => {
  const bench = new Bench();
  bench.source.append(...keyed(20_000, 7));
  const cold = Array.from({ length: 20 }, () => bench.connect());
  const live = bench.connect();
  const liveCursor = bench.attach(live, { startOffset: 20_000 });
  await bench.pass();
  for (const reader of cold) bench.attach(reader);
  bench.source.append(...keyed(1, 1));
  await bench.pass(2);
  expect(live.stream(liveCursor.streamId).records).toHaveLength(1);
  await bench.pass(2000);
  for (const reader of cold) expect([...reader.streams.values()][0]?.position).toBe(20_001);
  expect(bench.source.readsUnderWayMax).toBeLessThanOrEqual(2);
  expect(bench.source.singleReads.length).toBeLessThan(10);
});

test('sockets that all hold bytes for long are a transport that hangs (P7)', async () => {
  const bench = new Bench();
  const reader = bench.connect();
  bench.attach(reader);
  await bench.pass();
  reader.client.stopReading(0);
  bench.source.append(...keyed(10, 7));
  await bench.pass(55_000);
  expect(bench.stuckCount).toBe(0);
  // Stopped itself, the process knows nothing of its sockets: the count begins anew.
  bench.clock.standStill(120_000);
  await bench.pass(55_000);
  expect(bench.stuckCount).toBe(0);
  await bench.pass(10_000);
  expect(bench.stuckCount).toBeGreaterThan(0);
});

test('256 filters without a key, no more, of one partition', () => {
  const bench = new Bench();
  const reader = bench.connect();
  const prefix = (text: string) =>
    compileCursorFilter([
      { op: FilterOp.KEY_PREFIX, arity: 0, name: null, values: [Buffer.from(text)] },
    ]);
  const reserve = (text: string) =>
    bench.fanOut.reserve(bench.options(reader, { filter: prefix(text) }));
  const first = reserve('0');
  for (let i = 1; i < 256; i++) reserve(`${i}`);
  expect(() => reserve('256')).toThrow(FilterLimitError);
  expect(reserve('7').streamId).toBe(first.streamId + 7);
  first.release();
  expect(() => reserve('256')).not.toThrow();
});

test('a record is asked of the filters that name its key, however many there are (C29)', async () => {
  const bench = new Bench();
  const reader = bench.connect();
  let asked = 0;
  for (let i = 0; i < 2000; i++) {
    const filter = keyFilter(`k${i}`);
    const passes: CompiledFilter['passes'] = (key, headers) => {
      asked++;
      return filter.passes(key, headers);
    };
    bench.attach(reader, { filter: { ...filter, passes } });
  }
  await bench.pass();
  bench.source.append(...keyed(100, 1000));
  await bench.pass();
  expect(asked).toBe(100);
  const streams = [...reader.streams.values()];
  expect(streams.filter(({ records }) => records.length > 0)).toHaveLength(100);
});
