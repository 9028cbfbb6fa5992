import { GapReason, RecordsFlag } from '@millrace/gateway-protocol';
import { expect, test } from 'vitest';
import { deliveryLimits } from '../limits.ts';
import { Bench } from './testing/bench.ts';
import { type ModelRecord, some } from './testing/model-source.ts';
import type { SeenRecord } from './testing/reader.ts';

function asSeen(records: readonly ModelRecord[]): SeenRecord[] {
  return records.map(({ offset, key, value }) => ({ offset, key, value }));
}

test('live records reach a subscriber, and CaughtUp comes once', async () => {
  const bench = new Bench();
  const reader = bench.connect();
  const cursor = bench.attach(reader);
  await bench.pass();
  bench.source.append(...some(10));
  await bench.pass();
  bench.source.append(...some(5));
  await bench.pass();
  const stream = reader.stream(cursor.streamId);
  expect(stream.records).toEqual(asSeen(bench.source.records));
  expect(stream.caughtUp).toEqual([0]);
  expect(cursor.nextOffset).toBe(15);
  expect(cursor.state).toBe('tail');
});

test('C19: a subscriber from the earliest record goes from cold to live without a seam', async () => {
  // The ring holds less than what lies behind.
  const bench = new Bench({ ringPartitionBytes: 100_000 });
  bench.source.append(...some(5000));
  bench.source.readBytes = 20_000;
  const reader = bench.connect();
  const cursor = bench.attach(reader);
  for (let i = 0; i < 20; i++) {
    await bench.pass(5);
    bench.source.append(...some(30));
  }
  await bench.pass();
  const stream = reader.stream(cursor.streamId);
  expect(stream.records).toEqual(asSeen(bench.source.records));
  expect(stream.frames.some(({ flags }) => (flags & RecordsFlag.COLD) !== 0)).toBe(true);
  expect(stream.frames.some(({ flags }) => (flags & RecordsFlag.COLD) === 0)).toBe(true);
  expect(stream.caughtUp).toHaveLength(1);
});

const ENCODINGS = [false, true];
test.each(ENCODINGS)(
  'C20: encoded once for 1,000 clients, the same bytes (JSON: %s)',
  async (isText) => {
    const bench = new Bench();
    const readers = Array.from({ length: 1000 }, () => bench.connect(isText));
    for (const reader of readers) bench.attach(reader);
    await bench.pass();
    for (let i = 0; i < 3; i++) {
      bench.source.append(...some(3));
      await bench.pass();
    }
    expect(bench.metrics.framesEncoded.with().value).toBe(3);
    expect(bench.metrics.framesOut.with('records').value).toBe(3000);
    const [first] = readers;
    for (const reader of readers) {
      const data = reader.messages.filter(({ bytes }) => bytes.length > 128);
      expect(data).toEqual(first?.messages.filter(({ bytes }) => bytes.length > 128));
    }
  },
);

test('records that come while a round is on its way join one frame', async () => {
  const bench = new Bench();
  const reader = bench.connect();
  const cursor = bench.attach(reader);
  await bench.pass();
  for (let i = 0; i < 8; i++) bench.source.append(...some(1));
  await bench.pass();
  const stream = reader.stream(cursor.streamId);
  expect(stream.records).toHaveLength(8);
  expect(stream.frames).toHaveLength(1);
});

test('holes and markers are covered', async () => {
  const bench = new Bench();
  bench.source.append(...some(200));
  bench.source.appendMarker();
  bench.source.append(...some(20));
  bench.source.appendMarker();
  bench.source.remove(({ offset }) => offset % 3 === 0 || (offset > 50 && offset < 120));
  const reader = bench.connect();
  const cursor = bench.attach(reader);
  await bench.pass();
  bench.source.appendMarker();
  await bench.pass();
  const stream = reader.stream(cursor.streamId);
  expect(stream.records).toEqual(asSeen(bench.source.records));
  reader.announce(cursor);
  await bench.pass();
  expect(stream.position).toBe(bench.source.end);
});

test('retention that passes a paused cursor is a gap with exact bounds when it goes on (C12)', async () => {
  const bench = new Bench({ ringPartitionBytes: 20_000 });
  const reader = bench.connect();
  const cursor = bench.attach(reader);
  await bench.pass();
  bench.source.append(...some(50));
  await bench.pass();
  cursor.pause();
  for (let i = 0; i < 20; i++) {
    bench.source.append(...some(50));
    await bench.pass();
  }
  bench.source.deleteBefore(300);
  expect(reader.outcomes).toEqual([]);
  cursor.resume();
  await bench.pass();
  expect(reader.outcomes).toEqual([{ kind: 'GAP', lostFrom: 50, lostTo: 300 }]);
  reader.gap(cursor, 50, 300, GapReason.RETENTION);
  cursor.continueAt(300, -1);
  await bench.pass(100);
  const stream = reader.stream(cursor.streamId);
  expect(stream.records.slice(50)).toEqual(asSeen(bench.source.records));
  expect(stream.position).toBe(1050);
});

test('a truncation stops only those above it, and nothing truncated is delivered afterwards (C13)', async () => {
  const bench = new Bench();
  const ahead = bench.connect();
  const behind = bench.connect();
  const aheadCursor = bench.attach(ahead);
  const behindCursor = bench.attach(behind);
  await bench.pass();
  bench.source.append(...some(100));
  await bench.pass();
  behindCursor.pause();
  bench.source.append(...some(100));
  await bench.pass();
  bench.source.truncate(150);
  bench.source.append({ value: 'new' });
  await bench.pass(2000);
  expect(ahead.outcomes).toEqual([{ kind: 'DIVERGED', lostFrom: 150, lostTo: 200 }]);
  behindCursor.resume();
  await bench.pass();
  const stream = behind.stream(behindCursor.streamId);
  expect(behind.outcomes).toEqual([]);
  expect(stream.records).toEqual(asSeen(bench.source.records));
  ahead.stream(aheadCursor.streamId).position = 150;
  aheadCursor.continueAt(150, -1);
  await bench.pass();
  expect(ahead.stream(aheadCursor.streamId).records.at(-1)?.value).toBe('new');
});

