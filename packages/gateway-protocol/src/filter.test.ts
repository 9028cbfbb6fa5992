import { crc32c } from '@millrace/bytes';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalFilter, filterKeys } from './canonical-filter.ts';
import { compileFilter, filterNeedsHeaders } from './compile-filter.ts';
import { FilterOp } from './enums.ts';
import {
  type FilterBytes,
  FilterError,
  type FilterTree,
  filterToNodes,
  type KeyTest,
  nodesToFilter,
} from './filter.ts';
import type { FilterNode, HeaderField } from './frame-parts.ts';
import { anyTree } from './frames.test-arbitrary.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);
const eq = (key: FilterBytes): FilterTree => ({ key: { eq: key } });
const bytes = (...values: number[]) => Uint8Array.from(values);
const node = (op: number, fields: Partial<FilterNode> = {}): FilterNode => ({
  op,
  arity: 0,
  name: null,
  values: [],
  ...fields,
});
const tagOf = (tree: FilterTree) => canonicalFilter(filterToNodes(tree))?.tag ?? null;

describe('the two forms', () => {
  test('every operation', () => {
    const trees: [FilterTree, FilterNode[]][] = [
      [eq('a'), [node(FilterOp.KEY_EQ, { values: [utf8('a')] })]],
      [
        { key: { in: ['a', bytes(255), { b64: 'AQ==' }] } },
        [node(FilterOp.KEY_IN, { values: [utf8('a'), bytes(255), bytes(1)] })],
      ],
      [{ key: { prefix: '' } }, [node(FilterOp.KEY_PREFIX, { values: [bytes()] })]],
      [{ key: null }, [node(FilterOp.KEY_NULL)]],
      [
        { header: { name: 'h', eq: 'v' } },
        [node(FilterOp.HEADER_EQ, { name: 'h', values: [utf8('v')] })],
      ],
      [
        { header: { name: '', in: ['v'] } },
        [node(FilterOp.HEADER_IN, { name: '', values: [utf8('v')] })],
      ],
      [
        { header: { name: 'h', prefix: 'v' } },
        [node(FilterOp.HEADER_PREFIX, { name: 'h', values: [utf8('v')] })],
      ],
      [{ header: { name: 'h', exists: true } }, [node(FilterOp.HEADER_EXISTS, { name: 'h' })]],
      [
        { and: [eq('a'), { or: [eq('b'), { not: eq('c') }] }] },
        [
          node(FilterOp.KEY_EQ, { values: [utf8('a')] }),
          node(FilterOp.KEY_EQ, { values: [utf8('b')] }),
          node(FilterOp.KEY_EQ, { values: [utf8('c')] }),
          node(FilterOp.NOT, { arity: 1 }),
          node(FilterOp.OR, { arity: 2 }),
          node(FilterOp.AND, { arity: 2 }),
        ],
      ],
    ];
    for (const [tree, nodes] of trees) expect(filterToNodes(tree)).toEqual(nodes);
  });

  test('tree → nodes → tree → nodes', () => {
    fc.assert(
      fc.property(anyTree, (tree) => {
        const nodes = filterToNodes(tree);
        expect(filterToNodes(nodesToFilter(nodes))).toEqual(nodes);
      }),
    );
  });

  test.each<[string, unknown]>([
    ['nothing', {}],
    ['no object', 'key'],
    ['a list', []],
    ['two tests', { key: { eq: 'a' }, header: { name: 'h', exists: true } }],
    ['an unknown test', { value: { eq: 'a' } }],
    ['an unknown comparison', { key: { matches: 'a.*' } }],
    ['two comparisons', { key: { eq: 'a', prefix: 'b' } }],
    ['a number', { key: { eq: 1 } }],
    ['wrong base64', { key: { eq: { b64: '*' } } }],
    ['a list that is none', { key: { in: 'a' } }],
    ['an empty list', { key: { in: [] } }],
    ['a header without name', { header: { eq: 'a' } }],
    ['a header that does not exist', { header: { name: 'h', exists: false } }],
    ['a header with a null test', { header: null }],
    ['one operand', { and: [eq('a')] }],
    ['operands that are no list', { or: eq('a') }],
    ['nothing to negate', { not: null }],
  ])('a tree with %s is refused', (_, tree) => {
    expect(() => filterToNodes(tree as FilterTree)).toThrow(FilterError);
  });
});

