import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Reader } from './reader.ts';
import { utf8Length } from './text.ts';
import { randomUuid, uuidFromBytes, uuidToBytes } from './uuid.ts';
import { unsignedVarintSize, varintSize, varlongSize } from './varint.ts';
import { Writer } from './writer.ts';

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const safe = fc.maxSafeInteger();
const text = fc.oneof(
  fc.string({ maxLength: 100 }),
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc.string({ unit: 'grapheme', maxLength: 400 }),
);
const memory = fc.uint8Array({ maxLength: 300 });

type Value =
  | {
      kind: 'int32' | 'int64' | 'varint' | 'varlong' | 'unsignedVarint' | 'int16' | 'int8';
      value: number;
    }
  | { kind: 'string' | 'compactString'; value: string }
  | { kind: 'nullableString' | 'compactNullableString'; value: string | null }
  | { kind: 'byteArray' | 'compactByteArray'; value: Uint8Array }
  | { kind: 'nullableByteArray' | 'compactNullableByteArray'; value: Uint8Array | null }
  | { kind: 'float64'; value: number }
  | { kind: 'int64Big'; value: bigint };

const arbitrary: fc.Arbitrary<Value> = fc.oneof(
  fc.record({ kind: fc.constantFrom('int32', 'varint'), value: int32 }),
  fc.record({ kind: fc.constantFrom('int64', 'varlong'), value: safe }),
  fc.record({ kind: fc.constant('unsignedVarint' as const), value: uint32 }),
  fc.record({
    kind: fc.constant('int16' as const),
    value: fc.integer({ min: -32768, max: 32767 }),
  }),
  fc.record({ kind: fc.constant('int8' as const), value: fc.integer({ min: -128, max: 127 }) }),
  fc.record({ kind: fc.constantFrom('string', 'compactString'), value: text }),
  fc.record({
    kind: fc.constantFrom('nullableString', 'compactNullableString'),
    value: fc.option(text),
  }),
  fc.record({ kind: fc.constantFrom('byteArray', 'compactByteArray'), value: memory }),
  fc.record({
    kind: fc.constantFrom('nullableByteArray', 'compactNullableByteArray'),
    value: fc.option(memory),
  }),
  fc.record({ kind: fc.constant('float64' as const), value: fc.double({ noNaN: true }) }),
  fc.record({
    kind: fc.constant('int64Big' as const),
    value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  }),
);

test('whatever is written is read back, in own memory and in given memory of any size', () => {
  fc.assert(
    fc.property(fc.array(arbitrary), fc.nat(400), fc.nat(20), (values, room, start) => {
      const given = new Uint8Array(room + start);
      for (const writer of [new Writer(1), new Writer().reset(given, start)]) {
        for (const { kind, value } of values) (writer[kind] as (v: unknown) => void)(value);
        const reader = new Reader(writer.finishBytes());
        for (const { kind, value } of values) expect(reader[kind]()).toEqual(value);
        reader.finish();
      }
    }),
  );
});

test('sizes foretell what is written', () => {
  const size = (write: (writer: Writer) => void) => {
    const writer = new Writer();
    write(writer);
    return writer.position;
  };
  fc.assert(
    fc.property(int32, uint32, safe, text, (signed, unsigned, long, string) => {
      expect(varintSize(signed)).toBe(size((w) => w.varint(signed)));
      expect(unsignedVarintSize(unsigned)).toBe(size((w) => w.unsignedVarint(unsigned)));
      expect(varlongSize(long)).toBe(size((w) => w.varlong(long)));
      expect(utf8Length(string)).toBe(Buffer.byteLength(string));
    }),
  );
  for (let bit = 0; bit < 53; bit++) {
    for (const value of [2 ** bit - 1, 2 ** bit, -(2 ** bit), -(2 ** bit) - 1]) {
      if (!Number.isSafeInteger(value)) continue;
      expect(varlongSize(value), `${value}`).toBe(size((w) => w.varlong(value)));
    }
  }
});

test('uuids keep their 16 bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      const uuid = uuidFromBytes(bytes, 0);
      expect(uuid).toBe(Buffer.from(bytes).toString('base64url'));
      const back = new Uint8Array(18);
      uuidToBytes(uuid, back, 1);
      expect(back.subarray(1, 17)).toEqual(bytes);
      let fills = 0;
      const random = randomUuid((target) => target.set(bytes.map((b) => b + fills++)));
      expect(random.startsWith('-')).toBe(false);
    }),
  );
});
