import { EngineErrorCode, PLAN_STRIDE, RESULT_STRIDE, type SegmentStore } from '@millrace/engine';
import { AppendError } from './append-error.ts';
import type { PartitionLog } from './partition-log.ts';
import type { PendingAppend } from './pending-append.ts';

/**
 * Gathers the appends of all requests of one tick: rows collect here, go to the engine in one `stage`
 * call and are written by one `commit`.
 *
 * The rows name borrowed frame memory, so `commit` must run before the tick ends.
 */
export class AppendPlan {
  readonly #store: SegmentStore;
  readonly #rowsMax: number;
  /** Appends whose rows stand in `store.plan`, in row order. */
  readonly #rows: PendingAppend[] = [];
  /** Appends staged and not yet committed, with those that only wait for this commit. */
  #staged: PendingAppend[] = [];
  #committing: PendingAppend[] = [];
  /** Appends whose logs are written by a thread of the engine, by log, oldest first. */
  readonly #deferred = new Map<number, PendingAppend[]>();
  /** Logs of the commit at hand that went to that thread. */
  readonly #deferredNow = new Set<number>();
  #isCommitting = false;
  /** Wakes the tick when something was added outside of one. */
  onPending: () => void = () => {};
  /** Told of a target or listener that threw: a bug, and the other appends go on. */
  onFailure: (error: unknown) => void = () => {};

  constructor(store: SegmentStore) {
    this.#store = store;
    this.#rowsMax = Math.floor(store.plan.length / PLAN_STRIDE);
  }

  get isEmpty(): boolean {
    return this.#rows.length === 0 && this.#staged.length === 0;
  }

  /**
   * Writes what is there when one more row would be too many for one commit: the engine's tables name at most
   * as many failed or deferred logs as they have rows. To be called before a batch is judged by those before it.
   */
  makeRoom(): void {
    if (this.#rows.length + this.#staged.length < this.#rowsMax) return;
    if (this.#isCommitting) this.stage();
    else this.commit();
  }

  /** Queues a batch that lies in borrowed frame memory. */
  add(append: PendingAppend, log: PartitionLog, bufferId: number, offset: number): void {
    this.makeRoom();
    const plan = this.#store.plan;
    const at = this.#rows.length * PLAN_STRIDE;
    plan[at] = log.logId;
    plan[at + 1] = bufferId;
    plan[at + 2] = offset;
    plan[at + 3] = append.sizeBytes;
    plan[at + 4] = log.leaderEpoch;
    plan[at + 5] = append.appendTimeMs;
    append.log = log;
    append.isInFlight = true;
    log.unstagedCount++;
    this.#rows.push(append);
    this.onPending();
  }

  /** Stages a batch in ordinary memory at once; it must stay untouched until the commit. */
  addOwned(append: PendingAppend, log: PartitionLog, batch: Uint8Array): void {
    this.makeRoom();
    this.stage();
    append.log = log;
    append.isInFlight = true;
    log.unstagedCount++;
    this.#store.stageOwned(log.logId, batch, log.leaderEpoch, append.appendTimeMs);
    this.#takeResult(append, 0);
    this.onPending();
  }

  /** Lets an append wait for the commit of what is staged (a duplicate of a batch on its way). */
  addRider(append: PendingAppend): void {
    append.isInFlight = true;
    this.#staged.push(append);
    this.onPending();
  }

  /** Hands the collected rows to the engine: checked, stamped, with offsets; not yet written. */
  stage(): void {
    const count = this.#rows.length;
    if (count === 0) return;
    this.#store.stage(count);
    for (let row = 0; row < count; row++) this.#takeResult(this.#rows[row] as PendingAppend, row);
    this.#rows.length = 0;
  }

  /** Writes everything and tells each append's target. */
  commit(): void {
    this.#isCommitting = true;
    try {
      this.stage();
      while (this.#staged.length > 0) {
        const batch = this.#staged;
        this.#staged = this.#committing;
        this.#committing = batch;
        this.#write(batch);
        for (let i = 0; i < batch.length; i++) {
          const append = batch[i] as PendingAppend;
          if (this.#deferred.size > 0 && this.#waits(append)) continue;
          this.#tell(append);
        }
        batch.length = 0;
        this.stage();
      }
    } finally {
      this.#isCommitting = false;
    }
  }

  #write(batch: readonly PendingAppend[]): void {
    try {
      const failedCount = this.#store.commit();
      if (failedCount > 0) this.#failLogs(batch, failedCount);
      this.#defer(this.#store.deferredCount);
    } catch (error) {
      // A panic of the engine: nobody knows what was written, so nothing of it is acknowledged.
      for (const append of batch) {
        append.log?.fail();
        this.#failAppend(append);
      }
      this.onFailure(error);
    }
  }

  /** The writer thread has written a log up to `logEndOffset`: what waited for it goes on. */
  written(logId: number, logEndOffset: number): void {
    const waiting = this.#deferred.get(logId);
    if (waiting === undefined) return;
    let count = 0;
    while (count < waiting.length && (waiting[count] as PendingAppend).lastOffset < logEndOffset) {
      count++;
    }
    const done = waiting.splice(0, count);
    if (waiting.length === 0) this.#deferred.delete(logId);
    for (const append of done) this.#tell(append);
  }

  /** The writer thread could not write: everything that waited for this log has failed. */
  refused(logId: number): void {
    const waiting = this.#deferred.get(logId);
    if (waiting === undefined) return;
    this.#deferred.delete(logId);
    for (const append of waiting) {
      append.error = AppendError.storage;
      if (!append.isDuplicate) append.log?.commitFailed(append);
    }
    for (const append of waiting) this.#tell(append);
  }

  #tell(append: PendingAppend): void {
    try {
      append.target?.appendCommitted(append);
    } catch (error) {
      this.onFailure(error);
    }
  }

  /** The disk is slow: these logs are written by a thread of the engine, which reports later. */
  #defer(count: number): void {
    this.#deferredNow.clear();
    for (let i = 0; i < count; i++) {
      const logId = this.#store.deferredLogs[i] as number;
      this.#deferredNow.add(logId);
      if (!this.#deferred.has(logId)) this.#deferred.set(logId, []);
    }
  }

  /** Whether an append must wait for the writer thread; refusals and written repetitions need not. */
  #waits(append: PendingAppend): boolean {
    const log = append.log as PartitionLog;
    const waiting = this.#deferred.get(log.logId);
    if (waiting === undefined || append.error !== AppendError.none) return false;
    if (append.isDuplicate && append.lastOffset < log.logEndOffset) return false;
    if (!append.isDuplicate && !this.#deferredNow.has(log.logId)) {
      // Written here and now, so the thread is done with all before it; its report is on its way.
      this.written(log.logId, append.baseOffset);
      return false;
    }
    waiting.push(append);
    return true;
  }

