import {
  LocateStatus,
  type LogOptions,
  type OpenedLog,
  type SegmentInfo,
  type SegmentStore,
} from '@millrace/engine';
import type { TopicConfig } from '../config/topic-config.ts';
import type { PendingAppend } from './pending-append.ts';
import { encodeSnapshot } from './producer-snapshot.ts';
import { ProducerStateTable } from './producer-state.ts';

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
    flushMode: durable ? 'group' : 'os',
    fileDeleteDelayMs: config.fileDeleteDelayMs,
  };
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
  /** A segment was sealed since the last look; its bytes are worth flushing. */
  hasRolled = false;
  /** Rows of this log in the plan that have no offsets yet. */
  unstagedCount = 0;
  /** Offsets of the snapshot files that stand on disk, ascending. */
  snapshotOffsets: number[];

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
    return this.store.segments(this.logId);
  }

  /** Called by the plan when a batch has its offsets; not yet written. */
  batchStaged(append: PendingAppend, rolledAt: number): void {
    if (rolledAt >= 0) this.#rolled(rolledAt);
    if (append.producerId >= 0) this.producers.record(append);
  }

  /** Called by the plan when a staged batch could not be written. */
  commitFailed(append: PendingAppend): void {
    if (append.producerId >= 0) this.producers.forget(append.producerId);
  }

  /** Called by the partition when a batch is written. */
  batchCommitted(append: PendingAppend): void {
    this.logEndOffset = append.lastOffset + 1;
  }

  fail(): void {
    this.isFailed = true;
  }

  /**
   * Finds whole batches from the one that holds `offset`, below `upToOffset`. Answers a `LocateStatus`
   * and fills `located` when found.
   */
  locate(offset: number, upToOffset: number, maxBytes: number, atLeastOne: boolean): LocateStatus {
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
    return status as LocateStatus;
  }

  /** Writes the producer state as of `offset`, durably, and drops snapshots nobody needs any more. */
  async writeSnapshot(offset: number): Promise<void> {
    if (this.snapshotOffsets.includes(offset)) return;
    const bytes = encodeSnapshot(this.producers);
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

  #rolled(offset: number): void {
    // A failed write poisons the dir, which the engine announces by itself.
    this.writeSnapshot(offset).catch(() => {});
    this.hasRolled = true;
  }
}
