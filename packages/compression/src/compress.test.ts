import { readFileSync } from 'node:fs';
import { gzipSync, constants as zlibConstants, zstdCompressSync } from 'node:zlib';
import { xxHash32 } from 'js-xxhash';
import lz4 from 'lz4-napi';
import snappy from 'snappy';
import { describe, expect, test } from 'vitest';
import { Codec, codecOf, isLevel } from './codec.ts';
import { compress, decompress } from './compress.ts';
import { CompressionError } from './compression-error.ts';

const CODECS = ['gzip', 'snappy', 'lz4', 'zstd'] as const;
const LIMIT = 16 << 20;
/** Batches that Apache Kafka's own classes wrote, one for each codec; records follow the header. */
const HEADER_BYTES = 61;
const goldenBody = (codec: string) =>
  new Uint8Array(readFileSync(new URL(`../testdata/large-${codec}.bin`, import.meta.url))).subarray(
    HEADER_BYTES,
  );

function reasonOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof CompressionError) return error.reason;
    throw error;
  }
  return 'none';
}

function join(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts.map((part) => Uint8Array.from(part))));
}

function uint32le(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

describe.each(CODECS)('%s', (name) => {
  const codec = codecOf(name) as Codec;

  test('inflates what Java compressed', () => {
    expect(Buffer.compare(decompress(codec, goldenBody(name), LIMIT), goldenBody('none'))).toBe(0);
  });

  test.each([0, 1, 100, 32_768, 65_536, 65_537, 5_000_000])('%i bytes there and back', (size) => {
    const bytes = Uint8Array.from({ length: size }, (_, i) => (i * i) >> (i % 11));
    const packed = compress(codec, bytes);
    expect(Buffer.compare(decompress(codec, packed, Math.max(size, 1)), bytes)).toBe(0);
    if (size > 1) expect(reasonOf(() => decompress(codec, packed, size - 1))).toBe('outputLimit');
  });

  test('zeros that would become 100 MB stop at the limit', () => {
    const bomb = compress(codec, new Uint8Array(100_000_000));
    expect(100_000_000 / bomb.length).toBeGreaterThan(15);
    const before = process.memoryUsage().rss;
    expect(reasonOf(() => decompress(codec, bomb, 1 << 20))).toBe('outputLimit');
    // Far below what would come out; the process may take some for something else meanwhile.
    expect(process.memoryUsage().rss - before).toBeLessThan(64 << 20);
  });

  test('every cut is refused', () => {
    const packed = compress(codec, goldenBody('none').subarray(0, 3000));
    for (let length = 1; length < packed.length; length += 7) {
      // A xerial stream has no end mark: cut between two blocks it is shorter, not broken.
      if (codec === Codec.snappy && length === 16) continue;
      expect(reasonOf(() => decompress(codec, packed.subarray(0, length), LIMIT))).toBe('corrupt');
    }
  });

  test('two streams, one behind the other, are read as one', () => {
    const one = compress(codec, Uint8Array.of(1, 2, 3));
    const two = compress(codec, Uint8Array.of(4, 5));
    expect([...decompress(codec, join(one, two), LIMIT)]).toEqual([1, 2, 3, 4, 5]);
    expect(reasonOf(() => decompress(codec, join(one, two), 4))).toBe('outputLimit');
  });

  test('noise is refused', () => {
    const noise = Uint8Array.of(0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4, 5, 6, 7);
    expect(reasonOf(() => decompress(codec, noise, LIMIT))).toBe('corrupt');
  });
});

test('levels are those of KIP-390', () => {
  expect([-1, 1, 9].every((level) => isLevel(Codec.gzip, level))).toBe(true);
  expect([-2, 0, 10, 1.5].some((level) => isLevel(Codec.gzip, level))).toBe(false);
  expect([1, 17].every((level) => isLevel(Codec.lz4, level))).toBe(true);
  expect([0, 18].some((level) => isLevel(Codec.lz4, level))).toBe(false);
  expect([-131_072, 0, 22].every((level) => isLevel(Codec.zstd, level))).toBe(true);
  expect(isLevel(Codec.zstd, 23)).toBe(false);
  expect(isLevel(Codec.snappy, 1)).toBe(false);
  expect(() => compress(Codec.gzip, new Uint8Array(1), 10)).toThrow(RangeError);
  const text = goldenBody('none');
  expect(compress(Codec.gzip, text, 9).length).toBeLessThan(compress(Codec.gzip, text, 1).length);
  expect(compress(Codec.zstd, text, 19).length).toBeLessThan(
    compress(Codec.zstd, text, -100).length,
  );
});

test('names of codecs', () => {
  expect([codecOf('none'), codecOf('zstd'), codecOf('producer'), codecOf('toString')]).toEqual([
    0,
    4,
    undefined,
    undefined,
  ]);
});

describe('snappy', () => {
  test('a raw block, as librdkafka writes it', () => {
    const raw = new Uint8Array(snappy.compressSync(goldenBody('none')));
    expect(Buffer.compare(decompress(Codec.snappy, raw, LIMIT), goldenBody('none'))).toBe(0);
    expect(reasonOf(() => decompress(Codec.snappy, raw, 1000))).toBe('outputLimit');
  });

  test('a length that the block cannot hold is not believed', () => {
    const liar = Uint8Array.of(0x80, 0x80, 0x80, 0x40, 0, 1);
    expect(reasonOf(() => decompress(Codec.snappy, liar, 1 << 30))).toBe('corrupt');
    const endless = new Uint8Array(9).fill(0xff);
    expect(reasonOf(() => decompress(Codec.snappy, endless, LIMIT))).toBe('corrupt');
  });

  test('xerial block lengths are checked', () => {
    const packed = compress(Codec.snappy, new Uint8Array(100));
    packed[16] = 0x7f;
    expect(reasonOf(() => decompress(Codec.snappy, packed, LIMIT))).toBe('corrupt');
    packed[16] = 0xff;
    expect(reasonOf(() => decompress(Codec.snappy, packed, LIMIT))).toBe('corrupt');
  });
});

describe('lz4 frame', () => {
  const text = goldenBody('none');
  const frame = (flags: number, descriptor: number, extra: Uint8Array, ...blocks: Uint8Array[]) => {
    const header = join([flags, descriptor], extra);
    const check = [(xxHash32(header) >>> 8) & 0xff];
    return join(uint32le(0x184d2204), header, check, ...blocks, uint32le(0));
  };
  const stored = (bytes: Uint8Array) => join(uint32le((bytes.length | 0x80000000) >>> 0), bytes);
  const none = new Uint8Array(0);

  test('with block and content checksums', () => {
    const packed = new Uint8Array(
      lz4.compressFrameSync(Buffer.from(text), { blockChecksums: true, contentChecksum: true }),
    );
    expect(Buffer.compare(decompress(Codec.lz4, packed, LIMIT), text)).toBe(0);
    packed[packed.length - 1] = (packed.at(-1) ?? 0) ^ 1;
    expect(reasonOf(() => decompress(Codec.lz4, packed, LIMIT))).toBe('corrupt');
    packed[packed.length - 1] = (packed.at(-1) ?? 0) ^ 1;
    packed[60] = (packed[60] ?? 0) ^ 1;
    expect(reasonOf(() => decompress(Codec.lz4, packed, LIMIT))).toBe('corrupt');
  });

  test('stored blocks and a content size', () => {
    const size = join(uint32le(6), uint32le(0));
    const sound = frame(
      0x68,
      0x40,
      size,
      stored(Uint8Array.of(1, 2, 3)),
      stored(Uint8Array.of(4, 5, 6)),
    );
    expect([...decompress(Codec.lz4, sound, LIMIT)]).toEqual([1, 2, 3, 4, 5, 6]);
    const short = frame(0x68, 0x40, size, stored(Uint8Array.of(1, 2, 3)));
    expect(reasonOf(() => decompress(Codec.lz4, short, LIMIT))).toBe('corrupt');
    const huge = frame(0x68, 0x40, join(uint32le(0), uint32le(9)), stored(Uint8Array.of(1)));
    expect(reasonOf(() => decompress(Codec.lz4, huge, LIMIT))).toBe('outputLimit');
  });

  test('blocks that refer to those before them', () => {
    const first = text.subarray(0, 60_000);
    const second = text.subarray(20_000, 70_000);
    const block = (bytes: Uint8Array, history?: Uint8Array) => {
      const dictionary = history === undefined ? undefined : Buffer.from(history);
      const sized = lz4.compressSync(Buffer.from(bytes), dictionary);
      return join(uint32le(sized.length - 4), sized.subarray(4));
    };
    const third = text.subarray(0, 70_000 - 60_000);
    const linked = frame(
      0x40,
      0x40,
      none,
      block(first),
      block(second, first),
      block(third, join(first, second).slice(-65_536)),
    );
    expect(linked.length).toBeLessThan(block(first).length + block(second).length);
    const inflated = decompress(Codec.lz4, linked, LIMIT);
    expect(Buffer.compare(inflated, join(first, second, third))).toBe(0);
  });

  test.each<[string, Uint8Array, string]>([
    ['a wrong header checksum', compress(Codec.lz4, text).fill(0, 6, 7), 'corrupt'],
    ['a dictionary', frame(0x61, 0x40, none), 'unsupported'],
    ['version 0', frame(0x20, 0x40, none), 'corrupt'],
    ['a block size of 3', frame(0x60, 0x30, none), 'corrupt'],
    ['reserved bits', frame(0x62, 0x40, none), 'corrupt'],
    [
      'a block above its maximum',
      frame(0x60, 0x40, none, stored(new Uint8Array(65_537))),
      'corrupt',
    ],
  ])('%s is refused', (_, bytes, reason) => {
    expect(reasonOf(() => decompress(Codec.lz4, bytes, LIMIT))).toBe(reason);
  });

  test('skippable frames are skipped', () => {
    const skip = join(uint32le(0x184d2a53), uint32le(3), [9, 9, 9]);
    const packed = join(skip, compress(Codec.lz4, Uint8Array.of(7)), skip);
    expect([...decompress(Codec.lz4, packed, LIMIT)]).toEqual([7]);
  });
});

describe('zstd', () => {
  test('a window above 8 MiB is refused, and none is written at any level', () => {
    const bytes = Uint8Array.from({ length: 9 << 20 }, (_, i) => i ^ (i >>> 8));
    const { ZSTD_c_windowLog: windowLog, ZSTD_c_contentSizeFlag: sizeFlag } = zlibConstants;
    const wide = zstdCompressSync(bytes, { params: { [windowLog]: 25, [sizeFlag]: 0 } });
    expect(reasonOf(() => decompress(Codec.zstd, wide, LIMIT))).toBe('corrupt');
    const best = compress(Codec.zstd, bytes.subarray(0, (8 << 20) + 1000), 22);
    expect(decompress(Codec.zstd, best, LIMIT).length).toBe((8 << 20) + 1000);
  });

  test('skippable frames are skipped', () => {
    const skip = join(uint32le(0x184d2a50), uint32le(2), [9, 9]);
    const packed = join(skip, compress(Codec.zstd, Uint8Array.of(7)));
    expect([...decompress(Codec.zstd, packed, LIMIT)]).toEqual([7]);
  });
});

test('gzip with a broken checksum is refused', () => {
  const packed = new Uint8Array(gzipSync(goldenBody('none')));
  packed[packed.length - 6] = (packed.at(-6) ?? 0) ^ 1;
  expect(reasonOf(() => decompress(Codec.gzip, packed, LIMIT))).toBe('corrupt');
});
