import { BatchView, computeBatchCrc, stampBatch, verifyCrc } from '@millrace/records';
import type { AbortedTransaction, EpochEntry, LogOptions, SegmentInfo } from '../segment-store.ts';

/** One batch of a log in memory. */
export interface MemoryBatch {
  readonly bytes: Uint8Array;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly maxTimestamp: number;
  /** Byte place in its segment. */
  readonly position: number;
}

export interface MemorySegment {
  readonly baseOffset: number;
  batches: MemoryBatch[];
  sizeBytes: number;
  lastModifiedMs: number;
}

/** What lies on the pretended disk: survives the engine that wrote it. */
export class MemoryLog {
  readonly name: string;
  segments: MemorySegment[];
  logStartOffset = 0;
  logEndOffset = 0;
  flushedOffset = 0;
  topicId: string | null = null;
  epochs: EpochEntry[] = [];
  readonly snapshots = new Map<number, Uint8Array>();
  readonly aborted: AbortedTransaction[] = [];
  options: LogOptions;
  /** Stamped batches that wait for the commit. */
  staged: MemoryBatch[] = [];

  constructor(name: string, options: LogOptions) {
    this.name = name;
    this.options = options;
    this.segments = [{ baseOffset: 0, batches: [], sizeBytes: 0, lastModifiedMs: 0 }];
  }

  get active(): MemorySegment {
    return this.segments.at(-1) as MemorySegment;
  }

  get stagedEndOffset(): number {
    return (this.staged.at(-1)?.lastOffset ?? this.logEndOffset - 1) + 1;
  }

  *batches(): Generator<MemoryBatch> {
    for (const segment of this.segments) yield* segment.batches;
  }

  segmentOf(offset: number): MemorySegment | undefined {
    return this.segments.findLast((segment) => segment.baseOffset <= offset);
  }

  /** Stamps a copy of the batch. Returns undefined when its checksum is wrong. */
  stage(batch: Uint8Array, leaderEpoch: number, appendTimeMs: number): MemoryBatch | undefined {
    const bytes = batch.slice();
    if (!verifyCrc(bytes)) return undefined;
    const baseOffset = this.stagedEndOffset;
    stampBatch(bytes, 0, baseOffset, leaderEpoch);
    if (appendTimeMs >= 0) stampAppendTime(bytes, appendTimeMs);
    const view = new BatchView(bytes);
    const staged: MemoryBatch = {
      bytes,
      baseOffset,
      lastOffset: view.lastOffset,
      maxTimestamp: view.maxTimestamp,
      position: 0,
    };
    this.staged.push(staged);
    return staged;
  }

  /** True when the next batch of that size would open a new segment. */
  wouldRoll(sizeBytes: number): boolean {
    const { active } = this;
    const staged = this.staged.reduce((sum, batch) => sum + batch.bytes.length, 0);
    const used = active.sizeBytes + staged;
    return used > 0 && used + sizeBytes > this.options.segmentBytes;
  }

  roll(baseOffset: number): void {
    this.segments.push({ baseOffset, batches: [], sizeBytes: 0, lastModifiedMs: 0 });
  }

  write(nowMs: number): void {
    for (const batch of this.staged) {
      const segment = this.segmentOf(batch.baseOffset) ?? this.active;
      segment.batches.push({ ...batch, position: segment.sizeBytes });
      segment.sizeBytes += batch.bytes.length;
      segment.lastModifiedMs = nowMs;
      this.logEndOffset = batch.lastOffset + 1;
    }
    this.staged = [];
  }

  /** Bytes of a range of a segment. */
  slice(segmentBaseOffset: number, position: number, length: number): Uint8Array {
    const segment = this.segments.find((each) => each.baseOffset === segmentBaseOffset);
    const out = new Uint8Array(length);
    for (const batch of segment?.batches ?? []) {
      const at = batch.position - position;
      if (at >= 0 && at + batch.bytes.length <= length) out.set(batch.bytes, at);
    }
    return out;
  }

  info(): SegmentInfo[] {
    return this.segments.map((segment, i) => ({
      baseOffset: segment.baseOffset,
      sizeBytes: segment.sizeBytes,
      largestTimestamp: Math.max(-1, ...segment.batches.map((batch) => batch.maxTimestamp)),
      nextOffset: this.segments[i + 1]?.baseOffset ?? this.logEndOffset,
      lastModifiedMs: segment.lastModifiedMs,
    }));
  }
}

/** LogAppendTime: attribute bit 3 and the max timestamp, then the checksum anew. */
function stampAppendTime(bytes: Uint8Array, appendTimeMs: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setInt16(21, view.getInt16(21) | 0x08);
  view.setBigInt64(35, BigInt(appendTimeMs));
  view.setUint32(17, computeBatchCrc(bytes));
}
