import { inflateRawSync, zstdDecompressSync } from 'node:zlib';
import { uncompressSync } from 'lz4-napi';
import { expect, test } from 'vitest';
import { compressRaw } from './compress-raw.ts';

const text = Buffer.from('the quick brown fox jumps over the lazy dog. '.repeat(500));

test('an LZ4 block has no size before it', () => {
  const block = compressRaw('lz4', text);
  expect(block.length).toBeLessThan(text.length / 10);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(text.length);
  expect(uncompressSync(Buffer.concat([size, block]))).toEqual(text);
});

test('deflate-raw and zstd are read by others', () => {
  expect(inflateRawSync(compressRaw('deflate-raw', text))).toEqual(text);
  expect(zstdDecompressSync(compressRaw('zstd', text))).toEqual(text);
});
