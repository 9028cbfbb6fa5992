/** Stable codes of everything that can go wrong in the engine. Never renumbered. */
export const EngineErrorCode = {
  /** The batch's CRC32C does not match. */
  corruptBatch: 1,
  /** The batch's lengths or counts do not fit its bytes. */
  invalidBatch: 2,
  /** The batch is larger than segment.bytes. */
  batchLargerThanSegment: 3,
  /** The log dir is poisoned by an earlier failed write or flush. */
  poisoned: 4,
  /** A read, write, flush or rename failed. */
  ioError: 5,
  /** No space left; the batch was cut back and refused. */
  noSpace: 6,
  /** Another process holds the directory's `.lock`. */
  dirLocked: 7,
  /** A file of the data directory cannot be read as what it should be. */
  corruptFile: 8,
  /** No log, dir, listener or connection of that number. */
  unknownHandle: 9,
  /** Offset outside the log. */
  offsetOutOfRange: 10,
  addressInUse: 11,
  /** The address cannot be bound for another reason. */
  addressUnavailable: 12,
  /** A name with a slash, of one dot or two, or with other bytes that never become a path. */
  invalidName: 13,
  /** The native binary for this platform is missing from the package. */
  nativeBinaryMissing: 14,
  /** A Rust panic, caught at the boundary. */
  panic: 15,
  /** The system refuses an option of a socket. */
  socketOption: 16,
} as const;

export type EngineErrorCode = (typeof EngineErrorCode)[keyof typeof EngineErrorCode];

/** An error of the engine with a stable `code` and what it was about in the message. */
export class EngineError extends Error {
  readonly code: EngineErrorCode;

  constructor(code: EngineErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EngineError';
    this.code = code;
  }
}
