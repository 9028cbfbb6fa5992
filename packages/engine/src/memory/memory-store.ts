import { BatchView, decodeControlRecord, RecordCursor } from '@millrace/records';
import { EngineError, EngineErrorCode } from '../engine-error.ts';
import {
  type AbortedTransaction,
  type CompactRequest,
  type CompactResult,
  type EpochEntry,
  LocateStatus,
  type LogOptions,
  type OpenedLog,
  type OpenLogRequest,
  PLAN_STRIDE,
  PRODUCER_ROW_STRIDE,
  RESULT_STRIDE,
  type SegmentInfo,
  type SegmentStore,
} from '../segment-store.ts';
import { type MemoryBatch, MemoryLog } from './memory-log.ts';

const ROWS_MAX = 1024;

interface MemoryDir {
  readonly files: Map<string, Uint8Array>;
  readonly logs: Map<string, MemoryLog>;
  isLocked: boolean;
}

/** Directories in memory. Give the same one to the next engine to "restart" on it. */
export class MemoryDisk {
  readonly dirs = new Map<string, MemoryDir>();
}

export interface MemoryStoreParts {
  readonly disk: MemoryDisk;
  /** Memory of a frame event. */
  readonly buffer: (bufferId: number) => Uint8Array;
  readonly onFlushed: (logId: number, flushedOffset: number) => void;
  readonly nowMs: () => number;
}

/** `SegmentStore` without a disk, for tests and simulation. Batches are the same bytes the native body writes. */
export class MemoryStore implements SegmentStore {
  readonly plan = new Float64Array(ROWS_MAX * PLAN_STRIDE);
  readonly results = new Float64Array(ROWS_MAX * RESULT_STRIDE);
  readonly located = new Float64Array(5);
  readonly failedLogs = new Float64Array(ROWS_MAX);
  readonly #parts: MemoryStoreParts;
  readonly #dirs: (MemoryDir | undefined)[] = [];
  readonly #logs: (MemoryLog | undefined)[] = [];
  readonly #dirOfLog: number[] = [];
  readonly #staged = new Set<number>();

  constructor(parts: MemoryStoreParts) {
    this.#parts = parts;
  }

  get hasStaged(): boolean {
    return this.#staged.size > 0;
  }

  async openDir(path: string): Promise<number> {
    let dir = this.#parts.disk.dirs.get(path);
    if (dir === undefined) {
      dir = { files: new Map(), logs: new Map(), isLocked: false };
      this.#parts.disk.dirs.set(path, dir);
    }
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
    const log = dir.logs.get(name.replace(/\/partition\.metadata$/, ''));
    if (name.endsWith('/partition.metadata') && log !== undefined) {
      return log.topicId === null ? null : Buffer.from(`version: 0\ntopic_id: ${log.topicId}`);
    }
    return dir.files.get(name)?.slice() ?? null;
  }

  async removeFile(dirId: number, name: string): Promise<void> {
    this.#dir(dirId).files.delete(name);
  }

