/** A transaction that was aborted and overlaps what was read; its records are to be skipped. */
export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

/** Where the reader's history parts from the leader's (KIP-320, KIP-595): truncate, then go on there. */
export interface DivergingEpoch {
  readonly epoch: number;
  readonly endOffset: number;
}

/** One answer about one partition, its batches undecoded. Offsets are -1 when the broker does not tell. */
export interface PartitionRead {
  readonly topic: string;
  readonly partition: number;
  /** What was asked for. The first batch may begin below it. */
  readonly fetchOffset: number;
  /** 0, or a wire error; then there are no batches. */
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  readonly divergingEpoch: DivergingEpoch | undefined;
  /** In offset order; empty under read_uncommitted. */
  readonly abortedTransactions: readonly AbortedTransaction[];
  /** Whole record batches (magic 2), perhaps followed by part of one; a `PartitionReader` lends them. */
  readonly batches: Uint8Array;
}