test('a topic made again under its name ends the streams as RECREATED (C14)', async () => {
  const bench = new Bench();
  const reader = bench.connect();
  bench.attach(reader);
  await bench.pass();
  bench.source.append(...some(10));
  await bench.pass();
  const topicId = 'AAAAAAAAAAAAAAAAAAAAAC';
  bench.source.recreate(topicId);
  await bench.pass(1000);
  expect(reader.outcomes).toEqual([{ kind: 'RECREATED', startOffset: 0, topicId }]);
  const again = bench.attach(reader);
  bench.source.append(...some(2));
  await bench.pass();
  expect(reader.stream(again.streamId).records).toHaveLength(2);
});

test.each([0, 1])(
  'made again while its place is looked for: RECREATED with the new id, once (%i elections before)',
  async (elections) => {
    const bench = new Bench();
    const { source } = bench;
    const reader = bench.connect();
    bench.attach(reader);
    await bench.pass();
    for (let i = 0; i < elections; i++) source.elect();
    source.append(...some(10));
    await bench.pass();
    // The old id is what the look-up finds, and the bounds are the new topic's.
    const topicId = 'AAAAAAAAAAAAAAAAAAAAAC';
    source.afterNextLookUp = () => source.recreate(topicId);
    source.deleteBefore(source.end + 1);
    source.wakeAll();
    await bench.pass(1000);
    expect(source.afterNextLookUp).toBeNull();
    expect(reader.outcomes).toEqual([{ kind: 'RECREATED', startOffset: 0, topicId }]);
  },
);

test('a topic that stays away fails its streams', async () => {
  const bench = new Bench();
  const reader = bench.connect();
  bench.attach(reader);
  await bench.pass();
  bench.source.exists = false;
  bench.source.wakeAll();
  await bench.pass(deliveryLimits.topicGoneMs - 500);
  expect(reader.outcomes).toEqual([]);
  await bench.pass(1500);
  expect(reader.outcomes).toEqual([{ kind: 'FAILED', code: 120 }]);
});

test('a large record goes in parts, in order; one beyond the limit is a gap of one offset (C24)', async () => {
  const bench = new Bench({ recordMaxBytes: 1 << 20 });
  const reader = bench.connect();
  const cursor = bench.attach(reader, { window: { bytes: 1000 } });
  await bench.pass();
  bench.source.append(
    { value: 'a' },
    { value: 'b'.repeat((1 << 20) - 100) },
    { value: 'c'.repeat((1 << 20) + 1) },
    { value: 'd' },
  );
  await bench.pass(200);
  const stream = reader.stream(cursor.streamId);
  expect(stream.records.map(({ value }) => value?.[0])).toEqual(['a', 'b']);
  expect(stream.frames.some(({ parts }) => parts > 17)).toBe(true);
  expect(stream.gaps).toEqual([{ from: 2, to: 3, reason: GapReason.OVERSIZE }]);
});

test('pending cursors wait for their position', async () => {
  const bench = new Bench();
  bench.source.append(...some(10));
  const reader = bench.connect();
  const cursor = bench.attach(reader, { startOffset: -1 });
  await bench.pass();
  expect(cursor.state).toBe('pending');
  reader.stream(cursor.streamId).position = 4;
  cursor.continueAt(4, -1);
  await bench.pass();
  expect(reader.stream(cursor.streamId).records).toHaveLength(6);
});

test('a position beyond the end waits there', async () => {
  const bench = new Bench();
  bench.source.append(...some(10));
  const reader = bench.connect();
  const cursor = bench.attach(reader, { startOffset: 14 });
  await bench.pass();
  bench.source.append(...some(3));
  await bench.pass();
  expect(reader.stream(cursor.streamId).records).toEqual([]);
  bench.source.append(...some(3));
  await bench.pass();
  expect(reader.stream(cursor.streamId).records.map(({ offset }) => offset)).toEqual([14, 15]);
});

test('nothing is sent after detach', async () => {
  const bench = new Bench();
  const reader = bench.connect();
  const cursor = bench.attach(reader);
  await bench.pass();
  bench.source.append(...some(10));
  cursor.detach();
  await bench.pass();
  expect(reader.stream(cursor.streamId).records).toEqual([]);
  bench.source.append(...some(10));
  await bench.pass();
  expect(reader.stream(cursor.streamId).records).toEqual([]);
});

test('a stream id that somebody was told stays, whoever leaves meanwhile and however long it takes', async () => {
  const bench = new Bench({ feedLingerMs: 1_000 });
  const [leaver, comer] = [bench.connect(), bench.connect()];
  const first = bench.attach(leaver);
  const reservation = bench.fanOut.reserve(bench.options(comer, {}));
  expect(reservation.streamId).toBe(first.streamId);
  first.detach();
  await bench.pass(5_000);
  bench.source.append(...some(3));
  const second = bench.attach(comer);
  reservation.release();
  expect(second.streamId).toBe(first.streamId);
  await bench.pass();
  expect(comer.stream(second.streamId).records).toHaveLength(3);
  second.detach();
  await bench.pass(5_000);
  // Nobody was told: the class is forgotten, and its feed closed.
  expect(bench.attach(comer).streamId).not.toBe(first.streamId);
});
