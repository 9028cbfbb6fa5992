import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RecordsFlag } from './enums.ts';
import type { HeaderField } from './frame-parts.ts';
import type { Records } from './frames.ts';
import { readJsonMessage } from './json-reader.ts';
import { type JsonPiece, jsonRecords } from './json-records.ts';
import { serverLimits } from './limits.ts';
import { PackedRecordsReader } from './packed-records-reader.ts';
import { PackedRecordsWriter } from './packed-records-writer.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);
const header = {
  stream: 7,
  count: 1,
  fromOffset: 100,
  nextOffset: 104,
  highWatermark: 104,
  baseTimestamp: 1700000000000,
  leaderEpoch: 4,
  flags: 0,
};

interface Item {
  offset: number;
  timestamp: number;
  key: Uint8Array | null;
  value: Uint8Array | null;
  headers: HeaderField[];
}

function packed(records: readonly Item[], projection = 15): Uint8Array {
  const writer = new PackedRecordsWriter(header.baseTimestamp, projection);
  for (const { offset, timestamp, key, value, headers } of records)
    writer.append(offset - header.fromOffset, timestamp, key, value, headers);
  return writer.finish();
}

/** The Records frame that a client makes of a piece. */
function frameOf(piece: JsonPiece): Records {
  if (piece.kind !== 'text') throw new Error(`no text but ${piece.kind}`);
  const reading = readJsonMessage(piece.bytes, 'toClient', serverLimits);
  const frame = reading.ok ? reading.frames[0] : undefined;
  if (frame?.kind !== 'records') throw new Error(JSON.stringify(reading));
  expect(frame.rawSize).toBe(piece.bytes.length);
  return frame;
}

function itemsOf(frame: Records) {
  const reader = new PackedRecordsReader(frame.payload as Uint8Array, {
    count: frame.count,
    fromOffset: Number(frame.fromOffset),
    nextOffset: Number(frame.nextOffset),
    baseTimestamp: Number(frame.baseTimestamp),
  });
  const items: (Item & { isTombstone: boolean })[] = [];
  while (reader.next()) {
    const { offset, timestamp, key, value, headers, isTombstone } = reader;
    items.push({ offset, timestamp, key, value, headers, isTombstone });
  }
  return items;
}

const item = (offset: number, value: Uint8Array | null, fields: Partial<Item> = {}): Item => ({
  offset,
  timestamp: header.baseTimestamp,
  key: null,
  value,
  headers: [],
  ...fields,
});

test('the example of the protocol', () => {
  const block = packed([
    item(100, utf8('x'), { key: utf8('a'), headers: [{ name: 'h', value: Uint8Array.of(1) }] }),
  ]);
  const [piece, ...rest] = jsonRecords(header, block);
  expect(rest).toEqual([]);
  expect(new TextDecoder().decode((piece as { bytes: Uint8Array }).bytes)).toBe(
    '{"t":"records","stream":7,"from":"100","next":"104","epoch":4,"hwm":"104","flags":[],"records":' +
      '[{"o":"100","ts":"1700000000000","k":"a","v":"x","h":[["h",{"b64":"AQ=="}]]}]}',
  );
  expect(frameOf(piece as JsonPiece)).toMatchObject({
    stream: 7,
    count: 1,
    fromOffset: 100n,
    nextOffset: 104n,
    highWatermark: 104n,
    leaderEpoch: 4,
    flags: 0,
    part: 0,
    parts: 1,
    codec: 0,
  });
});

test('every flag has its name', () => {
  const flags =
    RecordsFlag.COLD | RecordsFlag.FILTERED | RecordsFlag.CONFLATED | RecordsFlag.SNAPSHOT;
  const [piece] = jsonRecords({ ...header, flags }, packed([item(100, null)]));
  expect(frameOf(piece as JsonPiece).flags).toBe(flags);
  expect(new TextDecoder().decode((piece as { bytes: Uint8Array }).bytes)).toContain(
    '"flags":["cold","filtered","conflated","snapshot"]',
  );
});

