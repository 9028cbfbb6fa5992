/**
 * corrupt: the bytes are not what the codec writes · outputLimit: they would inflate beyond the limit ·
 * unsupported: a feature or a codec that is not read · queueFull, closed: the pool takes no more work.
 */
export type CompressionFailure = 'corrupt' | 'outputLimit' | 'unsupported' | 'queueFull' | 'closed';

/** Why bytes were not compressed or inflated. */
export class CompressionError extends Error {
  override readonly name = 'CompressionError';
  readonly reason: CompressionFailure;

  constructor(reason: CompressionFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

export function corrupt(what: string, cause?: unknown): CompressionError {
  return new CompressionError('corrupt', what, cause === undefined ? undefined : { cause });
}

export function beyondLimit(codec: string, maxOutputBytes: number): CompressionError {
  return new CompressionError(
    'outputLimit',
    `${codec}: inflates to more than ${maxOutputBytes} bytes`,
  );
}
