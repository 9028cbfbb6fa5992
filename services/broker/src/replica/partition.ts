import { BatchView } from '@millrace/records';
import type { TopicConfig } from '../config/topic-config.ts';
import { AppendError } from '../log/append-error.ts';
import type { AppendPlan } from '../log/append-plan.ts';
import { isFlushedFirst, logOptionsOf, type PartitionLog } from '../log/partition-log.ts';
import { type AppendTarget, PendingAppend } from '../log/pending-append.ts';
import { checkAppend } from './append-checks.ts';

/** What became of an append that was awaited. */
export interface AppendOutcome {
  /** 0, or the wire error of the same number. */
  readonly errorCode: AppendError;
  /** -1 when refused. */
  readonly baseOffset: number;
  readonly lastOffset: number;
  /** -1 unless the topic stamps LogAppendTime. */
  readonly logAppendTimeMs: number;
  readonly logStartOffset: number;
}

/** Told when the high watermark moved, the log start moved, or the partition failed or went away. */
export interface PartitionWatcher {
  partitionChanged(partition: Partition): void;
}

export interface PartitionParts {
  readonly topic: string;
  readonly index: number;
  readonly topicId: string;
  readonly isInternal: boolean;
  readonly log: PartitionLog;
  readonly plan: AppendPlan;
  /** acks=all and the high watermark wait for the device (`millrace.log.durability=fsync`). */
  readonly isDurable: boolean;
  /** Wall-clock ms of the current tick. */
  readonly nowMs: () => number;
}

/** One partition that this broker leads: its log, what of it is visible, and who waits for more. */
export class Partition implements AppendTarget {
  readonly topic: string;
  readonly index: number;
  readonly topicId: string;
  readonly isInternal: boolean;
  readonly log: PartitionLog;
  /** Everything below is visible to consumers. */
  highWatermark: number;
  /** False once the partition was deleted or the broker closes. */
  isOnline = true;
  readonly #plan: AppendPlan;
  readonly #isBrokerDurable: boolean;
  /** The high watermark waits for the flush. */
  #isDurable: boolean;
  readonly #nowMs: () => number;
  readonly #watchers = new Set<PartitionWatcher>();
  /** Appends that wait for the flush, oldest first. */
  #waitingHead: PendingAppend | null = null;
  #waitingTail: PendingAppend | null = null;

  constructor(parts: PartitionParts) {
    this.topic = parts.topic;
    this.index = parts.index;
    this.topicId = parts.topicId;
    this.isInternal = parts.isInternal;
    this.log = parts.log;
    this.#plan = parts.plan;
    this.#isBrokerDurable = parts.isDurable;
    this.#isDurable = isFlushedFirst(parts.log.config, parts.isDurable);
    this.#nowMs = parts.nowMs;
    this.highWatermark = this.#isDurable ? parts.log.flushedOffset : parts.log.logEndOffset;
  }

  get logStartOffset(): number {
    return this.log.logStartOffset;
  }

  get logEndOffset(): number {
    return this.log.logEndOffset;
  }

  /** Bound of read_committed; the high watermark until transactions come. */
  get lastStableOffset(): number {
    return this.highWatermark;
  }

  get leaderEpoch(): number {
    return this.log.leaderEpoch;
  }

  get config(): TopicConfig {
    return this.log.config;
  }

  get sizeBytes(): number {
    return this.log.sizeBytes;
  }

  /** The log dir failed: appends are refused with KAFKA_STORAGE_ERROR. */
  get isFailed(): boolean {
    return this.log.isFailed;
  }

