import { afterEach, expect, test } from 'vitest';
import { Codec } from './codec.ts';
import { compress, decompress } from './compress.ts';
import { CompressionError } from './compression-error.ts';
import { CompressionPool, type CompressionPoolOptions } from './compression-pool.ts';

const pools: CompressionPool[] = [];
function poolOf(options?: CompressionPoolOptions): CompressionPool {
  const pool = new CompressionPool(options);
  pools.push(pool);
  return pool;
}
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

const text = new TextEncoder().encode('the same again and again. '.repeat(8000));
const CODECS = [Codec.gzip, Codec.snappy, Codec.lz4, Codec.zstd] as const;

async function reasonOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof CompressionError ? error.reason : String(error);
}

test('every codec, on a thread', async () => {
  const pool = poolOf({ threadsMax: 2 });
  await Promise.all(
    CODECS.map(async (codec) => {
      const packed = await pool.compress(codec, text);
      expect(packed.length).toBeLessThan(text.length / 10);
      expect(await pool.decompress(codec, packed, text.length)).toEqual(text);
      expect(await reasonOf(pool.decompress(codec, packed, 1000))).toBe('outputLimit');
      expect(await reasonOf(pool.decompress(codec, text, 1000))).toBe('corrupt');
    }),
  );
  expect([pool.pendingCount, pool.pendingBytes]).toEqual([0, 0]);
});

test('from one codec to another in one task', async () => {
  const pool = poolOf();
  const bytes = compress(Codec.gzip, text);
  const packed = await pool.recompress({
    from: Codec.gzip,
    to: Codec.zstd,
    level: 19,
    bytes,
    maxOutputBytes: text.length,
  });
  expect(new Uint8Array(decompress(Codec.zstd, packed, text.length))).toEqual(text);
  expect(bytes.length).toBeGreaterThan(0);
});

test('the input is copied before the call returns', async () => {
  const pool = poolOf();
  const borrowed = Buffer.from(text);
  const promise = pool.compress(Codec.lz4, borrowed);
  borrowed.fill(0);
  expect(new Uint8Array(decompress(Codec.lz4, await promise, text.length))).toEqual(text);
});

test('a full queue refuses at once, and takes work again when it is worked off', async () => {
  const pool = poolOf({ queueBytesMax: text.length * 2 });
  const first = [pool.compress(Codec.gzip, text), pool.compress(Codec.gzip, text)];
  expect(await reasonOf(pool.compress(Codec.gzip, text))).toBe('queueFull');
  await Promise.all(first);
  expect((await pool.compress(Codec.gzip, text)).length).toBeGreaterThan(0);
  const single = poolOf({ queueCountMax: 1 });
  const only = single.compress(Codec.gzip, text);
  expect(await reasonOf(single.compress(Codec.gzip, text))).toBe('queueFull');
  await only;
});

test('a task above the queue is taken when it is alone', async () => {
  const pool = poolOf({ queueBytesMax: 10 });
  expect((await pool.compress(Codec.lz4, text)).length).toBeGreaterThan(0);
});

test('small inputs stay in the thread unless they inflate to much', async () => {
  const pool = poolOf({ inThreadBytesMax: 4096 });
  const small = text.subarray(0, 1000);
  const packing = pool.compress(Codec.zstd, small);
  expect(pool.pendingCount).toBe(0);
  const packed = await packing;
  const inflating = pool.decompress(Codec.zstd, packed, text.length);
  expect(pool.pendingCount).toBe(0);
  expect(new Uint8Array(await inflating)).toEqual(small);
  const zeros = compress(Codec.zstd, new Uint8Array(1_000_000));
  const large = pool.decompress(Codec.zstd, zeros, 2_000_000);
  expect(pool.pendingCount).toBe(1);
  expect((await large).length).toBe(1_000_000);
});

test('a bad level is refused', async () => {
  await expect(poolOf().compress(Codec.gzip, text, 12)).rejects.toThrow('level 12');
});

test('close finishes what was taken and takes no more', async () => {
  const pool = poolOf();
  const last = pool.compress(Codec.gzip, text);
  const closing = pool.close();
  expect(await reasonOf(pool.compress(Codec.gzip, text))).toBe('closed');
  await closing;
  expect((await last).length).toBeGreaterThan(0);
  await pool.close();
});
