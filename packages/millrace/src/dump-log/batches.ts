import { DecodeError } from '@millrace/bytes';
import {
  BATCH_HEADER_BYTES,
  BATCH_PREFIX_BYTES,
  BatchProblem,
  BatchView,
  batchProblemText,
  checkBatch,
} from '@millrace/records';
import { isLegacyMagic, LegacyMessage } from './legacy-message.ts';
import type { SegmentFile } from './segment-file.ts';

/** Enough to know a batch's length and magic. */
const PREFIX_BYTES = BATCH_PREFIX_BYTES + 5;

/** One batch of a log file: a record batch of magic 2, or a message of the formats before it. */
export interface FoundBatch {
  readonly position: number;
  readonly lengthBytes: number;
  readonly batch: BatchView | LegacyMessage;
}

/** Where the walk over a log ended. */
export interface WalkEnd {
  /** Bytes up to the end of the last whole batch. */
  readonly validBytes: number;
  /** Why there is no batch there; undefined at the end of the file. */
  readonly problem: string | undefined;
}

/** The batches from `start` up to `end`, in order; returns where and why it ended. */
export function* batchesOf(
  file: SegmentFile,
  start = 0,
  end = file.sizeBytes,
): Generator<FoundBatch, WalkEnd, undefined> {
  let position = start;
  for (;;) {
    const left = Math.min(end, file.sizeBytes) - position;
    if (left <= 0) return { validBytes: position, problem: undefined };
    const found = batchAt(file, position, left);
    if (typeof found === 'string') return { validBytes: position, problem: found };
    yield found;
    position += found.lengthBytes;
  }
}

/** The batch at a position, or what is wrong there. */
function batchAt(file: SegmentFile, position: number, left: number): FoundBatch | string {
  const prefix = file.read(position, Math.min(left, PREFIX_BYTES));
  if (prefix.length < PREFIX_BYTES) return batchProblemText(BatchProblem.truncated);
  const view = new BatchView(prefix);
  const lengthBytes = view.lengthBytes;
  if (lengthBytes > left) return batchProblemText(BatchProblem.truncated);
  if (isLegacyMagic(view.magic)) {
    if (lengthBytes < LegacyMessage.headerBytes(view.magic)) {
      return batchProblemText(BatchProblem.badLength);
    }
    return legacyAt(file, position, lengthBytes);
  }
  if (lengthBytes < BATCH_HEADER_BYTES) return batchProblemText(BatchProblem.badLength);
  const bytes = file.read(position, lengthBytes);
  const problem = checkBatch(bytes, 0, bytes.length);
  // A batch may be looked at although some of its numbers make no sense; not without a header.
  if (problem === BatchProblem.unknownMagic) return batchProblemText(problem);
  return { position, lengthBytes, batch: view.reset(bytes, 0) };
}

function legacyAt(file: SegmentFile, position: number, lengthBytes: number): FoundBatch | string {
  try {
    const batch = new LegacyMessage(file.read(position, lengthBytes));
    return { position, lengthBytes, batch };
  } catch (error) {
    if (error instanceof DecodeError) return error.message;
    throw error;
  }
}