  async openLog(request: OpenLogRequest): Promise<OpenedLog> {
    const { dirId, name } = request;
    const dir = this.#dir(dirId);
    if (/^\.|\//.test(name)) throw new EngineError(EngineErrorCode.invalidName, name);
    let log = dir.logs.get(name);
    if (log === undefined) {
      if (!request.create) throw new EngineError(EngineErrorCode.ioError, `${name} is not there`);
      log = new MemoryLog(name, request.options);
      dir.logs.set(name, log);
    }
    log.options = request.options;
    log.topicId ??= request.topicId;
    log.logStartOffset = Math.max(log.logStartOffset, request.logStartOffset);
    const logId = this.#logs.push(log) - 1;
    this.#dirOfLog[logId] = dirId;
    return {
      logId,
      logStartOffset: log.logStartOffset,
      logEndOffset: log.logEndOffset,
      flushedOffset: log.flushedOffset,
      topicId: log.topicId,
      epochs: [...log.epochs],
      truncatedBytes: 0,
      snapshotOffsets: [...log.snapshots.keys()].sort((a, b) => a - b),
    };
  }

  async closeLog(logId: number): Promise<void> {
    const log = this.#log(logId);
    log.flushedOffset = log.logEndOffset;
    this.#logs[logId] = undefined;
  }

  async deleteLog(logId: number): Promise<void> {
    const log = this.#log(logId);
    this.#dir(this.#dirOfLog[logId] ?? -1).logs.delete(log.name);
    this.#logs[logId] = undefined;
  }

  configureLog(logId: number, options: LogOptions): void {
    this.#log(logId).options = options;
  }

  stage(rowCount: number): void {
    for (let row = 0; row < rowCount; row++) {
      const at = row * PLAN_STRIDE;
      const column = (index: number): number => this.plan[at + index] as number;
      const offset = column(2);
      const batch = this.#parts.buffer(column(1)).subarray(offset, offset + column(3));
      this.#stage(row, column(0), batch, column(4), column(5));
    }
  }

  stageOwned(logId: number, batch: Uint8Array, leaderEpoch: number, appendTimeMs: number): void {
    this.#stage(0, logId, batch, leaderEpoch, appendTimeMs);
  }

  commit(): number {
    for (const logId of this.#staged) {
      const log = this.#logs[logId];
      if (log === undefined) continue;
      log.write(this.#parts.nowMs());
      if (log.options.flushMode !== 'group') continue;
      log.flushedOffset = log.logEndOffset;
      this.#parts.onFlushed(logId, log.flushedOffset);
    }
    this.#staged.clear();
    return 0;
  }

  locate(
    logId: number,
    offset: number,
    upToOffset: number,
    maxBytes: number,
    atLeastOne: boolean,
  ): number {
    const log = this.#log(logId);
    if (offset < log.logStartOffset || offset > log.logEndOffset) return LocateStatus.outOfRange;
    const found = this.#find(log, offset, upToOffset, maxBytes, atLeastOne);
    const [first] = found;
    const last = found.at(-1);
    if (first === undefined || last === undefined) return LocateStatus.empty;
    const length = last.position + last.bytes.length - first.position;
    const base = log.segmentOf(first.baseOffset)?.baseOffset ?? 0;
    this.located.set([base, first.position, length, first.baseOffset, last.lastOffset + 1]);
    return LocateStatus.found;
  }

  async warm(): Promise<void> {}

  async read(
    logId: number,
    offset: number,
    upToOffset: number,
    maxBytes: number,
    atLeastOne: boolean,
  ): Promise<Uint8Array> {
    const found = this.#find(this.#log(logId), offset, upToOffset, maxBytes, atLeastOne);
    return new Uint8Array(Buffer.concat(found.map((batch) => batch.bytes)));
  }

  /** Bytes that a file row of the reactor names. */
  slice(logId: number, segmentBaseOffset: number, position: number, length: number): Uint8Array {
    return this.#log(logId).slice(segmentBaseOffset, position, length);
  }

  async findBatchByTimestamp(
    logId: number,
    timestampMs: number,
    fromOffset: number,
  ): Promise<number> {
    for (const batch of this.#log(logId).batches()) {
      if (batch.lastOffset >= fromOffset && batch.maxTimestamp >= timestampMs) {
        return batch.baseOffset;
      }
    }
    return -1;
  }

  async findLargestTimestamp(logId: number): Promise<number> {
    let best: MemoryBatch | undefined;
    for (const batch of this.#log(logId).batches()) {
      if (best === undefined || batch.maxTimestamp > best.maxTimestamp) best = batch;
    }
    return best?.baseOffset ?? -1;
  }

  segments(logId: number): SegmentInfo[] {
    return this.#log(logId).info();
  }

  sizeBytes(logId: number): number {
    return this.#log(logId).segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);
  }

  roll(logId: number): number {
    const log = this.#log(logId);
    if (log.active.sizeBytes > 0) log.roll(log.logEndOffset);
    return log.active.baseOffset;
  }

  async trimTo(logId: number, logStartOffset: number): Promise<number> {
    const log = this.#log(logId);
    log.logStartOffset = Math.max(log.logStartOffset, logStartOffset);
    const kept = log.segments.filter(
      (segment, i) =>
        i === log.segments.length - 1 ||
        (log.segments[i + 1]?.baseOffset ?? 0) > log.logStartOffset ||
        segment.baseOffset >= log.logStartOffset,
    );
    const gone = log.segments.length - kept.length;
    log.segments = kept;
    return gone;
  }

  async truncateTo(logId: number, offset: number): Promise<void> {
    const log = this.#log(logId);
    for (const segment of log.segments) {
      segment.batches = segment.batches.filter((batch) => batch.lastOffset < offset);
      segment.sizeBytes = segment.batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
    }
    log.segments = log.segments.filter((each, i) => i === 0 || each.baseOffset < offset);
    log.logEndOffset = Math.min(log.logEndOffset, offset);
    log.flushedOffset = Math.min(log.flushedOffset, offset);
  }

  async flushLog(logId: number): Promise<number> {
    const log = this.#log(logId);
    log.flushedOffset = log.logEndOffset;
    return log.flushedOffset;
  }

  async assignLeaderEpoch(logId: number, epoch: number): Promise<void> {
    const log = this.#log(logId);
    if (log.epochs.at(-1)?.epoch === epoch) return;
    log.epochs.push({ epoch, startOffset: log.logEndOffset });
  }

  epochs(logId: number): EpochEntry[] {
    return this.#log(logId).epochs;
  }

  async scanProducers(logId: number, fromOffset: number): Promise<Float64Array> {
    const rows: number[] = [];
    for (const batch of this.#log(logId).batches()) {
      const view = new BatchView(batch.bytes);
      if (batch.lastOffset < fromOffset || view.producerId < 0) continue;
      rows.push(batch.baseOffset, batch.lastOffset, view.producerId, view.producerEpoch);
      rows.push(view.baseSequence, view.lastSequence, view.maxTimestamp, view.attributes);
      rows.push(controlTypeOf(view));
    }
    if (rows.length % PRODUCER_ROW_STRIDE !== 0) throw new Error('rows are cut');
    return Float64Array.from(rows);
  }

  async writeSnapshot(logId: number, offset: number, bytes: Uint8Array): Promise<void> {
    this.#log(logId).snapshots.set(offset, bytes.slice());
  }

  async readSnapshot(logId: number, offset: number): Promise<Uint8Array | null> {
    return this.#log(logId).snapshots.get(offset) ?? null;
  }

  async removeSnapshot(logId: number, offset: number): Promise<void> {
    this.#log(logId).snapshots.delete(offset);
  }

  async abortedTransactions(
    logId: number,
    fromOffset: number,
    upToOffset: number,
  ): Promise<AbortedTransaction[]> {
    return this.#log(logId).aborted.filter(
      (entry) => entry.lastOffset >= fromOffset && entry.firstOffset < upToOffset,
    );
  }

  async appendAbortedTransaction(logId: number, entry: AbortedTransaction): Promise<void> {
    this.#log(logId).aborted.push(entry);
  }

  /** Compaction is the native body's: here nothing is removed. */
  async compact(logId: number, request: CompactRequest): Promise<CompactResult> {
    const bytes = this.sizeBytes(logId);
    return {
      nextDirtyOffset: request.firstUncleanableOffset,
      bytesBefore: bytes,
      bytesAfter: bytes,
      recordsKept: 0,
    };
  }

  #stage(
    row: number,
    logId: number,
    batch: Uint8Array,
    leaderEpoch: number,
    appendTimeMs: number,
  ): void {
    const log = this.#log(logId);
    const rolls = log.wouldRoll(batch.length);
    const rolledAt = rolls ? log.stagedEndOffset : -1;
    const staged = log.stage(batch, leaderEpoch, appendTimeMs);
    const at = row * RESULT_STRIDE;
    if (staged === undefined) {
      this.results.set([EngineErrorCode.corruptBatch, -1, -1, log.stagedEndOffset], at);
      return;
    }
    if (rolls) log.roll(rolledAt);
    this.#staged.add(logId);
    this.results.set([0, staged.baseOffset, rolledAt, log.stagedEndOffset], at);
  }

