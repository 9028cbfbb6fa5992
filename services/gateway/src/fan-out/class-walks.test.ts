import { FilterOp } from '@millrace/gateway-protocol';
import { expect, test } from 'vitest';
import { compileCursorFilter } from './compile-filter.ts';
import type { CompiledFilter } from './compiled-filter.ts';
import { Bench } from './testing/bench.ts';
import type { Reader } from './testing/reader.ts';

/** Readers of everything, of one class, at the end of the log. */
async function readersAtTheEnd(bench: Bench, count: number): Promise<Reader[]> {
  const readers = Array.from({ length: count }, () => bench.connect());
  for (const reader of readers) bench.attach(reader);
  await bench.pass();
  bench.source.append({ value: 'first' });
  await bench.pass();
  return readers;
}

function recordsOf(reader: Reader): number {
  return [...reader.streams.values()].reduce((sum, { records }) => sum + records.length, 0);
}

test('a member that leaves while a block walks along the class costs no other its frame', async () => {
  for (let leavingAfter = 1; leavingAfter < 40; leavingAfter++) {
    const bench = new Bench();
    const readers = await readersAtTheEnd(bench, 40);
    const leaving = readers[20] as Reader;
    let left = leavingAfter;
    for (const reader of readers) {
      const receive = reader.receive.bind(reader);
      reader.receive = (message) => {
        receive(message);
        if (--left === 0) bench.fanOut.detachAll(leaving);
      };
    }
    bench.source.append({ value: 'second' });
    await bench.pass();
    const staying = readers.filter((reader) => reader !== leaving);
    expect(staying.map(recordsOf)).toEqual(staying.map(() => 2));
  }
});

test('a member that is paused as the block comes by gets it when it goes on', async () => {
  const bench = new Bench();
  const reader = bench.connect();
  const other = bench.connect();
  const cursor = bench.attach(reader);
  bench.attach(other);
  await bench.pass();
  const receive = other.receive.bind(other);
  other.receive = (message) => {
    receive(message);
    cursor.pause();
  };
  bench.source.append({ value: 'first' });
  await bench.pass();
  bench.source.append({ value: 'second' });
  await bench.pass();
  expect(recordsOf(other)).toBe(2);
  cursor.resume();
  await bench.pass();
  expect(recordsOf(reader)).toBe(2);
  expect(cursor.nextOffset).toBe(2);
});

test('a block of several records and classes reaches each member once', async () => {
  const bench = new Bench();
  const readers = await readersAtTheEnd(bench, 20);
  for (let i = 0; i < 10; i++) {
    bench.source.append({ value: `${i}` }, { value: `${i}` });
    await bench.pass();
  }
  expect(readers.map(recordsOf)).toEqual(readers.map(() => 21));
});

test('who comes late to a ring is asked about the records of his keys only, and gets them in order', async () => {
  const bench = new Bench();
  bench.attach(bench.connect());
  await bench.pass();
  const count = 3000;
  for (let at = 0; at < count; at += 2) {
    bench.source.append({ key: `k${at % 100}` }, { key: `k${(at + 1) % 100}` });
    await bench.pass(1);
  }
  let asked = 0;
  const node = { op: FilterOp.KEY_EQ, arity: 0, name: null, values: [Buffer.from('k7')] };
  const filter = compileCursorFilter([node]) as CompiledFilter;
  const passes: CompiledFilter['passes'] = (key, headers) => {
    asked++;
    return filter.passes(key, headers);
  };
  const reader = bench.connect();
  const cursor = bench.attach(reader, { filter: { ...filter, passes }, startOffset: 50 });
  await bench.pass(10);
  const expected = Array.from({ length: 29 }, (_, i) => 107 + 100 * i);
  const { records } = reader.stream(cursor.streamId);
  expect(records.map(({ offset }) => offset)).toEqual(expected);
  expect(asked).toBe(expected.length);
  bench.source.append({ key: 'k7' }, { key: 'other' });
  await bench.pass();
  expect(records.map(({ offset }) => offset)).toEqual([...expected, count]);
});
