import { FilterOp, GapReason, Policy } from '@millrace/gateway-protocol';
import { expect, test } from 'vitest';
import { BlockBuilder, type BuiltBlock } from './block-builder.ts';
import { compileCursorFilter } from './compile-filter.ts';
import type { Cursor } from './contract.ts';
import { Bench } from './testing/bench.ts';
import { ModelSource, some } from './testing/model-source.ts';
import type { Reader } from './testing/reader.ts';

/** A filter by a key; none of `some` has 'never'. */
function only(key: string) {
  const values = [Buffer.from(key)];
  return compileCursorFilter([{ op: FilterOp.KEY_IN, arity: 0, name: null, values }]);
}

/** What a resume asks: does the log of the position's epoch reach it? */
async function isHonoured(source: ModelSource, cursor: Cursor): Promise<boolean> {
  const { endOffset } = await source.epochEnd('topic', 0, cursor.leaderEpoch);
  return cursor.leaderEpoch >= 0 && endOffset >= cursor.nextOffset;
}

async function announced(bench: Bench, reader: Reader, cursor: Cursor): Promise<number> {
  await bench.pass(1500);
  const offset = reader.announce(cursor);
  await bench.pass();
  return offset;
}

test('a position behind markers alone has the epoch they were written under', async () => {
  const bench = new Bench();
  const reader = bench.connect();
  const cursor = bench.attach(reader);
  await bench.pass();
  bench.source.append(...some(10));
  await bench.pass();
  bench.source.elect();
  bench.source.appendMarker();
  expect(await announced(bench, reader, cursor)).toBe(11);
  expect(cursor.leaderEpoch).toBe(1);
  bench.source.append(...some(3));
  await bench.pass();
  expect(reader.outcomes).toEqual([]);
  expect(reader.stream(cursor.streamId).records).toHaveLength(13);
});

test('a position behind records that pass no filter has their epoch: live, in the ring, from the log', async () => {
  const bench = new Bench({ ringPartitionBytes: 5000 });
  const live = bench.connect();
  const liveCursor = bench.attach(live, { filter: only('never') });
  await bench.pass();
  bench.source.append(...some(10));
  expect(await announced(bench, live, liveCursor)).toBe(10);
  expect(liveCursor.leaderEpoch).toBe(0);
  bench.source.elect();
  bench.source.append(...some(500));
  expect(await announced(bench, live, liveCursor)).toBe(510);
  expect(liveCursor.leaderEpoch).toBe(1);
  for (const startOffset of [0, 480]) {
    const late = bench.connect();
    const cursor = bench.attach(late, { filter: only('never'), startOffset });
    await bench.pass(100);
    expect(cursor.nextOffset).toBe(510);
    expect(cursor.leaderEpoch).toBe(1);
  }
});

test('a mark whose place has left the ring keeps its epoch', async () => {
  const bench = new Bench({ ringPartitionBytes: 5000 });
  const [first, second] = [bench.connect(), bench.connect()];
  const cursor = bench.attach(first, { filter: only('never') });
  const other = bench.attach(second, { filter: only('never') });
  await bench.pass();
  bench.source.elect();
  bench.source.append(...some(10));
  await bench.pass(1500);
  expect(first.announce(cursor)).toBe(10);
  bench.source.append(...some(300));
  await bench.pass();
  expect(second.announce(other)).toBe(10);
  expect(other.leaderEpoch).toBe(1);
});

test('a conflated position is of the epoch it lies in, whatever became of later records', async () => {
  const bench = new Bench();
  const reader = bench.connect();
  const filter = only('k1');
  const cursor = bench.attach(reader, { policy: Policy.CONFLATE_KEY, filter });
  await bench.pass();
  cursor.pause();
  bench.source.append({ key: 'k1' }, { key: 'k2' });
  bench.source.elect();
  bench.source.append({ key: 'k2' }, { key: 'k2' });
  await bench.pass();
  cursor.resume();
  await bench.pass();
  expect(await isHonoured(bench.source, cursor)).toBe(true);
  expect(await announced(bench, reader, cursor)).toBe(4);
  expect(await isHonoured(bench.source, cursor)).toBe(true);
});

test('an oversize record is passed under its own epoch', async () => {
  const bench = new Bench({ recordMaxBytes: 1000 });
  const reader = bench.connect();
  const cursor = bench.attach(reader);
  await bench.pass();
  bench.source.append(...some(2));
  await bench.pass();
  bench.source.elect();
  bench.source.append({ value: 'x'.repeat(2000) });
  await bench.pass();
  expect(cursor.nextOffset).toBe(3);
  expect(cursor.leaderEpoch).toBe(1);
});

test('how far a connection is behind is the sum over its streams', async () => {
  const bench = new Bench();
  const reader = bench.connect();
  const [one, other] = [bench.attach(reader), bench.attach(reader, { lane: 1 })];
  await bench.pass();
  one.pause();
  other.pause();
  expect(bench.fanOut.lagOf(reader)).toBe(0);
  bench.source.append(...some(5));
  await bench.pass();
  expect(bench.fanOut.lagOf(reader)).toBe(10);
  one.resume();
  await bench.pass();
  expect(bench.fanOut.lagOf(reader)).toBe(5);
});

