import { BatchView, Codec, decodeControlRecord, readRecords } from '@millrace/records';
import type { AbortedTransaction, EpochEntry, LogOptions, SegmentInfo } from '../segment-store.ts';

/** One appended batch with what its header says. */
export interface StoredBatch {
  readonly bytes: Uint8Array;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly maxTimestamp: number;
}

/** A segment: a base offset and its batches, ascending. */
export interface MemorySegment {
  readonly baseOffset: number;
  batches: StoredBatch[];
  sizeBytes: number;
  readonly createdAtMs: number;
  lastModifiedMs: number;
}

/** What a directory of one log holds. It outlives the open log, as files do. */
export class MemoryLogFiles {
  topicId: string | null = null;
  segments: MemorySegment[] = [];
  readonly snapshots = new Map<number, Uint8Array>();
  epochs: EpochEntry[] = [];
  aborted: AbortedTransaction[] = [];
  logStartOffset = 0;
  /** Everything below survives `MemoryDisk.crash`. */
  flushedOffset = 0;
}

const view = new BatchView();

/** A copy of a batch as the log keeps it. */
export function storedBatch(bytes: Uint8Array): StoredBatch {
  view.reset(bytes, 0);
  return {
    bytes,
    baseOffset: view.baseOffset,
    lastOffset: view.lastOffset,
    maxTimestamp: view.maxTimestamp,
  };
}

/** One open log over its files. Every bound and edge as in native/log. */
export class MemoryLog {
  readonly files: MemoryLogFiles;
  readonly dirId: number;
  readonly name: string;
  options: LogOptions;
  readonly #nowMs: () => number;

  constructor(
    place: { readonly dirId: number; readonly name: string },
    files: MemoryLogFiles,
    options: LogOptions,
    nowMs: () => number,
  ) {
    this.dirId = place.dirId;
    this.name = place.name;
    this.files = files;
    this.options = options;
    this.#nowMs = nowMs;
    if (files.segments.length === 0) this.openSegment(files.logStartOffset);
  }

  get active(): MemorySegment {
    return this.files.segments.at(-1) as MemorySegment;
  }

  get logEndOffset(): number {
    const active = this.active;
    const last = active.batches.at(-1);
    return last === undefined ? active.baseOffset : last.lastOffset + 1;
  }

  openSegment(baseOffset: number): void {
    const now = this.#nowMs();
    this.files.segments.push({
      baseOffset,
      batches: [],
      sizeBytes: 0,
      createdAtMs: now,
      lastModifiedMs: now,
    });
  }

  /** Whether a batch of that size and time must start a new segment. */
  mustRoll(sizeBytes: number, maxTimestamp: number): boolean {
    const active = this.active;
    const first = active.batches[0];
    if (first === undefined) return false;
    const age =
      first.maxTimestamp >= 0 && maxTimestamp >= 0
        ? maxTimestamp - first.maxTimestamp
        : this.#nowMs() - active.createdAtMs;
    return active.sizeBytes + sizeBytes > this.options.segmentBytes || age > this.options.segmentMs;
  }

  append(batch: StoredBatch, rolls: boolean): void {
    if (rolls) this.openSegment(batch.baseOffset);
    const active = this.active;
    active.batches.push(batch);
    active.sizeBytes += batch.bytes.length;
    active.lastModifiedMs = this.#nowMs();
  }

  roll(): number {
    if (this.active.batches.length > 0) this.openSegment(this.logEndOffset);
    return this.active.baseOffset;
  }

  segmentInfos(): SegmentInfo[] {
    const { segments } = this.files;
    return segments.map((segment, index) => ({
      baseOffset: segment.baseOffset,
      sizeBytes: segment.sizeBytes,
      largestTimestamp: Math.max(-1, ...segment.batches.map((batch) => batch.maxTimestamp)),
      nextOffset: segments[index + 1]?.baseOffset ?? this.logEndOffset,
      lastModifiedMs: segment.lastModifiedMs,
    }));
  }

  /** Batches from the one that holds `offset`, with their segment. */
  *batchesFrom(offset: number): Generator<{ segment: MemorySegment; index: number }> {
    for (const segment of this.files.segments) {
      for (let index = 0; index < segment.batches.length; index++) {
        if ((segment.batches[index] as StoredBatch).lastOffset >= offset) yield { segment, index };
      }
    }
  }

  findBatchByTimestamp(timestampMs: number, fromOffset: number): number {
    for (const { segment, index } of this.batchesFrom(fromOffset)) {
      const batch = segment.batches[index] as StoredBatch;
      if (batch.maxTimestamp >= timestampMs) return batch.baseOffset;
    }
    return -1;
  }

  findLargestTimestamp(): number {
    let largest = -1;
    for (const segment of this.files.segments) {
      for (const batch of segment.batches) largest = Math.max(largest, batch.maxTimestamp);
    }
    return largest < 0 ? -1 : this.findBatchByTimestamp(largest, this.files.logStartOffset);
  }

  trimTo(offset: number): number {
    const { files } = this;
    files.logStartOffset = Math.max(files.logStartOffset, offset);
    let removed = 0;
    while ((files.segments[1]?.baseOffset ?? Number.POSITIVE_INFINITY) <= files.logStartOffset) {
      files.segments.shift();
      removed++;
    }
    const holding = files.epochs.findLastIndex((entry) => entry.startOffset <= offset);
    if (holding >= 0) {
      const { epoch } = files.epochs[holding] as EpochEntry;
      files.epochs.splice(0, holding + 1, { epoch, startOffset: offset });
    }
    return removed;
  }

  truncateTo(offset: number): void {
    const { files } = this;
    if (offset >= this.logEndOffset) return;
    const first = files.segments[0] as MemorySegment;
    files.segments = files.segments.filter((segment) => segment.baseOffset <= offset);
    if (files.segments.length === 0) files.segments.push(first);
    const last = this.active;
    last.batches = last.batches.filter((batch) => batch.lastOffset < offset);
    last.sizeBytes = last.batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
    files.flushedOffset = Math.min(files.flushedOffset, this.logEndOffset);
    files.epochs = files.epochs.filter((entry) => entry.startOffset < this.logEndOffset);
    files.aborted = files.aborted.filter((entry) => entry.lastOffset < offset);
  }

  assignLeaderEpoch(epoch: number): void {
    const { files } = this;
    if (epoch < 0 || (files.epochs.at(-1)?.epoch ?? -1) >= epoch) return;
    const startOffset = this.logEndOffset;
    files.epochs = files.epochs.filter((entry) => entry.startOffset < startOffset);
    files.epochs.push({ epoch, startOffset });
  }

  /** Rows in the order of `ProducerRowColumn`. */
  producerRows(fromOffset: number): number[] {
    const rows: number[] = [];
    for (const { segment, index } of this.batchesFrom(fromOffset)) {
      const { bytes } = segment.batches[index] as StoredBatch;
      view.reset(bytes, 0);
      if (view.producerId < 0) continue;
      let controlType = -1;
      let baseSequence = view.baseSequence;
      if (view.isControl && view.codec === Codec.none) {
        for (const record of readRecords(bytes)) {
          const control = decodeControlRecord(record.key, record.value);
          controlType = control.type;
          baseSequence = control.coordinatorEpoch ?? -1;
        }
        view.reset(bytes, 0);
      }
      rows.push(
        view.baseOffset,
        view.lastOffset,
        view.producerId,
        view.producerEpoch,
        baseSequence,
        view.lastSequence,
        view.maxTimestamp,
        view.attributes,
        controlType,
      );
    }
    return rows;
  }
}