describe('C26: limits', () => {
  const leaf = node(FilterOp.KEY_EQ, { values: [utf8('a')] });
  const ors = (count: number): FilterTree => ({
    or: Array.from({ length: count }, (_, i) => eq(`${i}`)),
  });
  const nots = (count: number) => [
    leaf,
    ...Array.from({ length: count }, () => node(FilterOp.NOT, { arity: 1 })),
  ];
  const keys = (count: number, length = 1) =>
    node(FilterOp.KEY_IN, { values: Array.from({ length: count }, () => new Uint8Array(length)) });
  const named = (length: number) => node(FilterOp.HEADER_EXISTS, { name: 'n'.repeat(length) });
  const accepts = (nodes: readonly FilterNode[]) => expect(canonicalFilter(nodes)).not.toBeNull();
  const refuses = (nodes: readonly FilterNode[]) => {
    expect(() => canonicalFilter(nodes)).toThrow(FilterError);
    expect(() => compileFilter(nodes)).toThrow(FilterError);
  };

  test('64 nodes, 16 operands, 8 levels', () => {
    const branch = { or: [ors(15), ors(15), ors(15), ors(11), { not: eq('x') }] };
    expect(filterToNodes(branch)).toHaveLength(15 * 3 + 11 + 4 + 2 + 1);
    accepts(filterToNodes({ or: [ors(15), ors(15), ors(15), ors(12), { not: eq('x') }] }));
    expect(() =>
      filterToNodes({ or: [ors(15), ors(15), ors(15), ors(13), { not: eq('x') }] }),
    ).toThrow(FilterError);
    accepts(filterToNodes(ors(16)));
    expect(() => filterToNodes(ors(17))).toThrow(FilterError);
    accepts(nots(7));
    refuses(nots(8));
    let tree: FilterTree = eq('a');
    for (let level = 0; level < 5000; level++) tree = { not: tree };
    expect(() => filterToNodes(tree)).toThrow(FilterError);
  });

  test('1,024 values, 16 KiB, names of 256 bytes', () => {
    accepts([keys(1024)]);
    refuses([keys(1025)]);
    accepts([keys(16, 1024)]);
    refuses([keys(16, 1025)]);
    accepts([named(256)]);
    refuses([named(257)]);
  });

  test('postfix that is no single tree', () => {
    const and = node(FilterOp.AND, { arity: 2 });
    refuses([and]);
    refuses([leaf, and]);
    refuses([leaf, leaf]);
    refuses([leaf, leaf, leaf, and]);
    refuses([leaf, leaf, node(FilterOp.NOT, { arity: 2 })]);
    refuses([leaf, node(FilterOp.NOT)]);
    refuses([leaf, node(FilterOp.AND, { arity: 1 })]);
  });

  test('leaves with too much or too little', () => {
    refuses([{ ...leaf, arity: 1 }]);
    refuses([{ ...leaf, name: 'h' }]);
    refuses([node(FilterOp.KEY_EQ)]);
    refuses([node(FilterOp.KEY_IN)]);
    refuses([{ ...leaf, values: [utf8('a'), utf8('b')] }]);
    refuses([node(FilterOp.KEY_NULL, { values: [utf8('a')] })]);
    refuses([node(FilterOp.HEADER_EXISTS)]);
    refuses([node(FilterOp.HEADER_EXISTS, { name: 'h', values: [utf8('a')] })]);
    refuses([node(FilterOp.HEADER_EQ, { values: [utf8('a')] })]);
    refuses([leaf, node(FilterOp.NOT, { arity: 1, values: [utf8('a')] })]);
    refuses([node(11, { values: [utf8('a')] })]);
  });
});

