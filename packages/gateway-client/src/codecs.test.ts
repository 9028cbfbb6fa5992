import { deflateRawSync } from 'node:zlib';
import { Codec } from '@millrace/gateway-protocol';
import { expect, test, vi } from 'vitest';
import { FakeGateway } from './fake-gateway.test-server.ts';
import { supportedCodecs } from './inflate.ts';

/** LZ4 without a single match: literals only. */
function literalsLz4(raw: Uint8Array): Uint8Array {
  const lengths: number[] = [];
  for (let left = raw.length - 15; left >= 0; left -= 255) lengths.push(Math.min(left, 255));
  if ((raw.length - 15) % 255 === 0 && raw.length > 15) lengths.push(0);
  return Uint8Array.from([Math.min(raw.length, 15) << 4, ...lengths, ...raw]);
}

test.each([
  ['none', Codec.NONE, (raw: Uint8Array) => raw],
  ['lz4', Codec.LZ4, literalsLz4],
  ['deflate-raw', Codec.DEFLATE_RAW, (raw: Uint8Array) => new Uint8Array(deflateRawSync(raw))],
] as const)('%s: equal records, in order', async (name, codec, compress) => {
  const gateway = new FakeGateway();
  gateway.codec = codec;
  gateway.compress = compress;
  gateway.blockRecords = 3;
  const { logs } = gateway.topic('t');
  for (let i = 0; i < 50; i++) logs[0]?.append('again and again '.repeat(i), `key ${i}`);
  const seen: string[] = [];
  const client = gateway.client({ codecs: [name] });
  const loop = (async () => {
    for await (const record of client.subscribe('t', { start: 'earliest' }).records())
      seen.push(`${record.offset} ${record.text()}`);
  })();
  // Inflating takes real time, which the virtual clock does not know.
  await vi.waitFor(
    async () => {
      await gateway.run(10);
      expect(seen.length).toBe(50);
    },
    { timeout: 60_000, interval: 1 },
  );
  expect(seen).toEqual(
    Array.from({ length: 50 }, (_, i) => `${i} ${'again and again '.repeat(i)}`),
  );
  expect(gateway.got('hello')[0]?.codecs).toEqual([codec]);
  await Promise.all([client.close(), gateway.run()]);
  await loop;
});

test('C25: offers what the runtime has, in the wanted order', () => {
  expect(supportedCodecs(['deflate-raw', 'lz4', 'none'])).toEqual([2, 1, 0]);
  const hasZstd = (() => {
    try {
      return new DecompressionStream('zstd' as 'gzip') !== null;
    } catch {
      return false;
    }
  })();
  expect(supportedCodecs(['zstd', 'lz4'])).toEqual(hasZstd ? [3, 1] : [1]);
});
