export { Codec, type CodecName, codecOf, defaultLevel, isLevel } from './codec.ts';
export { compress, decompress } from './compress.ts';
export { compressRaw, type RawCodecName } from './compress-raw.ts';
export { CompressionError, type CompressionFailure } from './compression-error.ts';
export {
  CompressionPool,
  type CompressionPoolOptions,
  type Recompression,
} from './compression-pool.ts';
