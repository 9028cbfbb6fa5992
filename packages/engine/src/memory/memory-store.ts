import { EngineError, EngineErrorCode } from '../engine-error.ts';
import {
  type AbortedTransaction,
  type CompactRequest,
  type CompactResult,
  type EpochEntry,
  LocatedColumn,
  LocateStatus,
  type LogOptions,
  type OpenedLog,
  type OpenLogRequest,
  PLAN_STRIDE,
  PlanColumn,
  RESULT_STRIDE,
  ResultColumn,
  type SegmentInfo,
  type SegmentStore,
} from '../segment-store.ts';
import { MemoryAppender, type StagedResult } from './memory-appender.ts';
import { compactMemoryLog } from './memory-compaction.ts';
import type { MemoryDir, MemoryDisk } from './memory-disk.ts';
import { MemoryLog, MemoryLogFiles, type StoredBatch } from './memory-log.ts';

const PLAN_ROWS = 8192;
const METADATA = '/partition.metadata';

/** What the store needs of the engine around it. */
export interface MemoryStoreParts {
  readonly disk: MemoryDisk;
  readonly nowMs: () => number;
  /** Memory of a frame event. */
  readonly buffer: (bufferId: number) => Uint8Array;
  /** Reports that everything of the log below the offset is "on the device". */
  readonly onFlushed: (logId: number, flushedOffset: number) => void;
}

function unknown(what: string): EngineError {
  return new EngineError(EngineErrorCode.unknownHandle, what);
}

/** Logs as arrays. Promises settle in a microtask; nothing is ever cold. */
export class MemoryStore implements SegmentStore {
  readonly plan = new Float64Array(PLAN_ROWS * PLAN_STRIDE);
  readonly results = new Float64Array(PLAN_ROWS * RESULT_STRIDE);
  readonly located = new Float64Array(5);
  readonly failedLogs = new Float64Array(PLAN_ROWS);
  /** Nothing is ever slow here. */
  readonly deferredCount = 0;
  readonly deferredLogs = new Float64Array(0);
  readonly #parts: MemoryStoreParts;
  readonly #appender = new MemoryAppender();
  readonly #dirs: (MemoryDir | undefined)[] = [];
  readonly #logs: (MemoryLog | undefined)[] = [];

  constructor(parts: MemoryStoreParts) {
    this.#parts = parts;
  }

  async openDir(path: string): Promise<number> {
    const dir = this.#parts.disk.dir(path);
    if (dir.isLocked) throw new EngineError(EngineErrorCode.dirLocked, `${path} is in use`);
    dir.isLocked = true;
    return this.#dirs.push(dir) - 1;
  }

  async closeDir(dirId: number): Promise<void> {
    this.#dir(dirId).isLocked = false;
    this.#dirs[dirId] = undefined;
  }

