/**
 * The disk side of the engine: logs of record batches in Kafka's own on-disk format.
 *
 * Decisions are TypeScript's: which batch goes where, what is visible, what retention removes. The
 * engine checks CRC32C, stamps base offsets, writes, indexes, flushes and recovers. It knows batches,
 * never topics or messages.
 */

/** Doubles per row of `SegmentStore.plan`. */
export const PLAN_STRIDE = 6;

/**
 * Columns of a plan row (one record batch each):
 * `logId, bufferId, offset, lengthBytes, leaderEpoch, appendTimeMs`.
 * `bufferId` and `offset` name borrowed frame memory of the reactor. `appendTimeMs` >= 0 stamps
 * LogAppendTime (attribute bit 3, max timestamp, CRC recomputed); -1 keeps the producer's times.
 */
export const PlanColumn = {
  logId: 0,
  bufferId: 1,
  offset: 2,
  lengthBytes: 3,
  leaderEpoch: 4,
  appendTimeMs: 5,
} as const;

/** Doubles per row of `SegmentStore.results`. */
export const RESULT_STRIDE = 4;

/**
 * Columns of a result row, same order as the plan:
 * `status` (0 or an EngineErrorCode; nothing of a failed row is appended), `baseOffset`,
 * `rolledAt` (base offset of the segment that was opened for this batch, or -1), `logEndOffset`.
 */
export const ResultColumn = { status: 0, baseOffset: 1, rolledAt: 2, logEndOffset: 3 } as const;

/**
 * Columns of `SegmentStore.located`, written by `locate`:
 * `segmentBaseOffset, position, lengthBytes, firstBaseOffset, nextOffset`.
 * Whole batches only. `nextOffset` is the offset after the last located batch.
 */
export const LocatedColumn = {
  segmentBaseOffset: 0,
  position: 1,
  lengthBytes: 2,
  firstBaseOffset: 3,
  nextOffset: 4,
} as const;

/** Answers of `locate`. */
export const LocateStatus = {
  /** `located` is filled. */
  found: 0,
  /** The offset is valid and nothing below the bound stands at or after it. */
  empty: 1,
  /** Below the log start or above the bound. */
  outOfRange: 2,
  /** Index or headers are not in memory: `await warm(...)`, then ask again. */
  cold: 3,
  /** The log dir is poisoned or the read failed. */
  failed: 4,
} as const;

/** `group`: every append is followed by a group-committed fdatasync; `os`: the page cache decides. */
export type FlushMode = 'group' | 'os';

/** What the engine needs to know of a topic's configuration. Can be changed with `configureLog`. */
export interface LogOptions {
  readonly segmentBytes: number;
  readonly segmentMs: number;
  readonly segmentJitterMs: number;
  readonly segmentIndexBytes: number;
  readonly indexIntervalBytes: number;
  readonly flushMode: FlushMode;
  readonly fileDeleteDelayMs: number;
}

export interface OpenLogRequest {
  readonly dirId: number;
  /** Directory name, `<topic>-<partition>`; validated by the caller, refused here if it has a slash or is a dot or two. */
  readonly name: string;
  /** true: the directory is created and made durable; false: it must exist. */
  readonly create: boolean;
  readonly options: LogOptions;
  /** From the checkpoints; 0 when unknown. Segments at or above the recovery point are scanned unless `clean`. */
  readonly recoveryPoint: number;
  readonly logStartOffset: number;
  /** The last shutdown was clean: no scan. */
  readonly clean: boolean;
  /** Base64url topic id to write to partition.metadata when it is absent; null = leave alone. */
  readonly topicId: string | null;
}

export interface SegmentInfo {
  readonly baseOffset: number;
  readonly sizeBytes: number;
  /** Largest timestamp in the segment, -1 when none. */
  readonly largestTimestamp: number;
  /** Base offset of the next segment, or the log end offset. */
  readonly nextOffset: number;
  /** Wall-clock time the file was last appended to. */
  readonly lastModifiedMs: number;
}

export interface EpochEntry {
  readonly epoch: number;
  readonly startOffset: number;
}

export interface OpenedLog {
  readonly logId: number;
  readonly logStartOffset: number;
  readonly logEndOffset: number;
  readonly flushedOffset: number;
  /** From partition.metadata; null when there is none. */
  readonly topicId: string | null;
  readonly epochs: readonly EpochEntry[];
  /** Bytes cut from the tail by recovery. */
  readonly truncatedBytes: number;
  /** Names of producer snapshot files found, as offsets, ascending. */
  readonly snapshotOffsets: readonly number[];
}

/** Doubles per row of what `scanProducers` gives. */
export const PRODUCER_ROW_STRIDE = 9;

/**
 * Columns: `baseOffset, lastOffset, producerId, producerEpoch, baseSequence, lastSequence,
 * maxTimestamp, attributes, controlType`. `controlType` is -1 for data, else the marker type (0 abort,
 * 1 commit); for control batches `baseSequence` holds the coordinator epoch.
 */
export const ProducerRowColumn = {
  baseOffset: 0,
  lastOffset: 1,
  producerId: 2,
  producerEpoch: 3,
  baseSequence: 4,
  lastSequence: 5,
  maxTimestamp: 6,
  attributes: 7,
  controlType: 8,
} as const;

export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly lastStableOffset: number;
}

export interface CompactRequest {
  /** First offset not yet cleaned (from cleaner-offset-checkpoint). */
  readonly firstDirtyOffset: number;
  /** Nothing at or above this offset is touched; never above the active segment's base. */
  readonly firstUncleanableOffset: number;
  /** Tombstones of batches whose delete horizon is at or below this wall-clock ms go. */
  readonly nowMs: number;
  readonly deleteRetentionMs: number;
  readonly maxMessageBytes: number;
  readonly dedupeBufferBytes: number;
}

