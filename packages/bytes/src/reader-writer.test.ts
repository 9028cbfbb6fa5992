import { describe, expect, test } from 'vitest';
import { DecodeError, EncodeError } from './decode-error.ts';
import { Reader } from './reader.ts';
import { ZERO_UUID } from './uuid.ts';
import { Writer } from './writer.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const varintHex = (value: number) => written((w) => w.unsignedVarint(value));
const unhex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));

function written(write: (writer: Writer) => void): string {
  const writer = new Writer(1);
  write(writer);
  return hex(writer.finishBytes());
}

describe('layouts', () => {
  test('integers are big-endian two’s complement', () => {
    expect(written((w) => w.int8(-2))).toBe('fe');
    expect(written((w) => w.int16(-2))).toBe('fffe');
    expect(written((w) => w.int32(-2))).toBe('fffffffe');
    expect(written((w) => w.int64(-2))).toBe('fffffffffffffffe');
    expect(written((w) => w.int64(Number.MAX_SAFE_INTEGER))).toBe('001fffffffffffff');
    expect(written((w) => w.int64Big(-(2n ** 63n)))).toBe('8000000000000000');
    expect(written((w) => w.float64(1.5))).toBe('3ff8000000000000');
    expect(new Reader(unhex('8000000000000000')).int64Big()).toBe(-(2n ** 63n));
    expect(new Reader(unhex('ffff')).uint16()).toBe(65535);
    expect(new Reader(unhex('ffffffff')).uint32()).toBe(4294967295);
  });

  test('strings', () => {
    expect(written((w) => w.string('ab'))).toBe('00026162');
    expect(written((w) => w.nullableString(null))).toBe('ffff');
    expect(written((w) => w.compactString('ab'))).toBe('036162');
    expect(written((w) => w.compactNullableString(null))).toBe('00');
    expect(written((w) => w.string('é'))).toBe('0002c3a9');
  });

  test('uuids', () => {
    expect(written((w) => w.uuid(ZERO_UUID))).toBe('00'.repeat(16));
    expect(written((w) => w.uuid('AAAAAAAAAAAAAAAAAAAAAQ'))).toBe(`${'00'.repeat(15)}01`);
    expect(new Reader(unhex('00112233445566778899aabbccddeeff')).uuid()).toBe(
      'ABEiM0RVZneImaq7zN3u_w',
    );
    expect(() => written((w) => w.uuid('short'))).toThrow(EncodeError);
    expect(() => written((w) => w.uuid('AAAAAAAAAAAAAAAAAAAAAB'))).toThrow(EncodeError);
  });

  test('tagged fields: a size above 127 moves the content', () => {
    const bytes = written((w) => {
      w.unsignedVarint(2);
      const first = w.beginTaggedField(0);
      w.bytes(new Uint8Array(200).fill(7));
      w.endTaggedField(first);
      const second = w.beginTaggedField(5);
      w.int8(1);
      w.endTaggedField(second);
    });
    expect(bytes).toBe(`0200c801${'07'.repeat(200)}050101`);
    const reader = new Reader(unhex(bytes));
    reader.skipTaggedFields();
    reader.finish();
  });
});