  /** Whole batches of one segment within the bounds. */
  #find(
    log: MemoryLog,
    offset: number,
    upToOffset: number,
    maxBytes: number,
    atLeastOne: boolean,
  ): MemoryBatch[] {
    for (const segment of log.segments) {
      const found: MemoryBatch[] = [];
      let size = 0;
      for (const batch of segment.batches) {
        if (batch.lastOffset < offset) continue;
        if (batch.lastOffset >= upToOffset) return found;
        const fits = size + batch.bytes.length <= maxBytes;
        if (!fits && !(atLeastOne && found.length === 0)) return found;
        found.push(batch);
        size += batch.bytes.length;
      }
      if (found.length > 0) return found;
    }
    return [];
  }

  #dir(dirId: number): MemoryDir {
    const dir = this.#dirs[dirId];
    if (dir === undefined) throw new EngineError(EngineErrorCode.unknownHandle, `dir ${dirId}`);
    return dir;
  }

  #log(logId: number): MemoryLog {
    const log = this.#logs[logId];
    if (log === undefined) throw new EngineError(EngineErrorCode.unknownHandle, `log ${logId}`);
    return log;
  }
}

function controlTypeOf(view: BatchView): number {
  if (!view.isControl) return -1;
  const cursor = new RecordCursor().reset(view);
  return cursor.next() ? decodeControlRecord(cursor.key, cursor.value).type : -1;
}
