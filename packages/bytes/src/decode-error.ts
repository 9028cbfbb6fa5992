/**
 * Bytes that do not hold what was asked of them. On a connection it means: close it, answer nothing
 * (kafka-surface H2). The message names the item and the byte position where it starts.
 */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
  /** What was being read, for example `int32` or `topics`. */
  readonly what: string;
  /** Byte position in the memory given to the reader. */
  readonly position: number;

  constructor(what: string, position: number, problem: string) {
    super(`${what} at byte ${position}: ${problem}`);
    this.what = what;
    this.position = position;
  }
}

/** A value that the format cannot carry. Always a bug of the caller, never of a peer. */
export class EncodeError extends Error {
  override readonly name = 'EncodeError';
}
