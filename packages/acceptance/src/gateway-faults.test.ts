// The judge of the gateway's faults is judged: whatever can go wrong is noticed.
import { describe, expect, test } from 'vitest';
import { classOf, digestOf } from '../gateway-faults/digest.ts';
import { Ear } from '../gateway-faults/ear.ts';
import { PartitionOracle } from '../gateway-faults/partition-oracle.ts';
import { Tally } from '../gateway-faults/tally.ts';

const COUNT = 40;
const ALL = 0xff;
const utf8 = new TextEncoder();

interface Heard {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly { readonly name: string; readonly value: Uint8Array | null }[];
}

/** Key of record n: of ten keys, in eight classes. */
const keyOf = (offset: number): string => `${offset % 8}-${offset % 10}`;

function recordAt(offset: number, value = `value ${offset}`): Heard {
  return {
    offset,
    timestamp: 1_700_000_000_000 + offset,
    key: utf8.encode(keyOf(offset)),
    value: utf8.encode(value),
    headers: [{ name: 'n', value: utf8.encode(`${offset}`) }],
  };
}

function setUp(options: { classes?: number; isLenient?: boolean; dropIn?: number } = {}) {
  const oracle = new PartitionOracle(options.isLenient);
  for (let offset = 0; offset < COUNT; offset++) {
    const record = recordAt(offset);
    oracle.append(offset, digestOf(record), classOf(record.key), keyOf(offset));
  }
  oracle.advance(COUNT);
  const tally = new Tally(options.dropIn);
  const { classes = ALL, isLenient = false } = options;
  const ear = new Ear(oracle, { name: 'ear', classes, isLenient }, tally);
  ear.next = 0;
  const hear = (from: number, to: number, records = range(from, to).map((n) => recordAt(n))) =>
    ear.block({
      fromOffset: from,
      nextOffset: to,
      [Symbol.iterator]: () => records[Symbol.iterator](),
    });
  return { oracle, tally, ear, hear };
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index);

/** Nothing but what is named may be counted. */
function seenIn(tally: Tally) {
  const { lost, reordered, duplicates, wrong, gapsWrong } = tally;
  return Object.fromEntries(
    Object.entries({ lost, reordered, duplicates, wrong, gapsWrong }).filter(([, n]) => n !== 0),
  );
}

describe('an ear', () => {
  test('is content with the log as it is', () => {
    const { ear, hear, tally } = setUp();
    hear(0, 10);
    hear(10, COUNT);
    ear.finish(COUNT);
    expect(tally).toMatchObject({ delivered: COUNT, complaints: [] });
  });

  test.each([1, 7, 40])('notices that record %i was dropped on its way', (dropIn) => {
    const { ear, hear, tally } = setUp({ dropIn });
    hear(0, 10);
    hear(10, COUNT);
    ear.finish(COUNT);
    expect(seenIn(tally)).toEqual({ lost: 1 });
    expect(tally.complaints).toEqual([`ear: offset ${dropIn - 1} is lost`]);
  });

  test('notices a missing block, and the end that never came', () => {
    const { ear, hear, tally } = setUp();
    hear(0, 10);
    hear(12, 20);
    ear.finish(COUNT);
    expect(seenIn(tally)).toEqual({ lost: 2 + 20 });
  });

  test('tells what came late from what came twice', () => {
    const { ear, hear, tally } = setUp();
    hear(
      0,
      4,
      [0, 2, 1, 3, 3].map((n) => recordAt(n)),
    );
    hear(4, COUNT);
    ear.finish(COUNT);
    expect(seenIn(tally)).toEqual({ reordered: 1, duplicates: 1 });
  });

  test('allows a new client what the old one had not finished, and no more', () => {
    const { ear, hear, tally } = setUp();
    hear(0, 20);
    ear.restart(10);
    hear(10, 30);
    expect(seenIn(tally)).toEqual({});
    expect(tally.repeated).toBe(10);
    hear(25, 30);
    expect(seenIn(tally)).toEqual({ duplicates: 5 });
  });

  test('notices another value, another time, and what is not in the log', () => {
    const { hear, tally } = setUp();
    const records = [
      recordAt(0, 'forged'),
      { ...recordAt(1), timestamp: 5 },
      { ...recordAt(2), headers: [] },
      { ...recordAt(3), key: null },
    ];
    hear(0, 4, records);
    hear(COUNT, COUNT + 1);
    expect(tally.wrong).toBe(5);
  });

  test('wants of a filtered stream exactly what passes', () => {
    const passing = range(0, COUNT).filter((n) => n % 8 === 3);
    const { ear, hear, tally } = setUp({ classes: 1 << 3 });
    hear(
      0,
      COUNT,
      passing.map((n) => recordAt(n)),
    );
    ear.finish(COUNT);
    expect(seenIn(tally)).toEqual({});
    const other = setUp({ classes: 1 << 3 });
    other.hear(0, COUNT, [recordAt(3), recordAt(4), ...passing.slice(2).map((n) => recordAt(n))]);
    other.ear.finish(COUNT);
    expect(seenIn(other.tally)).toEqual({ lost: 1, wrong: 1 });
  });

  test('misses of a compacted topic only what was superseded', () => {
    const { oracle, ear, hear, tally } = setUp({ isLenient: true });
    // Keys repeat after forty records.
    const rest = range(10, COUNT).map((n) => recordAt(n));
    hear(0, COUNT, rest);
    expect(tally).toMatchObject({ superseded: 0, lost: 0 });
    for (const n of range(0, 9)) {
      const record = recordAt(n);
      oracle.append(COUNT + n, digestOf({ ...record }), classOf(record.key), keyOf(n));
    }
    oracle.advance(COUNT + 9);
    ear.settle();
    expect(tally).toMatchObject({ superseded: 9, lost: 1 });
  });
});