describe('hostile bytes', () => {
  const refuses = (bytes: string, read: (reader: Reader) => unknown) =>
    expect(() => read(new Reader(unhex(bytes)))).toThrow(DecodeError);

  test('too short', () => {
    refuses('', (r) => r.int8());
    refuses('00', (r) => r.int16());
    refuses('000000', (r) => r.int32());
    refuses('00000000000000', (r) => r.int64());
    refuses('00', (r) => r.float64());
    refuses('00', (r) => r.uuid());
    refuses('0003 6162', (r) => r.string());
    refuses('04 6162', (r) => r.compactString());
    refuses('7fffffff 00', (r) => r.byteArray());
    refuses('00', (r) => r.bytes(2));
    refuses('00', (r) => r.bytes(-1));
    refuses('00', (r) => r.skip(2));
  });

  test('null where it is not allowed, and negative lengths', () => {
    refuses('ffff', (r) => r.string());
    refuses('fffe', (r) => r.nullableString());
    refuses('00', (r) => r.compactString());
    refuses('ffffffff', (r) => r.byteArray());
    refuses('fffffffe', (r) => r.nullableByteArray());
    refuses('00', (r) => r.compactByteArray());
    refuses('ffffffff', (r) => r.arrayLength(1));
    refuses('fffffffe', (r) => r.nullableArrayLength(1));
    refuses('00', (r) => r.compactArrayLength(1));
  });

  test('counts are compared with the bytes left', () => {
    refuses('00000003 0000', (r) => r.arrayLength(1));
    refuses('00000002 000000', (r) => r.nullableArrayLength(2));
    refuses('ffffffff0f 00', (r) => r.compactArrayLength(1));
    refuses('ffffffff0f 00', (r) => r.compactNullableArrayLength(1));
    refuses('02 0000 01', (r) => r.taggedFieldCount());
    expect(new Reader(unhex('00000002 00000000')).arrayLength(2)).toBe(2);
  });

  test('varints that are too long', () => {
    refuses('8080808080 01', (r) => r.unsignedVarint());
    refuses('ffffffff1f', (r) => r.unsignedVarint());
    refuses('80808080808080808080 01', (r) => r.varlong());
    refuses('ffffffffffffffffff02', (r) => r.varlong());
    expect(new Reader(unhex('ffffffff0f')).unsignedVarint()).toBe(0xffffffff);
  });

  test('integers outside the safe range', () => {
    refuses('0020000000000000', (r) => r.int64());
    refuses('ffe0000000000000', (r) => r.int64());
    refuses('ffffffffffffffffff01', (r) => r.varlong());
    expect(new Reader(unhex('ffe0000000000001')).int64()).toBe(Number.MIN_SAFE_INTEGER);
  });

  test('tagged fields out of order, doubled, or larger than the rest', () => {
    refuses('02 01 00 00 00', (r) => r.skipTaggedFields());
    refuses('02 01 00 01 00', (r) => r.skipTaggedFields());
    refuses('01 00 02 00', (r) => r.skipTaggedFields());
    const many = Array.from({ length: 1025 }, (_, tag) => `${varintHex(tag)}00`).join('');
    refuses(`8108${many}`, (r) => r.skipTaggedFields());
  });

  test('bytes left over', () => {
    refuses('00', (r) => r.finish());
  });

  test('a string above 32,767 bytes is refused in both directions', () => {
    const text = 'x'.repeat(32768);
    expect(() => written((w) => w.string(text))).toThrow(EncodeError);
    expect(() => written((w) => w.compactString(text))).toThrow(EncodeError);
    refuses(`818002 ${'78'.repeat(32768)}`, (r) => r.compactString());
  });

  test('errors say what and where', () => {
    const reader = new Reader(unhex('ffff 0009 61'), 2);
    expect(() => reader.string('topic')).toThrow('topic at byte 4: needs 9 bytes, 1 left');
  });

  test('malformed UTF-8 becomes U+FFFD, or throws when asked to', () => {
    expect(new Reader(unhex('0002 61ff')).string()).toBe('a\ufffd');
    const strict = new Reader(unhex('0002 61ff'), 0, 4, { strictText: true });
    expect(() => strict.string('group')).toThrow('group at byte 2: not valid UTF-8');
  });
});

describe('Writer', () => {
  const slice = { logId: 1, segmentBaseOffset: 0, position: 10, lengthBytes: 300 };

  test('file slices cut the message into pieces', () => {
    const writer = new Writer();
    const length = writer.reserve(4);
    writer.nullableRecords(slice);
    writer.compactNullableRecords(slice);
    writer.int8(5);
    writer.patchInt32(length, writer.lengthBytes - 4);
    const pieces = writer.finish();
    expect(pieces).toEqual([unhex('0000025f 0000012c'), slice, unhex('ad02'), slice, unhex('05')]);
    expect(() => writer.finishBytes()).toThrow(EncodeError);
    expect(writer.reset().finish()).toEqual([new Uint8Array(0)]);
  });

  test('an empty file slice makes no cut', () => {
    const writer = new Writer();
    writer.nullableRecords({ ...slice, lengthBytes: 0 });
    expect(hex(writer.finishBytes())).toBe('00000000');
  });

  test('writes into given memory until it is full', () => {
    const memory = new Uint8Array(16);
    const writer = new Writer().reset(memory, 4, 12);
    writer.int64(1);
    expect(writer.spilled).toBe(false);
    expect(hex(memory)).toBe(`${'00'.repeat(11)}0100000000`);
    writer.int16(2);
    expect(writer.spilled).toBe(true);
    expect(hex(memory)).toBe(`${'00'.repeat(11)}0100000000`);
    expect(hex(writer.finishBytes())).toBe('00000000000000010002');
    expect(writer.position).toBe(10);
  });

  test('follows from one part of a buffer to another', () => {
    const memory = new Uint8Array(32);
    const writer = new Writer();
    for (const part of [memory.subarray(0, 4), memory, memory.subarray(8, 16)]) {
      writer.reset(part).int32(part.length);
      if (part.length > 4) writer.int32(-1);
      expect(writer.spilled).toBe(false);
    }
    expect(hex(memory.subarray(0, 16))).toBe('00000020ffffffff00000008ffffffff');
  });

  test('a patch outside what is written is refused', () => {
    const writer = new Writer();
    writer.int32(1);
    expect(() => writer.patchInt32(1, 0)).toThrow(EncodeError);
  });

  test('refuses integers beyond the safe range', () => {
    expect(() => new Writer().int64(2 ** 53)).toThrow(EncodeError);
    expect(() => new Writer().varlong(0.5)).toThrow(EncodeError);
  });

  test('a closing tagged field at the very end of the memory loses nothing', () => {
    const memory = new Uint8Array(8);
    const writer = new Writer().reset(memory, 0, 8);
    const mark = writer.beginTaggedField(3);
    writer.int32(-1);
    writer.int16(-1);
    writer.endTaggedField(mark);
    expect(hex(writer.finishBytes())).toBe('0306ffffffffffff');
    expect(writer.spilled).toBe(false);
  });
});
