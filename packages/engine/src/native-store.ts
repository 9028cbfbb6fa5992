import { coded, type NativeEngine, toEngineError } from './native-binary.ts';
import type {
  AbortedTransaction,
  CompactRequest,
  CompactResult,
  EpochEntry,
  LogOptions,
  OpenedLog,
  OpenLogRequest,
  SegmentInfo,
  SegmentStore,
} from './segment-store.ts';

/** A promise of the binary with its errors as EngineError; a call that throws at once is a rejection too. */
async function settled<T>(start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    throw toEngineError(error);
  }
}

/** Logs of the native core. */
export class NativeStore implements SegmentStore {
  readonly plan: Float64Array;
  readonly results: Float64Array;
  readonly located: Float64Array;
  readonly failedLogs: Float64Array;
  readonly deferredLogs: Float64Array;
  readonly #native: NativeEngine;
  #hasStaged = false;
  /** Keeps batches of `stageOwned` from being collected while the core points at them. */
  readonly #owned: Uint8Array[] = [];

  constructor(native: NativeEngine) {
    this.#native = native;
    this.plan = native.plan;
    this.results = native.results;
    this.located = native.located;
    this.failedLogs = native.failedLogs;
    this.deferredLogs = native.deferredLogs;
  }

  openDir(path: string): Promise<number> {
    return settled(() => this.#native.openDir(path));
  }

  closeDir(dirId: number): Promise<void> {
    return settled(() => this.#native.closeDir(dirId));
  }

  listLogs(dirId: number): Promise<string[]> {
    return settled(() => this.#native.listLogs(dirId));
  }

  writeFile(dirId: number, name: string, bytes: Uint8Array): Promise<void> {
    return settled(() => this.#native.writeFile(dirId, name, bytes));
  }

  readFile(dirId: number, name: string): Promise<Uint8Array | null> {
    return settled(() => this.#native.readFile(dirId, name));
  }

  removeFile(dirId: number, name: string): Promise<void> {
    return settled(() => this.#native.removeFile(dirId, name));
  }

  openLog(request: OpenLogRequest): Promise<OpenedLog> {
    return settled(() => this.#native.openLog(request));
  }

  closeLog(logId: number): Promise<void> {
    return settled(() => this.#native.closeLog(logId));
  }

  deleteLog(logId: number): Promise<void> {
    return settled(() => this.#native.deleteLog(logId));
  }

  discardLog(dirId: number, name: string): Promise<void> {
    return settled(() => this.#native.discardLog(dirId, name));
  }

  configureLog(logId: number, options: LogOptions): void {
    coded(() => this.#native.configureLog(logId, options));
  }

  stage(rowCount: number): void {
    this.#hasStaged = true;
    try {
      this.#native.stage(rowCount);
    } catch (error) {
      throw toEngineError(error);
    }
  }

  stageOwned(logId: number, batch: Uint8Array, leaderEpoch: number, appendTimeMs: number): void {
    this.#hasStaged = true;
    this.#owned.push(batch);
    try {
      this.#native.stageOwned(logId, batch, leaderEpoch, appendTimeMs);
    } catch (error) {
      throw toEngineError(error);
    }
  }

  commit(): number {
    this.#hasStaged = false;
    try {
      const failed = this.#native.commit();
      // After an error the core may still point at them.
      if (this.#owned.length > 0) this.#owned.length = 0;
      return failed;
    } catch (error) {
      throw toEngineError(error);
    }
  }

  setDeferral(mayDefer: boolean): void {
    coded(() => this.#native.setDeferral(mayDefer));
  }

  get deferredCount(): number {
    return this.deferredLogs[this.deferredLogs.length - 1] as number;
  }

  get hasStaged(): boolean {
    return this.#hasStaged;
  }

  locate(
    logId: number,
    offset: number,
    upToOffset: number,
    maxBytes: number,
    atLeastOne: boolean,
  ): number {
    try {
      return this.#native.locate(logId, offset, upToOffset, maxBytes, atLeastOne);
    } catch (error) {
      throw toEngineError(error);
    }
  }

  warm(logId: number, offset: number, maxBytes: number): Promise<void> {
    return settled(() => this.#native.warm(logId, offset, maxBytes));
  }

  read(
    logId: number,
    offset: number,
    upToOffset: number,
    maxBytes: number,
    atLeastOne: boolean,
  ): Promise<Uint8Array> {
    return settled(() => this.#native.read(logId, offset, upToOffset, maxBytes, atLeastOne));
  }

  findBatchByTimestamp(logId: number, timestampMs: number, fromOffset: number): Promise<number> {
    return settled(() => this.#native.findBatchByTimestamp(logId, timestampMs, fromOffset));
  }

  findLargestTimestamp(logId: number): Promise<number> {
    return settled(() => this.#native.findLargestTimestamp(logId));
  }

  segments(logId: number): SegmentInfo[] {
    return coded(() => this.#native.segments(logId));
  }

  sizeBytes(logId: number): number {
    return coded(() => this.#native.sizeBytes(logId));
  }

  roll(logId: number): number {
    return coded(() => this.#native.roll(logId));
  }

  trimTo(logId: number, logStartOffset: number): Promise<number> {
    return settled(() => this.#native.trimTo(logId, logStartOffset));
  }

  truncateTo(logId: number, offset: number): Promise<void> {
    return settled(() => this.#native.truncateTo(logId, offset));
  }

  flushLog(logId: number): Promise<number> {
    return settled(() => this.#native.flushLog(logId));
  }

  assignLeaderEpoch(logId: number, epoch: number): Promise<void> {
    return settled(() => this.#native.assignLeaderEpoch(logId, epoch));
  }

  epochs(logId: number): EpochEntry[] {
    return coded(() => this.#native.epochs(logId));
  }

  scanProducers(logId: number, fromOffset: number): Promise<Float64Array> {
    return settled(() => this.#native.scanProducers(logId, fromOffset));
  }

  writeSnapshot(logId: number, offset: number, bytes: Uint8Array): Promise<void> {
    return settled(() => this.#native.writeSnapshot(logId, offset, bytes));
  }

  readSnapshot(logId: number, offset: number): Promise<Uint8Array | null> {
    return settled(() => this.#native.readSnapshot(logId, offset));
  }

  removeSnapshot(logId: number, offset: number): Promise<void> {
    return settled(() => this.#native.removeSnapshot(logId, offset));
  }

  abortedTransactions(
    logId: number,
    fromOffset: number,
    upToOffset: number,
  ): Promise<AbortedTransaction[]> {
    return settled(() => this.#native.abortedTransactions(logId, fromOffset, upToOffset));
  }

  appendAbortedTransaction(logId: number, entry: AbortedTransaction): Promise<void> {
    return settled(() => this.#native.appendAbortedTransaction(logId, entry));
  }

  compact(logId: number, request: CompactRequest): Promise<CompactResult> {
    return settled(() => this.#native.compact(logId, request));
  }
}