describe('C26: canonical form', () => {
  test('equal filters, however written, have equal bytes', () => {
    const a = eq('a');
    const h: FilterTree = { header: { name: 'h', exists: true } };
    const p: FilterTree = { key: { prefix: 'x' } };
    const same: [FilterTree, FilterTree][] = [
      [{ or: [a, h] }, { or: [h, a] }],
      [{ and: [p, h, p] }, { and: [h, p] }],
      [{ or: [{ or: [a, h] }, p] }, { or: [p, { or: [h, a] }, a] }],
      [{ and: [h, h] }, h],
      [{ key: { in: ['b', 'a', 'b'] } }, { key: { in: ['a', 'b'] } }],
      [eq('a'), eq({ b64: 'YQ==' })],
    ];
    for (const [left, right] of same) expect(tagOf(left)).toBe(tagOf(right));
    const different = [
      a,
      h,
      p,
      { not: a },
      { and: [p, h] },
      { or: [p, h] },
      eq('b'),
      { key: null },
    ];
    expect(new Set(different.map(tagOf)).size).toBe(different.length);
  });

  test('shuffled operands never change it', () => {
    fc.assert(
      fc.property(anyTree, fc.infiniteStream(fc.nat(1000)), (tree, chance) => {
        const shuffle = (branch: FilterTree): FilterTree => {
          const by = (list: readonly FilterTree[]) =>
            list
              .map((item) => ({ item: shuffle(item), at: chance.next().value as number }))
              .sort((x, y) => x.at - y.at)
              .map(({ item }) => item);
          if ('and' in branch) return { and: by(branch.and) };
          if ('or' in branch) return { or: by(branch.or) };
          return 'not' in branch ? { not: shuffle(branch.not) } : branch;
        };
        expect(canonicalFilter(filterToNodes(shuffle(tree)))).toEqual(
          canonicalFilter(filterToNodes(tree)),
        );
      }),
    );
  });

  test('the tag is the checksum of the bytes; no filter has tag 0', () => {
    const canonical = canonicalFilter(filterToNodes(eq('a')));
    expect(canonical?.bytes).toEqual(bytes(0, 0xff, 0xff, 0, 1, 0, 0, 0, 1, 97));
    expect(canonical?.tag).toBe(crc32c(canonical?.bytes as Uint8Array));
    expect(canonicalFilter([])).toEqual({ bytes: bytes(), tag: 0 });
  });

  test('what no record can match', () => {
    const impossible: FilterTree[] = [
      { and: [eq('a'), eq('b')] },
      { and: [eq('a'), { and: [{ header: { name: 'h', exists: true } }, eq('b')] }] },
      { and: [{ key: { in: ['a', 'b'] } }, { key: { in: ['c'] } }] },
      { and: [eq('a'), { key: null }] },
      { or: [{ and: [eq('a'), eq('b')] }, { and: [eq('c'), eq('d')] }] },
      {
        and: [
          { key: { prefix: 'x' } },
          { or: [{ and: [eq('a'), eq('b')] }, { and: [eq('c'), eq('d')] }] },
        ],
      },
    ];
    for (const tree of impossible) expect(tagOf(tree)).toBeNull();
    const possible: FilterTree[] = [
      { or: [eq('a'), eq('b')] },
      { and: [eq('a'), { key: { in: ['a', 'b'] } }] },
      { or: [{ and: [eq('a'), eq('b')] }, eq('c')] },
      { not: { and: [eq('a'), eq('b')] } },
      { and: [{ header: { name: 'h', eq: 'a' } }, { header: { name: 'h', eq: 'b' } }] },
    ];
    for (const tree of possible) expect(tagOf(tree)).not.toBeNull();
  });

  test('keys to look a filter up by', () => {
    const keysOf = (tree: FilterTree) => filterKeys(filterToNodes(tree));
    const h: FilterTree = { header: { name: 'h', exists: true } };
    expect(keysOf(eq('a'))).toEqual([utf8('a')]);
    expect(keysOf({ and: [h, { and: [{ key: { in: ['a', 'b'] } }, h] }] })).toEqual([
      utf8('a'),
      utf8('b'),
    ]);
    expect(keysOf({ and: [{ key: { in: ['a', 'b'] } }, eq('b')] })).toEqual([utf8('b')]);
    for (const tree of [
      h,
      { or: [eq('a'), h] },
      { not: eq('a') },
      { key: { prefix: 'a' } },
      { key: null },
    ])
      expect(keysOf(tree as FilterTree)).toBeNull();
    expect(filterKeys([])).toBeNull();
  });
});

