import {
  type AbortedTransaction,
  type EpochEntry,
  LocateStatus,
  type LogOptions,
  type OpenedLog,
  type SegmentInfo,
  type SegmentStore,
} from '@millrace/engine';
import type { TopicConfig } from '../config/topic-config.ts';
import type { BatchFacts } from './batch-facts.ts';
import { encodeSnapshot } from './producer-snapshot.ts';
import { ProducerStateTable } from './producer-state.ts';

/** Answers of `PartitionLog.locate`: the engine's own. */
export const LocateOutcome = LocateStatus;
export type LocateOutcome = (typeof LocateStatus)[keyof typeof LocateStatus];

const NO_ABORTED: readonly AbortedTransaction[] = [];

/** Producer state as of a roll. */
interface StagedSnapshot {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Where `locate` found whole batches; overwritten by the next call. */
export interface LocatedSlice {
  segmentBaseOffset: number;
  position: number;
  lengthBytes: number;
  firstBaseOffset: number;
  nextOffset: number;
}

/** What the engine is told of a topic's configuration. */
export function logOptionsOf(config: TopicConfig, durable: boolean): LogOptions {
  return {
    segmentBytes: config.segmentBytes,
    segmentMs: config.segmentMs,
    segmentJitterMs: config.segmentJitterMs,
    segmentIndexBytes: config.segmentIndexBytes,
    indexIntervalBytes: config.indexIntervalBytes,
    flushMode: isFlushedFirst(config, durable) ? 'group' : 'os',
    fileDeleteDelayMs: config.fileDeleteDelayMs,
  };
}

/** Whether an append must be on the device before acks=all: the broker's rule, or `flush.messages=1` of the topic. */
export function isFlushedFirst(config: TopicConfig, isDurable: boolean): boolean {
  return isDurable || config.flushMessages === 1;
}

/** One partition's log on one disk, with the state of the producers that write to it. */
export class PartitionLog {
  readonly store: SegmentStore;
  readonly logId: number;
  readonly dirId: number;
  /** Directory name, `<topic>-<partition>`. */
  readonly name: string;
  readonly topicId: string | null;
  readonly producers: ProducerStateTable;
  readonly located: LocatedSlice = {
    segmentBaseOffset: 0,
    position: 0,
    lengthBytes: 0,
    firstBaseOffset: 0,
    nextOffset: 0,
  };
  logStartOffset: number;
  /** One past the last written batch. */
  logEndOffset: number;
  /** Everything below is on the device. */
  flushedOffset: number;
  leaderEpoch: number;
  config: TopicConfig;
  /** The log dir is poisoned: nothing is acknowledged or served for writing any more. */
  isFailed = false;
  isClosed = false;
  /** What the .txnindex files of a data directory of Kafka's say; none are added before transactions come. */
  aborted: readonly AbortedTransaction[] = NO_ABORTED;
  /** A segment was sealed since the last look; its bytes are worth flushing. */
  hasRolled = false;
  /** When the oldest unflushed batch was written, wall-clock ms; 0 when everything is flushed. */
  unflushedSinceMs = 0;
  /** Rows of this log in the plan that have no offsets yet. */
  unstagedCount = 0;
  /** Offsets of the snapshot files that stand on disk, ascending. */
  snapshotOffsets: number[];
  /** Of rolls that are staged: written once the roll is, dropped when it is refused. */
  readonly #stagedSnapshots: StagedSnapshot[] = [];
  #segmentCount = -1;

  constructor(
    store: SegmentStore,
    dirId: number,
    name: string,
    opened: OpenedLog,
    config: TopicConfig,
  ) {
    this.store = store;
    this.dirId = dirId;
    this.name = name;
    this.logId = opened.logId;
    this.topicId = opened.topicId;
    this.logStartOffset = opened.logStartOffset;
    this.logEndOffset = opened.logEndOffset;
    this.flushedOffset = opened.flushedOffset;
    this.leaderEpoch = opened.epochs.at(-1)?.epoch ?? 0;
    this.snapshotOffsets = [...opened.snapshotOffsets];
    this.config = config;
    this.producers = new ProducerStateTable();
  }

  get sizeBytes(): number {
    return this.store.sizeBytes(this.logId);
  }

  segments(): SegmentInfo[] {
    const segments = this.store.segments(this.logId);
    this.#segmentCount = segments.length;
    return segments;
  }

  /** How many there are; behind the truth by at most a round of maintenance where compaction joined some. */
  get segmentCount(): number {
    return this.#segmentCount < 0 ? this.segments().length : this.#segmentCount;
  }

  /** Called by the plan when a batch has its offsets; not yet written. */
  batchStaged(append: BatchFacts, rolledAt: number): void {
    if (rolledAt >= 0) {
      this.#stagedSnapshots.push({ offset: rolledAt, bytes: encodeSnapshot(this.producers) });
    }
    if (append.producerId >= 0) this.producers.record(append);
  }

  /** Called by the plan when a staged batch could not be written. */
  commitFailed(append: BatchFacts): void {
    this.#stagedSnapshots.length = 0;
    if (append.producerId >= 0) this.producers.takeBack(append);
  }

