import { beyondLimit } from './compression-error.ts';
import { concat } from './concat.ts';
import { zlib } from './zlib.ts';
import { INFLATE_CHUNK_BYTES, zlibFailure } from './zlib-failure.ts';
import { zstdFrameAt } from './zstd-frame.ts';

/** A frame may ask for this much history, 8 MiB, and no more (kafka-surface H8). */
const WINDOW_LOG_MAX = 23;
/** Levels above this one would choose a larger window, which nobody here would read back. */
const SMALL_WINDOW_LEVEL_MAX = 19;

/** RFC 8878. @param level -131072 … 22. */
export function zstdCompress(bytes: Uint8Array, level: number): Uint8Array {
  const { constants, zstdCompressSync } = zlib();
  const params: Record<number, number> = { [constants.ZSTD_c_compressionLevel]: level };
  if (level > SMALL_WINDOW_LEVEL_MAX) params[constants.ZSTD_c_windowLog] = WINDOW_LOG_MAX;
  return zstdCompressSync(bytes, { params });
}

/** One or more frames; skippable frames are skipped. */
export function zstdDecompress(bytes: Uint8Array, maxOutputBytes: number): Uint8Array {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for (let at = 0; at < bytes.length; ) {
    const frame = zstdFrameAt(bytes, at);
    if (!frame.isSkippable) {
      const chunk = oneFrame(bytes.subarray(at, frame.end), maxOutputBytes);
      total += chunk.length;
      if (total > maxOutputBytes) throw beyondLimit('zstd', maxOutputBytes);
      chunks.push(chunk);
    }
    at = frame.end;
  }
  return concat(chunks, total);
}

function oneFrame(frame: Uint8Array, maxOutputBytes: number): Uint8Array {
  const { constants, zstdDecompressSync } = zlib();
  try {
    return zstdDecompressSync(frame, {
      maxOutputLength: maxOutputBytes,
      chunkSize: INFLATE_CHUNK_BYTES,
      params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX },
    });
  } catch (error) {
    throw zlibFailure('zstd', error, maxOutputBytes);
  }
}
