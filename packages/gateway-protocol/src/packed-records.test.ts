import { DecodeError, EncodeError } from '@millrace/bytes';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Projection } from './enums.ts';
import type { HeaderField } from './frame-parts.ts';
import { PackedRecordsReader } from './packed-records-reader.ts';
import { PackedRecordsWriter } from './packed-records-writer.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);
const unhex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));

/** The example of the protocol: offsets 100 and 103. */
const golden = unhex(
  '00000000 00000000 01000000 0100 00 00 61 78  03000000 05000000 ffffffff ffff 01 02 0100 01000000 68 01',
);
const bounds = { count: 2, fromOffset: 100, nextOffset: 104, baseTimestamp: 1700000000000 };

interface Entry {
  offset: number;
  timestamp: number;
  key: Uint8Array | null;
  value: Uint8Array | null;
  headers: HeaderField[];
  isTombstone: boolean;
  isLogAppendTime: boolean;
}

function entries(reader: PackedRecordsReader): Entry[] {
  const all: Entry[] = [];
  while (reader.next()) all.push(entryOf(reader));
  return all;
}

const entryOf = (reader: PackedRecordsReader): Entry => ({
  offset: reader.offset,
  timestamp: reader.timestamp,
  key: reader.key,
  value: reader.value,
  headers: reader.headers,
  isTombstone: reader.isTombstone,
  isLogAppendTime: reader.isLogAppendTime,
});

test('C02: the golden vector, both ways', () => {
  const writer = new PackedRecordsWriter(bounds.baseTimestamp);
  writer.append(0, 1700000000000, utf8('a'), utf8('x'));
  writer.append(3, 1700000000005, null, null, [{ name: 'h', value: Uint8Array.of(1) }]);
  expect(writer.finish()).toEqual(golden);
  expect(writer.borrow()).toEqual(golden);
  expect([writer.count, writer.bytes]).toEqual([2, golden.length]);
  expect(entries(new PackedRecordsReader(golden, bounds))).toEqual([
    {
      offset: 100,
      timestamp: 1700000000000,
      key: utf8('a'),
      value: utf8('x'),
      headers: [],
      isTombstone: false,
      isLogAppendTime: false,
    },
    {
      offset: 103,
      timestamp: 1700000000005,
      key: null,
      value: null,
      headers: [{ name: 'h', value: Uint8Array.of(1) }],
      isTombstone: true,
      isLogAppendTime: false,
    },
  ]);
});

const anyBytes = fc.option(fc.uint8Array({ maxLength: 30 }));
const anyRecord = fc.record({
  step: fc.integer({ min: 1, max: 1000 }),
  timestamp: fc.oneof(fc.integer({ min: -5000, max: 5000 }), fc.maxSafeInteger()),
  key: fc.oneof(
    anyBytes,
    fc.constantFrom(0xfffd, 0xfffe, 0xffff, 70_000).map((n) => new Uint8Array(n)),
  ),
  value: anyBytes,
  headers: fc.oneof(
    fc.array(fc.record({ name: fc.string({ unit: 'grapheme', maxLength: 9 }), value: anyBytes }), {
      maxLength: 3,
    }),
    fc
      .constantFrom(254, 255, 300)
      .map((n) => Array.from({ length: n }, () => ({ name: 'n', value: null }))),
  ),
  isLogAppendTime: fc.boolean(),
});