describe('gaps', () => {
  test('with exact bounds are fine, and nothing in them is missed', () => {
    const { oracle, ear, hear, tally } = setUp();
    hear(0, 10);
    oracle.begin(25);
    ear.expectGap(10, 25);
    ear.gap(10, 25, 'retention');
    hear(25, COUNT);
    ear.finish(COUNT);
    expect(tally).toMatchObject({ gaps: 1, gapsExpected: 1, complaints: [] });
  });

  test.each([
    ['one too late', 11, 25, 'retention', { lost: 1, gapsWrong: 1 }],
    ['one too wide', 10, 26, 'retention', { gapsWrong: 1 }],
    ['one too narrow', 10, 24, 'retention', { lost: 1, gapsWrong: 1 }],
    ['for no good reason', 10, 25, 'overflow', { gapsWrong: 1 }],
  ])('%s are noticed', (_, from, to, reason, seen) => {
    const { oracle, ear, hear, tally } = setUp();
    hear(0, 10);
    oracle.begin(25);
    ear.expectGap(10, 25);
    ear.gap(from, to, reason);
    hear(Math.max(25, to), COUNT);
    ear.finish(COUNT);
    expect(seenIn(tally)).toEqual(seen);
  });

  test('that were expected and did not come are noticed', () => {
    const { ear, hear, tally } = setUp();
    hear(0, 10);
    ear.expectGap(10, 25);
    hear(10, COUNT);
    ear.finish(COUNT);
    expect(tally.complaints).toEqual(['ear: no gap [10, 25)']);
  });

  test('that nobody caused are noticed', () => {
    const { ear, hear, tally } = setUp();
    hear(0, 10);
    ear.gap(10, 12, 'retention');
    expect(seenIn(tally)).toEqual({ gapsWrong: 1 });
  });
});

test('the oracle forgets what nobody asks for', async () => {
  const oracle = new PartitionOracle();
  const far = 1_000_000;
  oracle.append(3, 7, 1, null);
  oracle.append(far, 9, 2, null);
  const waits = oracle.reached(far + 1);
  oracle.advance(far + 1);
  await waits;
  oracle.forgetBelow(far);
  expect(oracle.at(3)).toBeNull();
  expect(oracle.at(far)).toEqual({ digest: 9, class: 2, isSuperseded: false });
});
