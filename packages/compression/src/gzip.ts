import { zlib } from './zlib.ts';
import { INFLATE_CHUNK_BYTES, zlibFailure } from './zlib-failure.ts';

/** RFC 1952. @param level 1 … 9, or -1 for zlib's own choice. */
export function gzipCompress(bytes: Uint8Array, level: number): Uint8Array {
  return zlib().gzipSync(bytes, { level });
}

/** One or more gzip members, checksums verified. */
export function gzipDecompress(bytes: Uint8Array, maxOutputBytes: number): Uint8Array {
  try {
    return zlib().gunzipSync(bytes, {
      maxOutputLength: maxOutputBytes,
      chunkSize: INFLATE_CHUNK_BYTES,
    });
  } catch (error) {
    throw zlibFailure('gzip', error, maxOutputBytes);
  }
}