test('whatever is packed is read, all of it or the projection', () => {
  fc.assert(
    fc.property(fc.array(anyRecord, { maxLength: 5 }), fc.nat(15), (records, projection) => {
      const writer = new PackedRecordsWriter(0);
      writer.append(0, 0, null, null);
      writer.reset(1000, projection);
      let offset = 99;
      const expected = records.map(({ step, ...record }) => {
        offset += step;
        writer.append(
          offset - 100,
          record.timestamp,
          record.key,
          record.value,
          record.headers,
          record.isLogAppendTime,
        );
        return {
          offset,
          timestamp: projection & Projection.TIMESTAMP ? record.timestamp : 1000,
          key: projection & Projection.KEY ? record.key : null,
          value: projection & Projection.VALUE ? record.value : null,
          headers: projection & Projection.HEADERS ? record.headers : [],
          isTombstone: record.value === null,
          isLogAppendTime: record.isLogAppendTime,
        };
      });
      const block = writer.finish();
      const reader = new PackedRecordsReader(block, {
        count: records.length,
        fromOffset: 100,
        nextOffset: offset + 1,
        baseTimestamp: 1000,
      });
      const places: number[] = [];
      const read: Entry[] = [];
      while (reader.next()) {
        places.push(reader.position);
        read.push(entryOf(reader));
      }
      expect(read).toEqual(expected);
      const again = places.map((place) => {
        reader.readAt(place);
        return entryOf(reader);
      });
      expect(again).toEqual(expected);
    }),
    { numRuns: 60 },
  );
});

describe('what is not packed records throws', () => {
  const refuses = (block: Uint8Array, changes: Partial<typeof bounds> = {}) =>
    expect(() => entries(new PackedRecordsReader(block, { ...bounds, ...changes }))).toThrow(
      DecodeError,
    );
  const changed = (at: number, value: number) => golden.with(at, value);

  test('count, order and bounds', () => {
    refuses(golden, { count: 1 });
    refuses(golden, { count: 3 });
    refuses(golden, { nextOffset: 103 });
    refuses(changed(18, 0));
    refuses(new Uint8Array([...golden, 0]));
    refuses(golden, { count: 0 });
  });

  test('flags, and a tombstone with a value', () => {
    refuses(changed(15, 8));
    refuses(changed(15, 2));
  });

  test('lengths beyond the block', () => {
    refuses(changed(8, 200));
    refuses(changed(12, 200));
    refuses(changed(14, 9));
    refuses(changed(18 + 16, 2));
    refuses(changed(18 + 18, 2));
    for (let length = 0; length < golden.length; length++) refuses(golden.subarray(0, length));
  });

  test('a header name that is not UTF-8', () => refuses(changed(golden.length - 2, 0xff)));

  test('any bytes: a DecodeError or records inside of the block', () => {
    const anyBlock = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc.tuple(fc.nat(golden.length - 1), fc.nat(255)).map(([at, value]) => golden.with(at, value)),
    );
    fc.assert(
      fc.property(anyBlock, fc.nat(4), (block, count) => {
        const memory = new Uint8Array(block.length + 32).fill(0xee);
        memory.set(block, 16);
        try {
          const reader = new PackedRecordsReader(memory.subarray(16, 16 + block.length), {
            ...bounds,
            count,
          });
          for (const { key, value, headers } of entries(reader)) {
            for (const bytes of [key, value, ...headers.map((header) => header.value)]) {
              if (bytes === null) continue;
              expect(bytes.byteOffset).toBeGreaterThanOrEqual(16);
              expect(bytes.byteOffset + bytes.length).toBeLessThanOrEqual(16 + block.length);
            }
          }
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

test('what the format cannot carry is refused and leaves the block as it was', () => {
  const writer = new PackedRecordsWriter(0);
  writer.append(5, 0, utf8('k'), utf8('v'));
  const before = writer.finish();
  const refuses = (write: () => void) => expect(write).toThrow(EncodeError);
  refuses(() => writer.append(5, 0, null, null));
  refuses(() => writer.append(4, 0, null, null));
  refuses(() => writer.append(2 ** 31, 0, null, null));
  refuses(() => writer.append(6, 0, null, null, [{ name: 'x'.repeat(65_536), value: null }]));
  refuses(() =>
    writer.append(
      6,
      0,
      null,
      null,
      Array.from({ length: 65_536 }, () => ({ name: '', value: null })),
    ),
  );
  expect(writer.finish()).toEqual(before);
  writer.append(6, 0, null, null);
  expect(writer.count).toBe(2);
});