describe('C26: the compiled test', () => {
  /** The grammar's meaning, straight from the tree. */
  function matches(
    tree: FilterTree,
    key: Uint8Array | null,
    headers: readonly HeaderField[],
  ): boolean {
    if ('and' in tree) return tree.and.every((item) => matches(item, key, headers));
    if ('or' in tree) return tree.or.some((item) => matches(item, key, headers));
    if ('not' in tree) return !matches(tree.not, key, headers);
    if ('key' in tree)
      return tree.key === null ? key === null : key !== null && compare(tree.key, key);
    const { header } = tree;
    const named = headers.filter(({ name }) => name === header.name);
    if ('exists' in header) return named.length > 0;
    return named.some(({ value }) => value !== null && compare(header, value));
  }

  function compare(test: KeyTest, value: Uint8Array): boolean {
    const hex = (item: FilterBytes) =>
      Buffer.from(typeof item === 'string' ? utf8(item) : (item as Uint8Array)).toString('hex');
    if ('eq' in test) return hex(test.eq) === hex(value);
    if ('in' in test) return test.in.some((item) => hex(item) === hex(value));
    return hex(value).startsWith(hex(test.prefix));
  }

  test('agrees with the tree; impossible filters and index keys tell the truth', () => {
    const short = fc.uint8Array({ maxLength: 2, max: 3 });
    const anyTest = fc.oneof(
      fc.record({ eq: short }),
      fc.record({ in: fc.array(short, { minLength: 1, maxLength: 3 }) }),
      fc.record({ prefix: short }),
    );
    const name = fc.constantFrom('a', 'b');
    const anySmallTree = fc.letrec<{ tree: FilterTree }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 3, withCrossShrink: true },
        fc.record({ key: fc.option(anyTest) }),
        fc
          .tuple(name, fc.oneof(anyTest, fc.constant({ exists: true as const })))
          .map(([of, test]) => ({ header: { name: of, ...test } })),
        fc.record({ and: fc.array(tie('tree'), { minLength: 2, maxLength: 3 }) }),
        fc.record({ or: fc.array(tie('tree'), { minLength: 2, maxLength: 3 }) }),
        fc.record({ not: tie('tree') }),
      ) as fc.Arbitrary<FilterTree>,
    })).tree;
    const anyHeaders = fc.array(fc.record({ name, value: fc.option(short) }), { maxLength: 3 });
    fc.assert(
      fc.property(anySmallTree, fc.option(short), anyHeaders, (tree, key, headers) => {
        const nodes = filterToNodes(tree);
        const expected = matches(tree, key, headers);
        expect(compileFilter(nodes)(key, headers)).toBe(expected);
        if (!filterNeedsHeaders(nodes)) expect(compileFilter(nodes)(key, [])).toBe(expected);
        if (!expected) return;
        expect(canonicalFilter(nodes)).not.toBeNull();
        const keys = filterKeys(nodes);
        if (keys !== null) expect(keys).toContainEqual(key);
      }),
      { numRuns: 2000 },
    );
  });

  test('no filter passes everything; long keys are told apart', () => {
    expect(compileFilter([])(null, [])).toBe(true);
    const long = new Uint8Array(500).fill(7);
    const other = long.with(250, 8);
    const test = compileFilter(filterToNodes({ key: { in: [long] } }));
    expect([test(long, []), test(other, [])]).toEqual([true, false]);
  });
});
