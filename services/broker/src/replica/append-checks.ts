import type { BatchView } from '@millrace/records';
import type { TopicConfig } from '../config/topic-config.ts';
import { AppendError } from '../log/append-error.ts';
import type { AppendPlan } from '../log/append-plan.ts';
import type { PartitionLog } from '../log/partition-log.ts';
import type { PendingAppend } from '../log/pending-append.ts';

/**
 * What must hold before a batch of sound form goes into this partition's log: size, times, sequence
 * (T41–T46). Fills `append` from the header. False: refused, `append.error` says why.
 */
export function checkAppend(
  append: PendingAppend,
  view: BatchView,
  log: PartitionLog,
  nowMs: number,
  plan: AppendPlan,
): boolean {
  const config = log.config;
  append.log = log;
  append.sizeBytes = view.lengthBytes;
  append.lastOffsetDelta = view.lastOffsetDelta;
  append.maxTimestamp = view.maxTimestamp;
  append.producerId = view.producerId;
  append.appendTimeMs = config.messageTimestampType === 'LogAppendTime' ? nowMs : -1;

  if (log.isClosed) append.error = AppendError.notLeader;
  else if (log.isFailed) append.error = AppendError.storage;
  else if (append.sizeBytes > config.maxMessageBytes) append.error = AppendError.batchTooLarge;
  else if (append.sizeBytes > config.segmentBytes) {
    append.error = AppendError.batchLargerThanSegment;
  } else if (append.appendTimeMs < 0 && !isTimely(append, view, config, nowMs)) {
    append.error = AppendError.invalidTimestamp;
  }
  if (append.error !== AppendError.none) return false;
  if (append.producerId < 0) return true;

  append.producerEpoch = view.producerEpoch;
  append.baseSequence = view.baseSequence;
  plan.makeRoom();
  // The last batches of this tick have no offsets yet, and the next sequence is judged by them.
  if (log.unstagedCount > 0) plan.stage();
  append.error = log.producers.check(append);
  return append.error === AppendError.none;
}

/**
 * Batch bounds of `message.timestamp.before/after.max.ms`. Producers send the smallest timestamp as base as a
 * rule, so the header is enough; -1 (no timestamp) is always taken.
 */
function isTimely(
  append: PendingAppend,
  view: BatchView,
  config: TopicConfig,
  nowMs: number,
): boolean {
  if (append.maxTimestamp < 0) return true;
  if (append.maxTimestamp - nowMs > config.messageTimestampAfterMaxMs) return false;
  return nowMs - view.baseTimestamp <= config.messageTimestampBeforeMaxMs;
}