  /** Takes over a changed topic configuration; effective for the next append. */
  configure(config: TopicConfig): void {
    this.log.config = config;
    this.log.store.configureLog(this.log.logId, logOptionsOf(config, this.#isBrokerDurable));
    this.#isDurable = isFlushedFirst(config, this.#isBrokerDurable);
    if (!this.#isDurable) this.#moveHighWatermark(this.logEndOffset);
  }

  /**
   * Checks a batch that lies in borrowed frame memory and queues it for this tick's write. A refused batch
   * has `append.error` set on return and its listener is not called.
   */
  appendBorrowed(append: PendingAppend, view: BatchView, bufferId: number, offset: number): void {
    append.target = this;
    if (!checkAppend(append, view, this.log, this.#nowMs(), this.#plan)) return;
    if (append.isDuplicate) this.#plan.addRider(append);
    else this.#plan.add(append, this.log, bufferId, offset);
  }

  /** The same for a batch in ordinary memory, which must stay untouched until the tick's commit. */
  appendMemory(append: PendingAppend, view: BatchView, batch: Uint8Array): void {
    append.target = this;
    if (!checkAppend(append, view, this.log, this.#nowMs(), this.#plan)) return;
    if (append.isDuplicate) this.#plan.addRider(append);
    else this.#plan.addOwned(append, this.log, batch);
  }

  /**
   * Appends a batch the broker made itself (a coordinator's record). The order of calls is the order in
   * the log. Never rejects.
   *
   * @param acks -1: resolves when it is below the high watermark (durable); 1: when it is written.
   */
  appendOwned(batch: Uint8Array, acks: -1 | 1): Promise<AppendOutcome> {
    return new Promise((resolve) => {
      const append = new PendingAppend({
        appendDone: (done) => resolve(this.#outcomeOf(done)),
      });
      append.target = this;
      append.waitsForHighWatermark = acks === -1;
      if (this.isFailed || !this.isOnline) {
        append.error = this.isFailed ? AppendError.storage : AppendError.notLeader;
        resolve(this.#outcomeOf(append));
        return;
      }
      const view = new BatchView(batch);
      append.sizeBytes = batch.length;
      append.lastOffsetDelta = view.lastOffsetDelta;
      append.maxTimestamp = view.maxTimestamp;
      this.#plan.addOwned(append, this.log, batch);
    });
  }

  /**
   * Copies whole batches from the one that holds `offset` up to the high watermark, at least one when there
   * is one. Empty at the end.
   */
  read(offset: number, maxBytes: number): Promise<Uint8Array> {
    return this.log.read(offset, this.highWatermark, maxBytes);
  }

  watch(watcher: PartitionWatcher): void {
    this.#watchers.add(watcher);
  }

  unwatch(watcher: PartitionWatcher): void {
    this.#watchers.delete(watcher);
  }

  /** The plan wrote (or refused) an append of this partition. */
  appendCommitted(append: PendingAppend): void {
    if (append.error !== AppendError.none) {
      append.done();
      return;
    }
    if (!append.isDuplicate) {
      this.log.batchCommitted(append);
      if (!this.#isDurable) {
        if (this.log.unflushedSinceMs === 0) this.log.unflushedSinceMs = this.#nowMs();
        this.#moveHighWatermark(this.log.logEndOffset);
      } else {
        // A slow disk may have reported the flush before the write.
        this.#moveHighWatermark(Math.min(this.log.flushedOffset, this.log.logEndOffset));
      }
    }
    if (!append.waitsForHighWatermark || append.lastOffset < this.highWatermark) {
      append.done();
    } else if (this.#waitingTail === null) {
      this.#waitingHead = append;
      this.#waitingTail = append;
    } else {
      this.#waitingTail.nextWaiting = append;
      this.#waitingTail = append;
    }
  }

  /** The engine flushed this log up to `flushedOffset`. */
  flushed(flushedOffset: number): void {
    if (flushedOffset <= this.log.flushedOffset) return;
    this.log.flushedOffset = flushedOffset;
    if (flushedOffset >= this.log.logEndOffset) this.log.unflushedSinceMs = 0;
    if (this.#isDurable) this.#moveHighWatermark(Math.min(flushedOffset, this.log.logEndOffset));
  }

  /** The log dir is poisoned: nothing that waits will ever be durable. */
  fail(): void {
    this.log.fail();
    this.#plan.refused(this.log.logId);
    this.#releaseWaiting(AppendError.storage);
    this.#notify();
  }

  /** The partition is deleted or the broker closes. */
  goOffline(): void {
    this.isOnline = false;
    this.log.isClosed = true;
    this.#plan.refused(this.log.logId);
    this.#releaseWaiting(AppendError.notLeader);
    this.#notify();
  }

  /** Closes the active segment, so that retention can remove it. */
  roll(): void {
    // The engine wants nothing staged when a segment is closed.
    this.#plan.commit();
    this.log.roll();
  }

  /** Raises the log start (retention, DeleteRecords) and removes whole segments below it. */
  async trimTo(offset: number): Promise<void> {
    if (offset <= this.log.logStartOffset) return;
    this.log.logStartOffset = offset;
    this.#notify();
    await this.log.trimTo(offset);
  }

  #moveHighWatermark(offset: number): void {
    if (offset <= this.highWatermark) return;
    this.highWatermark = offset;
    let append = this.#waitingHead;
    while (append !== null && append.lastOffset < offset) {
      this.#waitingHead = append.nextWaiting;
      if (this.#waitingHead === null) this.#waitingTail = null;
      append.nextWaiting = null;
      append.done();
      append = this.#waitingHead;
    }
    if (this.#watchers.size > 0) this.#notify();
  }

  #releaseWaiting(error: AppendError): void {
    let append = this.#waitingHead;
    this.#waitingHead = null;
    this.#waitingTail = null;
    while (append !== null) {
      const next = append.nextWaiting;
      append.nextWaiting = null;
      append.error = error;
      append.done();
      append = next;
    }
  }

  #notify(): void {
    for (const watcher of this.#watchers) watcher.partitionChanged(this);
  }

  #outcomeOf(append: PendingAppend): AppendOutcome {
    const ok = append.error === AppendError.none;
    return {
      errorCode: append.error,
      baseOffset: ok ? append.baseOffset : -1,
      lastOffset: ok ? append.lastOffset : -1,
      logAppendTimeMs: ok ? append.appendTimeMs : -1,
      logStartOffset: ok ? this.logStartOffset : -1,
    };
  }
}