  async listLogs(dirId: number): Promise<string[]> {
    return [...this.#dir(dirId).logs.keys()];
  }

  async writeFile(dirId: number, name: string, bytes: Uint8Array): Promise<void> {
    this.#dir(dirId).files.set(name, bytes.slice());
  }

  async readFile(dirId: number, name: string): Promise<Uint8Array | null> {
    const dir = this.#dir(dirId);
    const topicId = name.endsWith(METADATA)
      ? dir.logs.get(name.slice(0, -METADATA.length))?.topicId
      : undefined;
    if (typeof topicId === 'string') return Buffer.from(`version: 0\ntopic_id: ${topicId}`);
    return dir.files.get(name)?.slice() ?? null;
  }

  async removeFile(dirId: number, name: string): Promise<void> {
    this.#dir(dirId).files.delete(name);
  }

  async openLog(request: OpenLogRequest): Promise<OpenedLog> {
    const { dirId, name } = request;
    this.#checkNotOpen(dirId, name);
    const dir = this.#dir(dirId);
    let files = dir.logs.get(name);
    if (files === undefined) {
      if (!request.create) {
        throw new EngineError(EngineErrorCode.ioError, `${name} does not exist`);
      }
      files = new MemoryLogFiles();
      files.logStartOffset = request.logStartOffset;
      dir.logs.set(name, files);
    }
    files.topicId ??= request.topicId;
    files.logStartOffset = Math.max(files.logStartOffset, request.logStartOffset);
    const log = new MemoryLog({ dirId, name }, files, request.options, this.#parts.nowMs);
    const logId = this.#logs.push(log) - 1;
    files.flushedOffset = log.logEndOffset;
    for (const offset of files.snapshots.keys()) {
      if (offset > log.logEndOffset) files.snapshots.delete(offset);
    }
    return {
      logId,
      logStartOffset: files.logStartOffset,
      logEndOffset: log.logEndOffset,
      flushedOffset: log.logEndOffset,
      topicId: files.topicId,
      epochs: [...files.epochs],
      truncatedBytes: 0,
      snapshotOffsets: [...files.snapshots.keys()].sort((a, b) => a - b),
    };
  }

  async closeLog(logId: number): Promise<void> {
    const log = this.#log(logId);
    log.files.flushedOffset = log.logEndOffset;
    this.#logs[logId] = undefined;
  }

  async deleteLog(logId: number): Promise<void> {
    const log = this.#log(logId);
    this.#dir(log.dirId).logs.delete(log.name);
    this.#logs[logId] = undefined;
  }

  async discardLog(dirId: number, name: string): Promise<void> {
    this.#checkNotOpen(dirId, name);
    this.#dir(dirId).logs.delete(name);
  }

  #checkNotOpen(dirId: number, name: string): void {
    if (name === '' || name === '.' || name === '..' || name.includes('/')) {
      throw new EngineError(EngineErrorCode.invalidName, `"${name}" names no log`);
    }
    if (this.#logs.some((log) => log?.dirId === dirId && log.name === name)) {
      throw new EngineError(EngineErrorCode.invalidName, `${name} is open already`);
    }
  }

  configureLog(logId: number, options: LogOptions): void {
    this.#log(logId).options = options;
  }

  stage(rowCount: number): void {
    for (let row = 0; row < rowCount; row++) {
      const at = row * PLAN_STRIDE;
      const column = (index: number) => this.plan[at + index] as number;
      const log = this.#logs[column(PlanColumn.logId)];
      const offset = column(PlanColumn.offset);
      const bytes = this.#parts
        .buffer(column(PlanColumn.bufferId))
        .subarray(offset, offset + column(PlanColumn.lengthBytes));
      this.#stageRow(
        row,
        log,
        bytes,
        column(PlanColumn.leaderEpoch),
        column(PlanColumn.appendTimeMs),
      );
    }
  }

  stageOwned(logId: number, batch: Uint8Array, leaderEpoch: number, appendTimeMs: number): void {
    this.#stageRow(0, this.#logs[logId], batch, leaderEpoch, appendTimeMs);
  }

  commit(): number {
    for (const log of this.#appender.commit()) {
      if (log.options.flushMode !== 'group') continue;
      log.files.flushedOffset = log.logEndOffset;
      this.#parts.onFlushed(this.#logs.indexOf(log), log.logEndOffset);
    }
    return 0;
  }

  setDeferral(): void {}

  get hasStaged(): boolean {
    return this.#appender.hasStaged;
  }

  locate(
    logId: number,
    offset: number,
    upToOffset: number,
    maxBytes: number,
    atLeastOne: boolean,
  ): number {
    const log = this.#log(logId);
    if (offset < log.files.logStartOffset || offset > log.logEndOffset) {
      return LocateStatus.outOfRange;
    }
    for (const { segment, index } of log.batchesFrom(offset)) {
      const first = segment.batches[index] as StoredBatch;
      let lengthBytes = 0;
      let nextOffset = first.baseOffset;
      for (let next = index; next < segment.batches.length; next++) {
        const batch = segment.batches[next] as StoredBatch;
        const fits =
          lengthBytes + batch.bytes.length <= maxBytes || (atLeastOne && lengthBytes === 0);
        if (batch.lastOffset >= upToOffset || !fits) break;
        lengthBytes += batch.bytes.length;
        nextOffset = batch.lastOffset + 1;
      }
      if (lengthBytes === 0) return LocateStatus.empty;
      const before = segment.batches.slice(0, index);
      this.located[LocatedColumn.segmentBaseOffset] = segment.baseOffset;
      this.located[LocatedColumn.position] = before.reduce(
        (sum, batch) => sum + batch.bytes.length,
        0,
      );
      this.located[LocatedColumn.lengthBytes] = lengthBytes;
      this.located[LocatedColumn.firstBaseOffset] = first.baseOffset;
      this.located[LocatedColumn.nextOffset] = nextOffset;
      return LocateStatus.found;
    }
    return LocateStatus.empty;
  }

  async warm(logId: number): Promise<void> {
    this.#log(logId);
  }

  async read(
    logId: number,
    offset: number,
    upToOffset: number,
    maxBytes: number,
    atLeastOne: boolean,
  ): Promise<Uint8Array> {
    const status = this.locate(logId, offset, upToOffset, maxBytes, atLeastOne);
    if (status === LocateStatus.outOfRange) {
      throw new EngineError(EngineErrorCode.offsetOutOfRange, `offset ${offset} is not in the log`);
    }
    if (status !== LocateStatus.found) return new Uint8Array(0);
    const [segment = 0, position = 0, length = 0] = this.located;
    return this.slice(logId, segment, position, length) ?? new Uint8Array(0);
  }