test('blocks come back, with tombstones told from values that were not asked for', () => {
  const anyBytes = fc.option(fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.string().map(utf8)));
  const anyItem = fc.record({
    step: fc.integer({ min: 1, max: 9 }),
    timestamp: fc.integer({ min: -5, max: 2_000_000_000_000 }),
    key: anyBytes,
    value: anyBytes,
    headers: fc.array(fc.record({ name: fc.string({ unit: 'grapheme' }), value: anyBytes }), {
      maxLength: 3,
    }),
  });
  fc.assert(
    fc.property(
      fc.array(anyItem, { minLength: 1, maxLength: 5 }),
      fc.boolean(),
      (list, hasValues) => {
        let offset = 99;
        const items = list.map(({ step, ...fields }) => {
          offset += step;
          return { offset, ...fields };
        });
        const bounds = { ...header, count: items.length, nextOffset: offset + 1 };
        const [piece, ...rest] = jsonRecords(bounds, packed(items, hasValues ? 15 : 13));
        expect(rest).toEqual([]);
        expect(itemsOf(frameOf(piece as JsonPiece))).toEqual(
          items.map((record) => ({
            ...record,
            value: hasValues ? record.value : null,
            isTombstone: record.value === null,
          })),
        );
      },
    ),
  );
});

describe('blocks that are too long', () => {
  const block = (items: readonly Item[], nextOffset: number) =>
    jsonRecords({ ...header, count: items.length, nextOffset }, packed(items));
  const outline = (pieces: readonly JsonPiece[]) =>
    pieces.map((piece) => `${piece.kind} ${piece.from}-${piece.next}`);

  test('are split at records, and the pieces cover every offset once', () => {
    const items = Array.from({ length: 400 }, (_, i) =>
      item(100 + 3 * i, utf8(`${i}`.padEnd(500))),
    );
    const pieces = block(items, 1400);
    expect(pieces.length).toBe(4);
    expect(pieces[0]?.from).toBe(100);
    expect(pieces.at(-1)?.next).toBe(1400);
    for (let i = 1; i < pieces.length; i++) expect(pieces[i]?.from).toBe(pieces[i - 1]?.next);
    for (const piece of pieces) {
      const length = (piece as { bytes: Uint8Array }).bytes.length;
      expect(length).toBeLessThanOrEqual(60_000);
      expect((piece as { count: number }).count).toBe(itemsOf(frameOf(piece)).length);
    }
    expect(pieces.flatMap((piece) => itemsOf(frameOf(piece)).map(({ offset }) => offset))).toEqual(
      items.map(({ offset }) => offset),
    );
  });

  test('a record above 40 KiB of text is a gap of one offset', () => {
    const around = '{"o":"105","ts":"1700000000000","k":null,"v":""}'.length;
    const long = (length: number) => utf8('x'.repeat(length - around));
    expect(outline(block([item(105, long(40_960))], 110))).toEqual(['text 100-110']);
    expect(outline(block([item(105, long(40_961))], 110))).toEqual([
      'progress 100-105',
      'oversize 105-106',
      'progress 106-110',
    ]);
    const small = utf8('y');
    expect(
      outline(block([item(102, small), item(105, long(50_000)), item(106, small)], 107)),
    ).toEqual(['text 100-105', 'oversize 105-106', 'text 106-107']);
    expect(outline(block([item(100, long(50_000)), item(101, long(50_000))], 102))).toEqual([
      'oversize 100-101',
      'oversize 101-102',
    ]);
  });
});

describe('records that are none', () => {
  const read = (text: string) => readJsonMessage(text, 'toClient', serverLimits);
  const frame = (records: string, more = '') =>
    `{"t":"records","stream":1,"from":"1","next":"9","epoch":1,"hwm":"9","flags":[]${more},"records":${records}}`;

  test.each([
    ['no list', frame('{}')],
    ['an empty list', frame('[]')],
    ['no object', frame('[1]')],
    ['no offset', frame('[{"ts":"1"}]')],
    ['an offset before the block', frame('[{"o":"0","ts":"1"}]')],
    ['offsets out of order', frame('[{"o":"2","ts":"1"},{"o":"2","ts":"1"}]')],
    ['a timestamp that is none', frame('[{"o":"2","ts":"now"}]')],
    ['a key that is none', frame('[{"o":"2","ts":"1","k":5}]')],
    ['headers that are none', frame('[{"o":"2","ts":"1","h":{}}]')],
    ['a duplicate member', frame('[{"o":"2","o":"3","ts":"1"}]')],
    [
      'no flags',
      '{"t":"records","stream":1,"from":"1","next":"9","epoch":1,"hwm":"9","records":[]}',
    ],
  ])('%s', (_, text) => {
    expect(read(text)).toMatchObject({ ok: true, frames: [{ kind: 'refused', frame: 'records' }] });
  });

  test('members of a later version are passed over', () => {
    expect(read(frame('[{"o":"2","ts":"1","later":1}]', ',"later":1'))).toMatchObject({
      frames: [{ kind: 'records', count: 1 }],
    });
  });
});
