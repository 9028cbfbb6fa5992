import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Codec } from './codec.ts';
import { compress, decompress } from './compress.ts';
import { CompressionError } from './compression-error.ts';

const codec = fc.constantFrom(Codec.gzip, Codec.snappy, Codec.lz4, Codec.zstd);
const content = fc.oneof(
  fc.uint8Array({ maxLength: 400 }),
  fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.nat({ max: 9000 }))
    .map(([unit, times]) => new Uint8Array(Buffer.alloc(unit.length * times, unit))),
);

test('there and back', () => {
  fc.assert(
    fc.property(codec, content, (one, bytes) => {
      const inflated = decompress(one, compress(one, bytes), Math.max(1, bytes.length));
      expect(Buffer.compare(inflated, bytes)).toBe(0);
    }),
    { numRuns: 400 },
  );
});

test('damaged input inflates within its limit or is refused; nothing else happens', () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(codec, content, damage, fc.nat({ max: 50_000 }), (one, bytes, patches, limit) => {
      const packed = new Uint8Array(compress(one, bytes));
      for (const [at, byte] of patches) packed[at % packed.length] = byte;
      try {
        expect(decompress(one, packed, limit + 1).length).toBeLessThanOrEqual(limit + 1);
      } catch (error) {
        if (!(error instanceof CompressionError)) throw error;
      }
    }),
    { numRuns: 2000 },
  );
});