  /** The bytes a file slice names; undefined when they are gone. Owned. */
  slice(
    logId: number,
    segmentBaseOffset: number,
    position: number,
    length: number,
  ): Uint8Array | undefined {
    const segment = this.#logs[logId]?.files.segments.find(
      (candidate) => candidate.baseOffset === segmentBaseOffset,
    );
    if (segment === undefined || position + length > segment.sizeBytes) return undefined;
    const whole = Buffer.concat(segment.batches.map((batch) => batch.bytes));
    return whole.subarray(position, position + length);
  }

  async findBatchByTimestamp(
    logId: number,
    timestampMs: number,
    fromOffset: number,
  ): Promise<number> {
    return this.#log(logId).findBatchByTimestamp(timestampMs, fromOffset);
  }

  async findLargestTimestamp(logId: number): Promise<number> {
    return this.#log(logId).findLargestTimestamp();
  }

  segments(logId: number): SegmentInfo[] {
    return this.#log(logId).segmentInfos();
  }

  sizeBytes(logId: number): number {
    return this.#log(logId).files.segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);
  }

  roll(logId: number): number {
    return this.#log(logId).roll();
  }

  async trimTo(logId: number, logStartOffset: number): Promise<number> {
    const log = this.#log(logId);
    if (logStartOffset > log.logEndOffset) {
      throw new EngineError(EngineErrorCode.offsetOutOfRange, `the log ends before that`);
    }
    return log.trimTo(logStartOffset);
  }

  async truncateTo(logId: number, offset: number): Promise<void> {
    const log = this.#log(logId);
    if (offset < log.files.logStartOffset) {
      throw new EngineError(EngineErrorCode.offsetOutOfRange, `the log starts after that`);
    }
    log.truncateTo(offset);
  }

  async flushLog(logId: number): Promise<number> {
    const log = this.#log(logId);
    log.files.flushedOffset = log.logEndOffset;
    return log.logEndOffset;
  }

  async assignLeaderEpoch(logId: number, epoch: number): Promise<void> {
    this.#log(logId).assignLeaderEpoch(epoch);
  }

  epochs(logId: number): EpochEntry[] {
    return [...this.#log(logId).files.epochs];
  }

  async scanProducers(logId: number, fromOffset: number): Promise<Float64Array> {
    return Float64Array.from(this.#log(logId).producerRows(fromOffset));
  }

  async writeSnapshot(logId: number, offset: number, bytes: Uint8Array): Promise<void> {
    this.#log(logId).files.snapshots.set(offset, bytes.slice());
  }

  async readSnapshot(logId: number, offset: number): Promise<Uint8Array | null> {
    return this.#log(logId).files.snapshots.get(offset)?.slice() ?? null;
  }

  async removeSnapshot(logId: number, offset: number): Promise<void> {
    this.#log(logId).files.snapshots.delete(offset);
  }

  async abortedTransactions(
    logId: number,
    fromOffset: number,
    upToOffset: number,
  ): Promise<AbortedTransaction[]> {
    return this.#log(logId).files.aborted.filter(
      (entry) => entry.lastOffset >= fromOffset && entry.firstOffset < upToOffset,
    );
  }

  async appendAbortedTransaction(logId: number, entry: AbortedTransaction): Promise<void> {
    this.#log(logId).files.aborted.push({ ...entry });
  }

  async compact(logId: number, request: CompactRequest): Promise<CompactResult> {
    return compactMemoryLog(this.#log(logId), request);
  }

  #stageRow(
    row: number,
    log: MemoryLog | undefined,
    bytes: Uint8Array,
    leaderEpoch: number,
    appendTimeMs: number,
  ): void {
    const result: StagedResult =
      log === undefined
        ? { status: EngineErrorCode.unknownHandle, baseOffset: -1, rolledAt: -1, logEndOffset: -1 }
        : this.#appender.stage(log, bytes, leaderEpoch, appendTimeMs);
    const at = row * RESULT_STRIDE;
    this.results[at + ResultColumn.status] = result.status;
    this.results[at + ResultColumn.baseOffset] = result.baseOffset;
    this.results[at + ResultColumn.rolledAt] = result.rolledAt;
    this.results[at + ResultColumn.logEndOffset] = result.logEndOffset;
  }

  #dir(dirId: number): MemoryDir {
    const dir = this.#dirs[dirId];
    if (dir === undefined) throw unknown(`no log dir ${dirId}`);
    return dir;
  }

  #log(logId: number): MemoryLog {
    const log = this.#logs[logId];
    if (log === undefined) throw unknown(`no log ${logId}`);
    return log;
  }
}
