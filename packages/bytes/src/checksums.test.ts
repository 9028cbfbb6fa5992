import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32c } from './crc32c.ts';
import { javaStringHash, murmur2 } from './hash.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);

test('crc32c: check value and the vectors of RFC 3720 B.4', () => {
  expect(crc32c(utf8('123456789'))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i))).toBe(0x113fdb5c);
  expect(crc32c(new Uint8Array(0))).toBe(0);
});

test('crc32c: any split and any place gives the bitwise result', () => {
  const bitwise = (bytes: Uint8Array) => {
    let crc = -1;
    for (const byte of bytes) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    }
    return ~crc >>> 0;
  };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(80), (bytes, cut) => {
      const at = Math.min(cut, bytes.length);
      const expected = bitwise(bytes);
      expect(crc32c(bytes, at, bytes.length, crc32c(bytes, 0, at))).toBe(expected);
    }),
  );
});

test('murmur2 as the Java client computes it', () => {
  expect(murmur2(utf8('21'))).toBe(-973932308);
  expect(murmur2(utf8('foobar'))).toBe(-790332482);
  expect(murmur2(utf8('a-little-bit-long-string'))).toBe(-985981536);
  expect(murmur2(utf8('a-little-bit-longer-string'))).toBe(-1486304829);
  expect(murmur2(utf8('lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8'))).toBe(-58897971);
  expect(murmur2(utf8('abc'))).toBe(479470107);
  expect(murmur2(utf8('xabcx'), 1, 4)).toBe(479470107);
});

test('javaStringHash is String.hashCode', () => {
  expect(javaStringHash('')).toBe(0);
  expect(javaStringHash('hello')).toBe(99162322);
  expect(javaStringHash('polygenelubricants')).toBe(-2147483648);
  expect(javaStringHash('é€')).toBe(15587);
});
