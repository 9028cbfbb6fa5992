import { beyondLimit, type CompressionError, corrupt } from './compression-error.ts';

/** Output grows in pieces of this size: zlib's own 16 KiB costs a call for each. */
export const INFLATE_CHUNK_BYTES = 65_536;

/** What node:zlib threw, in our terms. */
export function zlibFailure(
  codec: string,
  error: unknown,
  maxOutputBytes: number,
): CompressionError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ERR_BUFFER_TOO_LARGE') return beyondLimit(codec, maxOutputBytes);
  return corrupt(`${codec}: ${(error as Error).message}`, error);
}