  /** Called by the partition when a batch is written. */
  batchCommitted(append: BatchFacts): void {
    this.logEndOffset = append.lastOffset + 1;
    while ((this.#stagedSnapshots[0]?.offset ?? Number.POSITIVE_INFINITY) < this.logEndOffset) {
      const { offset, bytes } = this.#stagedSnapshots.shift() as StagedSnapshot;
      this.#rolled(offset, bytes);
    }
  }

  fail(): void {
    this.isFailed = true;
  }

  /**
   * Finds whole batches from the one that holds `offset`, below `upToOffset`; fills `located` when found.
   */
  locate(offset: number, upToOffset: number, maxBytes: number, atLeastOne: boolean): LocateOutcome {
    const status = this.store.locate(this.logId, offset, upToOffset, maxBytes, atLeastOne);
    if (status === LocateStatus.found) {
      const from = this.store.located;
      const to = this.located;
      to.segmentBaseOffset = from[0] as number;
      to.position = from[1] as number;
      to.lengthBytes = from[2] as number;
      to.firstBaseOffset = from[3] as number;
      to.nextOffset = from[4] as number;
    }
    return status as LocateOutcome;
  }

  /** Brings the place into memory, on a native thread, so that `locate` finds it. */
  warm(offset: number, maxBytes: number): Promise<void> {
    return this.store.warm(this.logId, offset, maxBytes);
  }

  /** Copies whole batches in `[offset, upToOffset)`, at least one when there is one. */
  read(offset: number, upToOffset: number, maxBytes: number): Promise<Uint8Array> {
    return this.store.read(this.logId, offset, upToOffset, maxBytes, true);
  }

  /** Base offset of the first batch at or after `fromOffset` with a timestamp >= `timestampMs`, or -1. */
  findBatchByTimestamp(timestampMs: number, fromOffset: number): Promise<number> {
    return this.store.findBatchByTimestamp(this.logId, timestampMs, fromOffset);
  }

  /** Base offset of the batch with the largest timestamp, or -1. */
  findLargestTimestamp(): Promise<number> {
    return this.store.findLargestTimestamp(this.logId);
  }

  /** Closes the active segment when it is not empty. */
  roll(): void {
    const before = this.segments().at(-1)?.baseOffset;
    const base = this.store.roll(this.logId);
    if (base !== before) this.#rolled(base, encodeSnapshot(this.producers));
  }

  /** Brings everything to the device. Returns the flushed offset. */
  flush(): Promise<number> {
    return this.store.flushLog(this.logId);
  }

  /** Removes whole segments below `offset`. */
  async trimTo(offset: number): Promise<number> {
    const removed = await this.store.trimTo(this.logId, offset);
    this.#segmentCount = -1;
    return removed;
  }

  /** The epoch asked for, or the largest below it, and where it ends; -1 and -1 when unknown (T69). */
  endOfEpoch(epoch: number): { readonly epoch: number; readonly endOffset: number } {
    const epochs: readonly EpochEntry[] = this.store.epochs(this.logId);
    if (epoch < 0 || epochs.length === 0) return { epoch: -1, endOffset: -1 };
    const last = epochs.at(-1) as EpochEntry;
    if (epoch > last.epoch) return { epoch: -1, endOffset: -1 };
    if (epoch === last.epoch) return { epoch, endOffset: this.logEndOffset };
    let found: EpochEntry | undefined;
    for (const entry of epochs) {
      if (entry.epoch > epoch) {
        return { epoch: found?.epoch ?? epoch, endOffset: entry.startOffset };
      }
      found = entry;
    }
    return { epoch: -1, endOffset: -1 };
  }

  /** Aborted transactions that overlap `[fromOffset, upToOffset)`. */
  abortedBetween(fromOffset: number, upToOffset: number): readonly AbortedTransaction[] {
    if (this.aborted.length === 0) return NO_ABORTED;
    return this.aborted.filter(
      (entry) => entry.lastOffset >= fromOffset && entry.firstOffset < upToOffset,
    );
  }

  /** Writes the producer state as of `offset`, durably, and drops snapshots nobody needs any more. */
  async writeSnapshot(offset: number, bytes = encodeSnapshot(this.producers)): Promise<void> {
    if (this.snapshotOffsets.includes(offset)) return;
    this.snapshotOffsets.push(offset);
    await this.store.writeSnapshot(this.logId, offset, bytes);
    await this.#dropOldSnapshots();
  }

  /** Kept: the latest two and those at segment bases. */
  async #dropOldSnapshots(): Promise<void> {
    const latest = this.snapshotOffsets.slice(-2);
    const bases = new Set(this.segments().map((segment) => segment.baseOffset));
    const old = this.snapshotOffsets.filter((at) => !latest.includes(at) && !bases.has(at));
    if (old.length === 0) return;
    this.snapshotOffsets = this.snapshotOffsets.filter((at) => !old.includes(at));
    for (const offset of old) await this.store.removeSnapshot(this.logId, offset);
  }

  #rolled(offset: number, snapshot: Uint8Array): void {
    // A failed write poisons the dir, which the engine announces by itself.
    this.writeSnapshot(offset, snapshot).catch(() => {});
    this.#segmentCount = -1;
    this.hasRolled = true;
  }
}
