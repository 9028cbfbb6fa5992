import { BatchCursor, type BatchView, Codec, RecordCursor } from '@millrace/records';
import type { Partition } from './partition.ts';

/** Inflates a batch body; rejects beyond `bytesMax`. */
export type InflateBody = (codec: Codec, body: Uint8Array, bytesMax: number) => Promise<Uint8Array>;

/** A record found by its time. */
export interface TimedOffset {
  readonly offset: number;
  readonly timestampMs: number;
}

/** What a batch may inflate to while a record is looked for in it (H7). */
const INFLATED_BYTES_MAX = 128 * 1024 * 1024;

/** The first record in [log start, `upToOffset`) whose timestamp is at or after `timestampMs` (T66). */
export async function findByTimestamp(
  partition: Partition,
  timestampMs: number,
  upToOffset: number,
  inflate: InflateBody,
): Promise<TimedOffset | undefined> {
  const { log } = partition;
  let from = partition.logStartOffset;
  while (from < upToOffset) {
    const base = await log.findBatchByTimestamp(timestampMs, from);
    if (base < 0 || base >= upToOffset) return undefined;
    const view = await batchAt(partition, base, upToOffset);
    if (view === undefined) return undefined;
    const cursor = await recordsOf(view, inflate);
    while (cursor.next()) {
      const { offset } = cursor;
      if (offset >= upToOffset) return undefined;
      if (offset >= partition.logStartOffset && cursor.timestampMs >= timestampMs) {
        return { offset, timestampMs: cursor.timestampMs };
      }
    }
    // The batch's max timestamp belonged to a record before the log start: look behind it.
    from = view.lastOffset + 1;
  }
  return undefined;
}

/** The latest record, from the log start on, of the batch with the largest timestamp; of several the first (T67). */
export async function findLargestTimestamp(
  partition: Partition,
  upToOffset: number,
  inflate: InflateBody,
): Promise<TimedOffset | undefined> {
  const base = await partition.log.findLargestTimestamp();
  if (base < 0 || base >= upToOffset) return undefined;
  const view = await batchAt(partition, base, upToOffset);
  if (view === undefined) return undefined;
  const cursor = await recordsOf(view, inflate);
  let best: TimedOffset | undefined;
  while (cursor.next()) {
    if (cursor.offset < partition.logStartOffset) continue;
    if (best === undefined || cursor.timestampMs > best.timestampMs) {
      best = { offset: cursor.offset, timestampMs: cursor.timestampMs };
    }
  }
  return best;
}

/** @param baseOffset of the batch; below the log start when records were deleted within it. */
async function batchAt(
  partition: Partition,
  baseOffset: number,
  upToOffset: number,
): Promise<BatchView | undefined> {
  const offset = Math.max(baseOffset, partition.logStartOffset);
  const bytes = await partition.log.read(offset, upToOffset, 1);
  const cursor = new BatchCursor(bytes);
  return cursor.next() ? cursor.view : undefined;
}

async function recordsOf(view: BatchView, inflate: InflateBody): Promise<RecordCursor> {
  const { codec } = view;
  const body =
    codec === Codec.none ? undefined : await inflate(codec, view.body, INFLATED_BYTES_MAX);
  return new RecordCursor().reset(view, body);
}
