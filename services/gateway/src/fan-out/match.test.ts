import { FilterOp } from '@millrace/gateway-protocol';
import { expect, test } from 'vitest';
import { compileCursorFilter } from './compile-filter.ts';
import type { CompiledFilter } from './compiled-filter.ts';
import { Bench } from './testing/bench.ts';

/** A filter, and how many headers each record had that it was asked about. */
function watched(op: number, name: string | null) {
  const values = op === FilterOp.HEADER_EXISTS ? [] : [Buffer.from('k')];
  const filter = compileCursorFilter([{ op, arity: 0, name, values }]) as CompiledFilter;
  const seen: number[] = [];
  const passes: CompiledFilter['passes'] = (key, headers) => {
    seen.push(headers.length);
    return filter.passes(key, headers);
  };
  return { filter: { ...filter, passes }, seen };
}

test('headers are read for filters that look at them, live and in the ring', async () => {
  const bench = new Bench();
  const header = { key: 'h', value: null };
  const [byKey, late, byHeader] = [
    watched(FilterOp.KEY_EQ, null),
    watched(FilterOp.KEY_PREFIX, null),
    watched(FilterOp.HEADER_EXISTS, 'h'),
  ];
  const reader = bench.connect();
  bench.attach(reader, { filter: byKey.filter });
  await bench.pass();
  bench.source.append({ key: 'k', headers: [header] });
  await bench.pass();
  expect(byKey.seen).toEqual([0]);
  bench.attach(reader, { filter: late.filter });
  const cursor = bench.attach(reader, { filter: byHeader.filter });
  await bench.pass();
  expect(late.seen).toEqual([0]);
  expect(byHeader.seen).toEqual([1]);
  bench.source.append({ key: 'k', headers: [header] });
  await bench.pass();
  expect(byHeader.seen).toEqual([1, 1]);
  expect(reader.stream(cursor.streamId).records).toHaveLength(2);
});
