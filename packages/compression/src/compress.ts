import { Codec, defaultLevel, isLevel } from './codec.ts';
import { CompressionError } from './compression-error.ts';
import { gzipCompress, gzipDecompress } from './gzip.ts';
import { lz4Compress, lz4Decompress } from './lz4-frame.ts';
import { snappyCompress, snappyDecompress } from './snappy.ts';
import { zstdCompress, zstdDecompress } from './zstd.ts';

/**
 * Compresses in the calling thread. With `Codec.none` the bytes are handed back as they are.
 *
 * @param level as in Kafka's `compression.<codec>.level`. snappy has none; for lz4 the library has one speed,
 *   so that 1 … 17 are accepted and make no difference.
 * @throws RangeError when the codec has no such level.
 */
export function compress(codec: Codec, bytes: Uint8Array, level = defaultLevel(codec)): Uint8Array {
  if (level !== undefined && !isLevel(codec, level)) {
    throw new RangeError(`level ${level} is not one of codec ${codec}`);
  }
  switch (codec) {
    case Codec.none:
      return bytes;
    case Codec.gzip:
      return gzipCompress(bytes, level as number);
    case Codec.snappy:
      return snappyCompress(bytes);
    case Codec.lz4:
      return lz4Compress(bytes);
    case Codec.zstd:
      return zstdCompress(bytes, level as number);
    default:
      throw unknownCodec(codec);
  }
}

/**
 * Inflates in the calling thread; never makes more than `maxOutputBytes` plus one block (4 MiB) of output,
 * whatever the input says.
 *
 * @param maxOutputBytes at least 1.
 * @throws CompressionError `corrupt`, `outputLimit` or `unsupported`.
 */
export function decompress(codec: Codec, bytes: Uint8Array, maxOutputBytes: number): Uint8Array {
  switch (codec) {
    case Codec.none:
      return bytes;
    case Codec.gzip:
      return gzipDecompress(bytes, maxOutputBytes);
    case Codec.snappy:
      return snappyDecompress(bytes, maxOutputBytes);
    case Codec.lz4:
      return lz4Decompress(bytes, maxOutputBytes);
    case Codec.zstd:
      return zstdDecompress(bytes, maxOutputBytes);
    default:
      throw unknownCodec(codec);
  }
}

function unknownCodec(codec: never): CompressionError {
  return new CompressionError('unsupported', `there is no codec ${codec}`);
}
