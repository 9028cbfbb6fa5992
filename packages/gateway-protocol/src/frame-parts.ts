// The tables and structs that stand inside of frames.

export interface PartitionOffset {
  readonly offset: bigint;
  readonly partition: number;
  /** −1 = unknown. */
  readonly epoch: number;
}

export interface StreamOffset {
  readonly offset: bigint;
  readonly stream: number;
  readonly epoch: number;
}

export interface PartitionCode {
  readonly partition: number;
  readonly code: number;
}

/** A record header; names may repeat. */
export interface HeaderField {
  readonly name: string | null;
  readonly value: Uint8Array | null;
}

/** The schema's table ResumeToken: the token of one subscription. */
export interface SubscriptionToken {
  readonly sub: number;
  readonly token: Uint8Array | null;
}

/** What a client may ask of this connection. */
export interface Limits {
  readonly messageBytes: number;
  readonly frames: number;
  readonly subscriptions: number;
  readonly streams: number;
  readonly filterNodes: number;
  readonly filterDepth: number;
  readonly filterValues: number;
  readonly filterBytes: number;
  readonly recordBytes: number;
  readonly publishBytes: number;
}

/** The schema's table Stream: one partition of a subscription. Offsets are −1 where they say nothing. */
export interface StreamInfo {
  readonly stream: number;
  readonly partition: number;
  /** An `Outcome`. */
  readonly outcome: number;
  readonly code: number;
  readonly leaderEpoch: number;
  readonly startOffset: bigint;
  readonly logStart: bigint;
  /** −1 = hidden. */
  readonly highWatermark: bigint;
  readonly lostFrom: bigint;
  readonly lostTo: bigint;
}

/** One node of a filter in postfix order. `op` is a `FilterOp`. */
export interface FilterNode {
  readonly op: number;
  /** Operands of AND, OR and NOT; 0 for a leaf. */
  readonly arity: number;
  /** Header name, for the HEADER operations. */
  readonly name: string | null;
  readonly values: readonly Uint8Array[];
}
