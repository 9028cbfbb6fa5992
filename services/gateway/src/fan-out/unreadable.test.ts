import { FilterOp, GapReason, Policy } from '@millrace/gateway-protocol';
import { BatchCursor, verifyCrc } from '@millrace/records';
import { expect, test } from 'vitest';
import type { PartitionRead } from '../upstream.ts';
import { compileCursorFilter } from './compile-filter.ts';
import type { CursorOptions } from './contract.ts';
import { Bench } from './testing/bench.ts';

/** Bytes of a record batch before the epoch of its leader. */
const LEADER_EPOCH_AT = 12;

/** Batches of 50 records; the one with offsets [100, 150) is damaged. */
function damaged(bench: Bench): void {
  for (let batch = 0; batch < 5; batch++) {
    if (batch === 2) bench.source.damage(100, 150);
    const records = Array.from({ length: 50 }, (_, i) => ({ key: `k${i % 5}`, value: `${batch}` }));
    bench.source.append(...records);
  }
}

const filter = compileCursorFilter([
  { op: FilterOp.KEY_EQ, arity: 0, name: null, values: [Buffer.from('k1')] },
]);
const KINDS: [string, Partial<CursorOptions>, number][] = [
  ['plain', {}, 200],
  ['filtered', { filter }, 40],
  ['conflated', { policy: Policy.CONFLATE_KEY }, -1],
];

test.each(KINDS)('a damaged batch ends a %s stream, and nobody else', async (_, options) => {
  for (const isLive of [true, false]) {
    const bench = new Bench();
    const reader = bench.connect();
    if (!isLive) damaged(bench);
    const cursor = bench.attach(reader, options);
    await bench.pass();
    if (isLive) damaged(bench);
    await bench.pass();
    const { records, position } = reader.stream(cursor.streamId);
    expect(reader.outcomes).toEqual([{ kind: 'FAILED', code: 100 }]);
    expect(records.every(({ value }) => value === '0' || value === '1')).toBe(true);
    expect(records.at(-1)?.value).toBe('1');
    expect(position).toBe(100);
    const latest = bench.connect();
    const latestCursor = bench.attach(latest, { startOffset: 250 });
    bench.source.append({ value: 'after' });
    await bench.pass();
    expect(latest.stream(latestCursor.streamId).records).toHaveLength(1);
  }
});

test.each(KINDS)(
  '%s, where the operator lets streams go on: a Gap with exact bounds',
  async (_, options, count) => {
    for (const isLive of [true, false]) {
      const bench = new Bench({ skipUnreadable: true });
      const reader = bench.connect();
      if (!isLive) damaged(bench);
      const cursor = bench.attach(reader, options);
      await bench.pass();
      if (isLive) damaged(bench);
      await bench.pass(1500);
      reader.announce(cursor);
      await bench.pass();
      const { records, gaps, position } = reader.stream(cursor.streamId);
      expect(reader.outcomes).toEqual([]);
      expect(gaps).toEqual([{ from: 100, to: 150, reason: GapReason.UNREADABLE }]);
      expect(position).toBe(250);
      if (count >= 0) expect(records).toHaveLength(count);
      expect(records.at(-1)?.value).toBe('4');
      expect(records.some(({ value }) => value === '2')).toBe(false);
    }
  },
);

test('a damaged batch at the end of the log is skipped as far as it says, within the log', async () => {
  const bench = new Bench({ skipUnreadable: true });
  const reader = bench.connect();
  const cursor = bench.attach(reader);
  await bench.pass();
  bench.source.damage(2, 4);
  bench.source.append({ value: 'a' }, { value: 'b' });
  bench.source.append({ value: 'c' }, { value: 'd' });
  await bench.pass();
  const stream = reader.stream(cursor.streamId);
  expect(stream.gaps).toEqual([{ from: 2, to: 4, reason: GapReason.UNREADABLE }]);
  bench.source.append({ value: 'e' });
  await bench.pass();
  expect(stream.records.map(({ value }) => value)).toEqual(['a', 'b', 'e']);
});

/** The batches of a read with another epoch in the header of those that are damaged, which no CRC covers. */
function misnamed(read: PartitionRead): PartitionRead {
  const batches = read.batches.slice();
  const cursor = new BatchCursor().reset(batches);
  while (cursor.next()) {
    if (verifyCrc(batches, cursor.position)) continue;
    new DataView(batches.buffer).setInt32(cursor.position + LEADER_EPOCH_AT, 77);
  }
  return { ...read, batches };
}

test.each([true, false])(
  'the epoch that a damaged batch names is not asked of the cluster (alone in its read: %s)',
  async (isAlone) => {
    const bench = new Bench({ skipUnreadable: true });
    const { source } = bench;
    const follow = source.follow.bind(source);
    source.follow = (place, isolation, offset, epoch, onRead) =>
      follow(place, isolation, offset, epoch, (read) => onRead(misnamed(read)));
    const reader = bench.connect();
    const cursor = bench.attach(reader);
    source.append({ value: 'a' });
    await bench.pass();
    source.elect();
    source.damage(1, 2);
    source.append({ value: 'b' });
    if (isAlone) await bench.pass();
    source.append({ value: 'c' });
    await bench.pass();
    source.append({ value: 'd' });
    await bench.pass();
    const stream = reader.stream(cursor.streamId);
    expect(reader.outcomes).toEqual([]);
    expect(stream.gaps).toEqual([{ from: 1, to: 2, reason: GapReason.UNREADABLE }]);
    expect(stream.records.map(({ value }) => value)).toEqual(['a', 'c', 'd']);
    expect(cursor.leaderEpoch).toBe(1);
  },
);

test('bytes that are no batch end the streams that wait for them, live and from the log', async () => {
  for (const isLive of [true, false]) {
    const bench = new Bench({ skipUnreadable: true });
    const { source } = bench;
    const broken = (read: PartitionRead) => ({ ...read, batches: read.batches.fill(9, 16, 17) });
    const [follow, readOnce] = [source.follow.bind(source), source.readOnce.bind(source)];
    source.follow = (place, isolation, offset, epoch, onRead) =>
      follow(place, isolation, offset, epoch, (read) => onRead(broken(read)));
    source.readOnce = async (...args) => broken(await readOnce(...args));
    const reader = bench.connect();
    if (!isLive) source.append(...Array.from({ length: 3000 }, () => ({ value: 'x' })));
    bench.attach(reader);
    await bench.pass();
    if (isLive) source.append({ value: 'x' });
    await bench.pass();
    expect(reader.outcomes).toEqual([{ kind: 'FAILED', code: 100 }]);
  }
});
