import { BatchView, checkBatch, computeBatchCrc, stampBatch, verifyCrc } from '@millrace/records';
import { EngineErrorCode } from '../engine-error.ts';
import type { MemoryLog, StoredBatch } from './memory-log.ts';

const ATTRIBUTES_AT = 21;
const MAX_TIMESTAMP_AT = 35;
const CRC_AT = 17;
const LOG_APPEND_TIME_BIT = 8;

const view = new BatchView();

/** What staging decided; `status` is 0 or an EngineErrorCode. */
export interface StagedResult {
  readonly status: number;
  readonly baseOffset: number;
  readonly rolledAt: number;
  readonly logEndOffset: number;
}

interface StagedBatch {
  readonly batch: StoredBatch;
  readonly rolls: boolean;
}

function refused(status: number): StagedResult {
  return { status, baseOffset: -1, rolledAt: -1, logEndOffset: -1 };
}

function stampAppendTime(batch: Uint8Array, appendTimeMs: number): void {
  const bytes = new DataView(batch.buffer, batch.byteOffset, batch.length);
  bytes.setInt16(ATTRIBUTES_AT, bytes.getInt16(ATTRIBUTES_AT) | LOG_APPEND_TIME_BIT);
  bytes.setBigInt64(MAX_TIMESTAMP_AT, BigInt(appendTimeMs));
  bytes.setUint32(CRC_AT, computeBatchCrc(batch));
}

/** Batches of one log between `stage` and `commit`. */
class StagedLog {
  readonly log: MemoryLog;
  readonly batches: StagedBatch[] = [];
  nextOffset: number;
  /** Bytes staged for the active segment, or for the one a staged batch opens. */
  segmentBytes: number;

  constructor(log: MemoryLog) {
    this.log = log;
    this.nextOffset = log.logEndOffset;
    this.segmentBytes = log.active.sizeBytes;
  }
}

/** Stages and commits for all logs of a store. */
export class MemoryAppender {
  readonly #staged = new Map<MemoryLog, StagedLog>();

  get hasStaged(): boolean {
    return this.#staged.size > 0;
  }

  /** Checks, copies and stamps one batch. */
  stage(
    log: MemoryLog,
    bytes: Uint8Array,
    leaderEpoch: number,
    appendTimeMs: number,
  ): StagedResult {
    if (checkBatch(bytes, 0, bytes.length) !== 0) return refused(EngineErrorCode.invalidBatch);
    if (view.reset(bytes, 0).lengthBytes !== bytes.length) {
      return refused(EngineErrorCode.invalidBatch);
    }
    if (!verifyCrc(bytes)) return refused(EngineErrorCode.corruptBatch);
    if (bytes.length > log.options.segmentBytes) {
      return refused(EngineErrorCode.batchLargerThanSegment);
    }
    const staged = this.#staged.get(log) ?? new StagedLog(log);
    this.#staged.set(log, staged);
    const baseOffset = staged.nextOffset;
    if (appendTimeMs >= 0) stampAppendTime(bytes, appendTimeMs);
    stampBatch(bytes, 0, baseOffset, leaderEpoch);
    const { lastOffset, maxTimestamp } = view.reset(bytes, 0);
    const rolls =
      staged.segmentBytes > 0 &&
      (staged.segmentBytes + bytes.length > log.options.segmentBytes ||
        (staged.batches.length === 0 && log.mustRoll(bytes.length, maxTimestamp)));
    staged.segmentBytes = rolls ? bytes.length : staged.segmentBytes + bytes.length;
    staged.nextOffset = lastOffset + 1;
    const batch = { bytes: bytes.slice(), baseOffset, lastOffset, maxTimestamp };
    staged.batches.push({ batch, rolls });
    return {
      status: 0,
      baseOffset,
      rolledAt: rolls ? baseOffset : -1,
      logEndOffset: staged.nextOffset,
    };
  }

  /** Appends everything staged; gives the logs that got something. */
  commit(): MemoryLog[] {
    const logs: MemoryLog[] = [];
    for (const { log, batches } of this.#staged.values()) {
      for (const { batch, rolls } of batches) log.append(batch, rolls);
      logs.push(log);
    }
    this.#staged.clear();
    return logs;
  }
}
