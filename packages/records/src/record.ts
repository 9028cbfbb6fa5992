/** A header of a record. Keys may repeat. */
export interface RecordHeader {
  readonly key: string;
  readonly value: Uint8Array | null;
}

/** A record to append to a batch. */
export interface NewRecord {
  /** Milliseconds since 1970, -1 for none. */
  readonly timestampMs: number;
  readonly key: Uint8Array | null;
  /** null is a tombstone on a compacted topic. */
  readonly value: Uint8Array | null;
  readonly headers?: readonly RecordHeader[];
}

/** A record as read. Key, value and header values are borrowed from the batch's (inflated) body. */
export interface BatchRecord {
  readonly offset: number;
  readonly timestampMs: number;
  /** -1 when the batch has no sequence. */
  readonly sequence: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
}
