import { ManualClock, silentLogger } from '@millrace/base';
import { FilterOp, PackedRecordsWriter, Policy } from '@millrace/gateway-protocol';
import { expect, test } from 'vitest';
import { Block, BlockKind } from './block.ts';
import { compileCursorFilter } from './compile-filter.ts';
import type { CompiledFilter } from './compiled-filter.ts';
import type { StreamCursor } from './cursor.ts';
import { FeedClasses } from './feed-classes.ts';
import { StreamClass } from './stream-class.ts';
import { Bench } from './testing/bench.ts';
import { Haystack } from './testing/haystack.ts';
import type { Reader } from './testing/reader.ts';

function byKey(key: string) {
  const values = [Buffer.from(key)];
  return compileCursorFilter([{ op: FilterOp.KEY_EQ, arity: 0, name: null, values }]);
}

test('C27: one match in a million: Progress at most once a second, and a resume from it skips and repeats nothing', async () => {
  const million = 1_000_000;
  const [slices, needleAt] = [20, 977_777];
  const hay = new Haystack(needleAt);
  const clock = new ManualClock();
  const bench = new Bench({}, { source: hay.source, clock, log: silentLogger });
  const pass = (ms: number) => clock.advanceAsync(ms, ms / 50);
  const filter = byKey('needle');
  const reader = bench.connect();
  const cursor = bench.attach(reader, { filter });
  await pass(20);
  const told: number[] = [];
  for (let slice = 0; slice < slices; slice++) {
    hay.grow(million / slices);
    for (let turn = 0; turn < 3; turn++) {
      await pass(100);
      const offset = reader.announce(cursor);
      if (offset >= 0) told.push(offset);
    }
  }
  const { records } = reader.stream(cursor.streamId);
  expect(records.map(({ offset }) => offset)).toEqual([needleAt]);
  expect(told.length).toBeGreaterThan(3);
  expect(told.length).toBeLessThanOrEqual(1 + (slices * 300) / 1000);
  const from = told.findLast((offset) => offset <= needleAt) ?? 0;
  const again = bench.connect();
  const resumed = bench.attach(again, { filter, lane: 1, startOffset: from });
  await pass(500);
  expect(resumed.nextOffset).toBe(million);
  expect(again.stream(resumed.streamId).records).toHaveLength(1);
  expect(Math.min(from, ...hay.singleReads)).toBe(from);
});

test('C29: a record is asked of as few of 50,000 filters by key as of 500', () => {
  const bench = new Bench();
  const { feed, cls } = bench.attach(bench.connect()) as StreamCursor;
  const count = 100;
  const writer = new PackedRecordsWriter(0);
  const positions = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    positions[i] = writer.bytes;
    writer.append(i, i, Buffer.from(`key-${(i * 7919) % 500}`), Buffer.alloc(100), []);
  }
  const bounds = { from: 0, next: count, epoch: 0, count, baseTimestamp: 0 };
  const origin = { isCold: false, highWatermark: count, arrivedAtMs: 0, kind: BlockKind.records };
  const parts = { ...bounds, ...origin, payload: writer.finish(), positions };
  for (const filterCount of [500, 50_000]) {
    let asked = 0;
    const classes = new FeedClasses();
    for (let i = 0; i < filterCount; i++) {
      const wanted = Buffer.from(`key-${i}`);
      const passes: CompiledFilter['passes'] = (key) => {
        asked++;
        return key !== null && wanted.equals(key);
      };
      const filter = { id: `${i}`, tag: i, nodes: [], keys: [wanted], needsHeaders: false, passes };
      classes.add(new StreamClass(feed, `${i}`, cls.shape, filter, 0));
    }
    let matches = 0;
    classes.match(new Block(parts, feed.ring, 0), () => matches++);
    expect({ asked, matches }).toEqual({ asked: count, matches: count });
  }
});

function mapOf(records: readonly { readonly key: string | null; readonly value: string | null }[]) {
  const map = new Map<string, string | null>();
  for (const { key, value } of records) if (key !== null) map.set(key, value);
  return map;
}

