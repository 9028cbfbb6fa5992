import { BatchBuilder, BatchView, Codec, readRecords } from '@millrace/records';
import type { CompactRequest, CompactResult } from '../segment-store.ts';
import { type MemoryLog, type StoredBatch, storedBatch } from './memory-log.ts';

const view = new BatchView();

function keyOf(key: Uint8Array): string {
  return Buffer.from(key).toString('latin1');
}

function isReadable(batch: StoredBatch): boolean {
  view.reset(batch.bytes, 0);
  return !view.isControl && view.codec === Codec.none;
}

/** The last offset of every key below the bound. */
function lastOffsets(log: MemoryLog, bound: number): Map<string, number> {
  const last = new Map<string, number>();
  for (const { segment, index } of log.batchesFrom(0)) {
    const batch = segment.batches[index] as StoredBatch;
    if (batch.baseOffset >= bound) break;
    if (!isReadable(batch)) continue;
    for (const record of readRecords(batch.bytes)) {
      if (record.key !== null) last.set(keyOf(record.key), record.offset);
    }
  }
  return last;
}

/** The batch without the records that later ones replace; undefined when none is left. */
function cleaned(batch: StoredBatch, last: Map<string, number>): StoredBatch | undefined {
  const kept = [...readRecords(batch.bytes)].filter(
    (record) => record.key === null || (last.get(keyOf(record.key)) ?? -1) <= record.offset,
  );
  view.reset(batch.bytes, 0);
  if (kept.length === view.recordCount) return batch;
  if (kept.length === 0) return undefined;
  const builder = new BatchBuilder();
  const { baseOffset, leaderEpoch, lastOffsetDelta } = view;
  const producer = {
    producerId: view.producerId,
    producerEpoch: view.producerEpoch,
    baseSequence: view.baseSequence,
    isTransactional: view.isTransactional,
  };
  for (const record of kept) builder.append(record, record.offset - baseOffset);
  return storedBatch(builder.build({ baseOffset, leaderEpoch, lastOffsetDelta, ...producer }));
}

/**
 * A simple body of compaction for tests and simulation: replaced records go, tombstones stay, and
 * compressed batches are kept whole (this package cannot inflate).
 */
export function compactMemoryLog(log: MemoryLog, request: CompactRequest): CompactResult {
  const bound = Math.min(request.firstUncleanableOffset, log.active.baseOffset);
  const last = lastOffsets(log, bound);
  let bytesBefore = 0;
  let bytesAfter = 0;
  let recordsKept = 0;
  for (const segment of log.files.segments) {
    if (segment === log.active) break;
    const batches: StoredBatch[] = [];
    for (const batch of segment.batches) {
      bytesBefore += batch.bytes.length;
      const kept = batch.lastOffset < bound && isReadable(batch) ? cleaned(batch, last) : batch;
      if (kept === undefined) continue;
      batches.push(kept);
      bytesAfter += kept.bytes.length;
      recordsKept += view.reset(kept.bytes, 0).recordCount;
    }
    segment.batches = batches;
    segment.sizeBytes = batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
  }
  return { nextDirtyOffset: bound, bytesBefore, bytesAfter, recordsKept };
}