  #takeResult(append: PendingAppend, row: number): void {
    const log = append.log as PartitionLog;
    const results = this.#store.results;
    const at = row * RESULT_STRIDE;
    const status = results[at] as number;
    log.unstagedCount--;
    if (status === 0) {
      append.baseOffset = results[at + 1] as number;
      append.lastOffset = append.baseOffset + append.lastOffsetDelta;
      const rolledAt = results[at + 2] as number;
      log.batchStaged(append, rolledAt);
    } else {
      append.error = appendErrorOf(status);
      if (status === EngineErrorCode.poisoned || status === EngineErrorCode.ioError) log.fail();
    }
    this.#staged.push(append);
  }

  #failLogs(batch: readonly PendingAppend[], failedCount: number): void {
    const failed = this.#store.failedLogs;
    for (let i = 0; i < failedCount; i++) {
      const logId = failed[i] as number;
      for (const append of batch) if (append.log?.logId === logId) this.#failAppend(append);
    }
  }

  #failAppend(append: PendingAppend): void {
    const log = append.log as PartitionLog;
    if (append.error !== AppendError.none) return;
    // A repetition of a batch that is written stands; one of a batch that just failed fails with it.
    if (append.isDuplicate && append.lastOffset < log.logEndOffset) return;
    append.error = AppendError.storage;
    if (!append.isDuplicate) log.commitFailed(append);
  }
}

function appendErrorOf(status: number): AppendError {
  switch (status) {
    case EngineErrorCode.corruptBatch:
      return AppendError.corruptBatch;
    case EngineErrorCode.invalidBatch:
      return AppendError.invalidRecord;
    case EngineErrorCode.batchLargerThanSegment:
      return AppendError.batchLargerThanSegment;
    case EngineErrorCode.poisoned:
    case EngineErrorCode.ioError:
    case EngineErrorCode.noSpace:
      return AppendError.storage;
    default:
      return AppendError.unknownServerError;
  }
}