test('names of headers count as bytes, not as characters', async () => {
  const bench = new Bench({ recordMaxBytes: 1000 });
  const reader = bench.connect();
  const { streamId } = bench.attach(reader);
  await bench.pass();
  bench.source.append({ headers: [{ key: '€'.repeat(400), value: null }] });
  await bench.pass();
  expect(reader.stream(streamId).gaps).toEqual([{ from: 0, to: 1, reason: GapReason.OVERSIZE }]);
});

test('a leader that has more of an old epoch cuts where this log left that epoch', async () => {
  const bench = new Bench();
  const reader = bench.connect();
  const cursor = bench.attach(reader);
  const behind = bench.connect();
  const behindCursor = bench.attach(behind);
  await bench.pass();
  bench.source.append(...some(10));
  await bench.pass();
  behindCursor.pause();
  bench.source.elect();
  bench.source.append(...some(10));
  await bench.pass();
  // The old leader comes back with ten records of its epoch that nobody had.
  bench.source.truncate(10);
  bench.source.continueOldest(10);
  await bench.pass(2000);
  expect(reader.outcomes).toEqual([{ kind: 'DIVERGED', lostFrom: 10, lostTo: 20 }]);
  Object.assign(reader.stream(cursor.streamId), { position: 10, epoch: -1 });
  cursor.continueAt(10, -1);
  behindCursor.resume();
  await bench.pass();
  expect(behind.outcomes).toEqual([]);
  expect(behind.stream(behindCursor.streamId).records).toHaveLength(20);
});

test('it cuts there too when the blocks of that epoch have left the ring', async () => {
  const bench = new Bench({ ringPartitionBytes: 5000 });
  const [reader, behind] = [bench.connect(), bench.connect()];
  bench.attach(reader);
  const behindCursor = bench.attach(behind);
  await bench.pass();
  bench.source.append(...some(10));
  await bench.pass();
  bench.source.elect();
  bench.source.append(...some(10));
  await bench.pass();
  behindCursor.pause();
  bench.source.elect();
  for (let turn = 0; turn < 10; turn++) {
    bench.source.append(...some(30));
    await bench.pass();
  }
  bench.source.truncate(10);
  bench.source.continueOldest(40);
  await bench.pass(2000);
  expect(reader.outcomes).toEqual([{ kind: 'DIVERGED', lostFrom: 10, lostTo: 320 }]);
  expect(behind.outcomes).toEqual([{ kind: 'DIVERGED', lostFrom: 10, lostTo: 20 }]);
});

test('who read from a lost epoch whose beginning nobody remembers is told that all may be lost', async () => {
  const bench = new Bench({ ringPartitionBytes: 5000 });
  bench.source.append(...some(10));
  bench.source.elect();
  bench.source.append(...some(20_000));
  bench.source.elect();
  bench.source.append(...some(10));
  const live = bench.connect();
  bench.attach(live, { startOffset: 20_020 });
  await bench.pass();
  bench.source.append(...some(10));
  await bench.pass();
  const [behind, sound] = [bench.connect(), bench.connect()];
  const behindCursor = bench.attach(behind, { window: { bytes: 3000 } });
  const soundCursor = bench.attach(sound, { startOffset: 0, startEpoch: 0 });
  soundCursor.pause();
  await bench.pass();
  behindCursor.pause();
  expect(behindCursor.leaderEpoch).toBe(1);
  const { nextOffset } = behindCursor;
  bench.source.truncate(10);
  bench.source.continueOldest(15_000);
  await bench.pass(2000);
  expect(nextOffset).toBeLessThan(15_000);
  expect(behind.outcomes).toEqual([{ kind: 'DIVERGED', lostFrom: 0, lostTo: nextOffset }]);
  expect(sound.outcomes).toEqual([]);
});

test('a block built up to a limit ends under the epoch of what lies there', async () => {
  const source = new ModelSource();
  source.append(...some(5));
  source.elect();
  source.appendMarker();
  source.elect();
  source.append(...some(5));
  source.remove(({ offset }) => offset === 4);
  const built: BuiltBlock[] = [];
  const onBlock = (block: BuiltBlock) => built.push(block);
  const bounds = { targetBytes: 57_000, recordBytesMax: 1 << 20 };
  const builder = new BlockBuilder(0, { ...bounds, onBlock, isSkipped: () => false });
  const place = { topic: 'topic', topicId: source.topicId, partition: 0 };
  builder.add(await source.readOnce(place, 0, 0), 6);
  builder.seal();
  for (const { next, epoch } of built) {
    expect((await source.epochEnd('topic', 0, epoch)).endOffset).toBeGreaterThanOrEqual(next);
  }
  expect(built.at(-1)?.next).toBe(6);
});
