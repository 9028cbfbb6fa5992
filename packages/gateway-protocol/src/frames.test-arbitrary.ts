import fc from 'fast-check';
import { type FilterTree, filterToNodes } from './filter.ts';
import type { Frame, FrameKind } from './frames.ts';
import { type Row, type Shape, Wire } from './row.ts';
import { filterRow, frameRows } from './tables.ts';

const LONG_MAX = 2n ** 63n - 1n;
const LONG_MIN = -(2n ** 63n);

/** Any legal frame of this kind. */
export function anyFrame(kind: FrameKind): fc.Arbitrary<Frame> {
  const row = frameRows.find((candidate) => candidate.kind === kind);
  if (row === undefined) throw new Error(`no frame ${kind}`);
  return anyTable(row.shape).map((fields) => ({ ...fields, kind }) as unknown as Frame);
}

/** Kinds that one side may send. */
export function kindsFrom(side: 'client' | 'server'): FrameKind[] {
  return frameRows
    .filter(({ fromClient, fromServer }) => (side === 'client' ? fromClient : fromServer))
    .map(({ kind }) => kind);
}

function anyTable(shape: Shape): fc.Arbitrary<Record<string, unknown>> {
  const fields = shape.names.map((name, slot) => [name, anyValue(shape.rows[slot] as Row)]);
  return fc.record(Object.fromEntries(fields));
}

function anyValue(row: Row): fc.Arbitrary<unknown> {
  if (row === filterRow) return anyFilter.map((tree) => (tree === null ? [] : filterToNodes(tree)));
  switch (row.wire) {
    case Wire.TEXT:
      return row.min > 0 ? anyText.filter((text) => text !== '') : fc.option(anyText);
    case Wire.BYTES: {
      const size =
        row.exact > 0
          ? { minLength: row.exact, maxLength: row.exact }
          : { minLength: row.min, maxLength: 40 };
      const bytes = fc.uint8Array(size);
      return row.min > 0 ? bytes : fc.option(bytes);
    }
    case Wire.TABLE:
      return fc.option(anyTable(row.of as Shape));
    case Wire.SCALARS:
      return fc.array(anyScalar(row.element as Row), { maxLength: Math.min(row.max, 5) });
    case Wire.STRUCTS:
    case Wire.TABLES: {
      const shape = row.of as Shape;
      const item: fc.Arbitrary<unknown> = shape.isOnlyField
        ? fc.uint8Array({ maxLength: 9 })
        : anyTable(shape);
      return fc.array(item, { maxLength: 4 });
    }
    default:
      return anyScalar(row);
  }
}

function anyScalar(row: Row): fc.Arbitrary<unknown> {
  if (row.wire === Wire.BOOL) return fc.boolean();
  if (row.wire === Wire.I64) {
    const min = row.min === Number.NEGATIVE_INFINITY ? LONG_MIN : BigInt(row.min);
    return fc.oneof(
      fc.bigInt({ min, max: LONG_MAX }),
      fc.constantFrom(min, LONG_MAX, row.min > 1 ? min : 1n),
    );
  }
  const least = fc.constantFrom(row.min, row.max);
  return fc.oneof(fc.integer({ min: row.min, max: row.max }), least);
}

const anyText = fc.string({ unit: 'grapheme', maxLength: 12 });
const anyBytes = fc.oneof(anyText, fc.uint8Array({ maxLength: 6 }));

const anyTest = fc.oneof(
  fc.record({ eq: anyBytes }),
  fc.record({ in: fc.array(anyBytes, { minLength: 1, maxLength: 3 }) }),
  fc.record({ prefix: anyBytes }),
);

/** A legal filter, or null for none. */
export const anyTree: fc.Arbitrary<FilterTree> = fc.letrec<{ tree: FilterTree; leaf: FilterTree }>(
  (tie) => ({
    leaf: fc.oneof(
      fc.record({ key: fc.option(anyTest) }),
      fc
        .tuple(anyText, fc.oneof(anyTest, fc.constant({ exists: true as const })))
        .map(([name, test]) => ({ header: { name, ...test } })),
    ) as fc.Arbitrary<FilterTree>,
    tree: fc.oneof(
      { maxDepth: 3 },
      tie('leaf'),
      fc.record({ and: fc.array(tie('tree'), { minLength: 2, maxLength: 3 }) }),
      fc.record({ or: fc.array(tie('tree'), { minLength: 2, maxLength: 3 }) }),
      fc.record({ not: tie('tree') }),
    ) as fc.Arbitrary<FilterTree>,
  }),
).tree;
const anyFilter = fc.option(anyTree);