test("C30: one slow reader of a hundred: all have the log's final map, and only the slow one skips", async () => {
  const bench = new Bench();
  const policy = Policy.CONFLATE_KEY;
  const readers = Array.from({ length: 100 }, () => bench.connect());
  const cursors = readers.map((reader) => bench.attach(reader, { policy }));
  await bench.pass();
  const slow = readers[42] as Reader;
  slow.client.stopReading(0);
  const rounds = 60;
  for (let round = 0; round < rounds; round++) {
    bench.source.append(
      { key: `k${round % 10}`, value: `${round}` },
      { key: null, value: `${round}` },
    );
    await bench.pass(5);
  }
  bench.source.append({ key: 'k3', value: null });
  await bench.pass();
  slow.client.read();
  await bench.pass(100);
  const log = bench.source.records;
  readers.forEach((reader, i) => {
    const { records, position } = reader.stream(cursors[i]?.streamId ?? -1);
    expect(mapOf(records)).toEqual(mapOf(log));
    expect(records.filter(({ key }) => key === null)).toHaveLength(rounds);
    expect(position).toBe(bench.source.end);
    if (reader !== slow) expect(records).toHaveLength(log.length);
    else expect(records.length).toBeLessThan(rounds + 30);
  });
});

test.each([Policy.PAUSE, Policy.CONFLATE_KEY])(
  'C31: snapshot and what follows are the latest map at every CaughtUp (policy %s)',
  async (policy) => {
    const bench = new Bench({ ringPartitionBytes: 30_000 });
    const { source } = bench;
    const update = (i: number) => ({
      key: `k${i % 50}`,
      value: i % 97 === 0 ? null : `${i}`.padEnd(100),
    });
    source.append(...Array.from({ length: 3000 }, (_, i) => update(i)));
    source.remove(({ offset }) => offset < 1000 && offset % 7 !== 0);
    const reader = bench.connect();
    const cursor = bench.attach(reader, { snapshot: true, policy });
    const stream = reader.stream(cursor.streamId);
    let checked = 0;
    const receive = reader.receive.bind(reader);
    reader.receive = (message) => {
      receive(message);
      for (; checked < stream.caughtUp.length; checked++) {
        const end = stream.caughtUp[checked] as number;
        expect(stream.position).toBe(end);
        expect(mapOf(stream.records)).toEqual(
          mapOf(source.records.filter(({ offset }) => offset < end)),
        );
      }
    };
    for (let absence = 0, at = 3000; absence < 4; absence++) {
      await bench.pass(200);
      cursor.pause();
      for (const until = at + 500; at < until; ) {
        source.append(...Array.from({ length: 50 }, () => update(at++)));
        await bench.pass(5);
      }
      cursor.resume();
    }
    await bench.pass(200);
    expect(checked).toBeGreaterThanOrEqual(5);
    expect(stream.position).toBe(source.end);
  },
);

test('C33: max_wait_ms keeps its bound for every record', async () => {
  const bench = new Bench();
  const reader = bench.connect();
  const cursor = bench.attach(reader, { maxWaitMs: 100 });
  await bench.pass();
  const stream = reader.stream(cursor.streamId);
  const appendedAtMs: number[] = [];
  const waitedMs: number[] = [];
  const receive = reader.receive.bind(reader);
  reader.receive = (message) => {
    receive(message);
    const nowMs = bench.clock.monotonicMs();
    while (waitedMs.length < stream.records.length) {
      waitedMs.push(nowMs - (appendedAtMs[waitedMs.length] as number));
    }
  };
  for (let i = 0; i < 300; i++) {
    appendedAtMs.push(bench.clock.monotonicMs());
    bench.source.append({ value: 'x' });
    await bench.pass(3);
  }
  await bench.pass(200);
  expect(waitedMs).toHaveLength(300);
  // The bound, and the ticks of 1 ms that read and send.
  expect(Math.max(...waitedMs)).toBeLessThanOrEqual(100 + 5);
  expect(Math.max(...waitedMs)).toBeGreaterThan(90);
  expect(reader.client.writes).toBeLessThan(15);
});

test('C24: a record of 1 MiB goes in parts to a client that reads slowly, never more than 64 KiB unsent', async () => {
  const bench = new Bench();
  const reader = bench.connect();
  const cursor = bench.attach(reader);
  await bench.pass();
  reader.client.stopReading(0);
  const value = 'b'.repeat((1 << 20) - 100);
  bench.source.append({ value }, { value: 'after' });
  const stream = reader.stream(cursor.streamId);
  let unsentMax = 0;
  for (let turn = 0; turn < 500 && stream.records.length < 2; turn++) {
    await bench.pass(5);
    unsentMax = Math.max(unsentMax, reader.socket.unsentBytes());
    reader.client.read(10_000);
  }
  expect(stream.records.map((record) => record.value)).toEqual([value, 'after']);
  expect(stream.frames.map(({ part }) => part).slice(0, -1)).toEqual(
    Array.from({ length: stream.frames[0]?.parts ?? 0 }, (_, i) => i),
  );
  expect(unsentMax).toBeGreaterThan(32_768);
  expect(unsentMax).toBeLessThanOrEqual(65_536);
  expect(bench.metrics.unsentBytesMax.with().value).toBeLessThanOrEqual(65_536);
});
