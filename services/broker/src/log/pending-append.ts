import { AppendError } from './append-error.ts';
import type { BatchCandidate, BatchFacts } from './batch-facts.ts';
import type { PartitionLog } from './partition-log.ts';

const NO_INDEXES: readonly number[] = [];

/** Told once when an append is as durable as it asked to be, or has failed. */
export interface AppendListener {
  appendDone(append: PendingAppend): void;
}

/** Told between the stages of an append; a partition, which moves its high watermark. */
export interface AppendTarget {
  /** The batch is written (`error` none) or refused. */
  appendCommitted(append: PendingAppend): void;
}

/**
 * One batch on its way into a log: what the checks read off its header, then what became of it. Made
 * once and reused by its owner.
 */
export class PendingAppend implements BatchFacts, BatchCandidate {
  readonly listener: AppendListener;
  target: AppendTarget | null = null;
  log: PartitionLog | null = null;
  /** Done only once the batch is below the high watermark (acks=all). */
  waitsForHighWatermark = false;

  sizeBytes = 0;
  lastOffsetDelta = 0;
  producerId = -1;
  producerEpoch = -1;
  baseSequence = -1;
  maxTimestamp = -1;
  isTransactional = false;

  error: AppendError = AppendError.none;
  /** Already in the log: `baseOffset` is that of the first time. */
  isDuplicate = false;
  baseOffset = -1;
  lastOffset = -1;
  /** The time stamped for LogAppendTime, else -1. */
  appendTimeMs = -1;

  /** Places in the batch of the records that made it refused, where that is known. */
  offendingIndexes: readonly number[] = NO_INDEXES;
  /** Queued, and its listener not yet told. */
  isInFlight = false;
  /** The next append of the same partition that waits for its flush. */
  nextWaiting: PendingAppend | null = null;

  constructor(listener: AppendListener) {
    this.listener = listener;
  }

  /** Tells the listener. */
  done(): void {
    this.isInFlight = false;
    this.listener.appendDone(this);
  }

  /** Ready for another batch. */
  reset(): void {
    this.target = null;
    this.log = null;
    this.isInFlight = false;
    this.waitsForHighWatermark = false;
    this.error = AppendError.none;
    this.isDuplicate = false;
    this.baseOffset = -1;
    this.lastOffset = -1;
    this.appendTimeMs = -1;
    this.offendingIndexes = NO_INDEXES;
    this.nextWaiting = null;
  }
}
