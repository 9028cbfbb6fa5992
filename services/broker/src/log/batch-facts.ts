/** What the log must know of a batch that was given its offsets. */
export interface BatchFacts {
  readonly lastOffsetDelta: number;
  /** -1: not idempotent. */
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly maxTimestamp: number;
  readonly baseOffset: number;
  readonly lastOffset: number;
}

/** A batch before it has offsets; a repetition is given those of the first time. */
export interface BatchCandidate {
  readonly lastOffsetDelta: number;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  isDuplicate: boolean;
  baseOffset: number;
  lastOffset: number;
}
