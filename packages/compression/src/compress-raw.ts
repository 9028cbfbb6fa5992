import { lz4CompressBlock } from './lz4-frame.ts';
import { zlib } from './zlib.ts';

/** Formats without a container of their own, for receivers that know the size from elsewhere. */
export type RawCodecName = 'lz4' | 'deflate-raw' | 'zstd';

/** A quick level: what is sent at once to many waits for nobody. */
const DEFLATE_LEVEL = 3;
const ZSTD_LEVEL = 1;
/** 1 MiB of history, which browsers' decoders can afford. */
const ZSTD_WINDOW_LOG = 20;

/** An LZ4 block without its size, RFC 1951, or one zstd frame with a window of at most 1 MiB. */
export function compressRaw(codec: RawCodecName, bytes: Uint8Array): Uint8Array {
  if (codec === 'lz4') return lz4CompressBlock(bytes);
  const { constants, deflateRawSync, zstdCompressSync } = zlib();
  if (codec === 'deflate-raw') return deflateRawSync(bytes, { level: DEFLATE_LEVEL });
  return zstdCompressSync(bytes, {
    params: {
      [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL,
      [constants.ZSTD_c_windowLog]: ZSTD_WINDOW_LOG,
    },
  });
}