export interface CompactResult {
  readonly nextDirtyOffset: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  readonly recordsKept: number;
}

export interface SegmentStore {
  readonly plan: Float64Array;
  readonly results: Float64Array;
  readonly located: Float64Array;

  /** Takes the directory's lock (`.lock`), creating the directory when missing. Throws `dirLocked`. */
  openDir(path: string): Promise<number>;
  /** Releases the lock. All its logs must be closed. */
  closeDir(dirId: number): Promise<void>;
  /** Names of the directories inside. */
  listLogs(dirId: number): Promise<string[]>;
  /** Writes a small file of the log dir durably: temporary name, fsync, rename, directory fsync. `name` may hold one slash. */
  writeFile(dirId: number, name: string, bytes: Uint8Array): Promise<void>;
  /** null when it does not exist. */
  readFile(dirId: number, name: string): Promise<Uint8Array | null>;
  removeFile(dirId: number, name: string): Promise<void>;

  openLog(request: OpenLogRequest): Promise<OpenedLog>;
  /** Flushes, trims indexes, writes the final time index entry. */
  closeLog(logId: number): Promise<void>;
  /** Renames the directory to `…-delete` durably and removes it after `fileDeleteDelayMs`. */
  deleteLog(logId: number): Promise<void>;
  /** The same for a log that is not open; nothing happens when it is not there. */
  discardLog(dirId: number, name: string): Promise<void>;
  configureLog(logId: number, options: LogOptions): void;

  /**
   * Checks and stages `rowCount` rows of `plan`: CRC32C, stamps, offsets. Results are in `results`
   * when it returns. Nothing is readable before `commit`. Rows of one log keep their order.
   */
  stage(rowCount: number): void;
  /** The same for one batch in ordinary memory, which must stay untouched until `commit`. Result in row 0. */
  stageOwned(logId: number, batch: Uint8Array, leaderEpoch: number, appendTimeMs: number): void;
  /**
   * Writes everything staged, gathered per log. Returns the number of logs that failed; their ids are
   * in `failedLogs`. In `group` mode a `flushed` event follows for each log.
   */
  commit(): number;
  readonly failedLogs: Float64Array;
  /**
   * Lets commits go to a native writer thread while the disk is slow; off at first. Whoever turns it on
   * answers nobody for a log in `deferredLogs` before its `written` event, and takes back what a
   * `refused` event says was refused.
   */
  setDeferral(mayDefer: boolean): void;
  /** How many logs the last commit deferred; their ids are in `deferredLogs`. */
  readonly deferredCount: number;
  readonly deferredLogs: Float64Array;
  /** True when something is staged. */
  readonly hasStaged: boolean;

  /**
   * LocateStatus. Finds whole batches from the one holding `offset`, below `upToOffset`; at least one batch when
   * `atLeastOne`, even beyond `maxBytes`.
   */
  locate(
    logId: number,
    offset: number,
    upToOffset: number,
    maxBytes: number,
    atLeastOne: boolean,
  ): number;
  /** Brings index, headers and up to `maxBytes` from `offset` into memory, on a native thread. */
  warm(logId: number, offset: number, maxBytes: number): Promise<void>;
  /** Copies whole batches, on a native thread. Same bounds as `locate`; empty when nothing is there. */
  read(
    logId: number,
    offset: number,
    upToOffset: number,
    maxBytes: number,
    atLeastOne: boolean,
  ): Promise<Uint8Array>;
  /** Base offset of the first batch at or after `fromOffset` whose max timestamp >= `timestampMs`, or -1. */
  findBatchByTimestamp(logId: number, timestampMs: number, fromOffset: number): Promise<number>;
  /** Base offset of the batch with the largest max timestamp, or -1. */
  findLargestTimestamp(logId: number): Promise<number>;

  segments(logId: number): SegmentInfo[];
  /** Bytes of the whole log. */
  sizeBytes(logId: number): number;
  /** Closes the active segment and opens a new one, when the active one is not empty. Returns its base offset. */
  roll(logId: number): number;
  /** Raises the log start; whole segments below it are renamed `.deleted` and removed later. Returns how many. */
  trimTo(logId: number, logStartOffset: number): Promise<number>;
  /** Cuts the end: `offset` becomes the log end offset. */
  truncateTo(logId: number, offset: number): Promise<void>;
  /** Flushes now (fdatasync of what is unflushed). Returns the flushed offset. */
  flushLog(logId: number): Promise<number>;

  /** Starts a leader epoch at the log end and writes leader-epoch-checkpoint durably. No-op for the current epoch. */
  assignLeaderEpoch(logId: number, epoch: number): Promise<void>;
  epochs(logId: number): EpochEntry[];

  /** Rows of PRODUCER_ROW_STRIDE for every batch with a producer id from `fromOffset` to the log end. */
  scanProducers(logId: number, fromOffset: number): Promise<Float64Array>;
  /** `<offset>.snapshot`, durable. */
  writeSnapshot(logId: number, offset: number, bytes: Uint8Array): Promise<void>;
  readSnapshot(logId: number, offset: number): Promise<Uint8Array | null>;
  removeSnapshot(logId: number, offset: number): Promise<void>;
  /** Entries of the .txnindex files overlapping [fromOffset, upToOffset). */
  abortedTransactions(
    logId: number,
    fromOffset: number,
    upToOffset: number,
  ): Promise<AbortedTransaction[]>;
  appendAbortedTransaction(logId: number, entry: AbortedTransaction): Promise<void>;

  /** Removes records that a later one with the same key replaces. Runs on a native thread. */
  compact(logId: number, request: CompactRequest): Promise<CompactResult>;
}
