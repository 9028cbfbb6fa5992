import type { SegmentInfo } from '@millrace/engine';

export interface CompactionLimits {
  readonly minCleanableDirtyRatio: number;
  readonly minCompactionLagMs: number;
  readonly maxCompactionLagMs: number;
}

/** What the cleaner could do with one log. */
export interface CompactionCandidate {
  readonly firstDirtyOffset: number;
  /** Nothing at or above it is touched. */
  readonly firstUncleanableOffset: number;
  /** Dirty bytes of all bytes that may be cleaned. */
  readonly dirtyRatio: number;
  /** Dirty enough, or waiting for too long. */
  readonly isDue: boolean;
}

/**
 * How dirty a log is. The active segment and segments younger than `min.compaction.lag.ms` stay as they are.
 *
 * @param segments oldest first; the last is the active one.
 */
export function judgeCompaction(
  segments: readonly SegmentInfo[],
  checkpointed: number,
  logStartOffset: number,
  limits: CompactionLimits,
  highWatermark: number,
  nowMs: number,
): CompactionCandidate {
  const active = segments.at(-1);
  const first = Math.max(checkpointed, logStartOffset);
  let uncleanable = Math.min(active?.baseOffset ?? first, highWatermark);
  let cleanBytes = 0;
  let dirtyBytes = 0;
  let oldestDirtyMs = Number.POSITIVE_INFINITY;
  for (const segment of segments.slice(0, -1)) {
    if (segment.baseOffset >= uncleanable) break;
    const isYoung = nowMs - segment.largestTimestamp < limits.minCompactionLagMs;
    if (segment.nextOffset > uncleanable || (segment.nextOffset > first && isYoung)) {
      uncleanable = segment.baseOffset;
      break;
    }
    if (segment.nextOffset <= first) {
      cleanBytes += segment.sizeBytes;
      continue;
    }
    dirtyBytes += segment.sizeBytes;
    oldestDirtyMs = Math.min(oldestDirtyMs, segment.lastModifiedMs);
  }
  const total = cleanBytes + dirtyBytes;
  const dirtyRatio = total === 0 ? 0 : dirtyBytes / total;
  const isOverdue = dirtyBytes > 0 && nowMs - oldestDirtyMs > limits.maxCompactionLagMs;
  return {
    firstDirtyOffset: first,
    firstUncleanableOffset: Math.max(uncleanable, first),
    dirtyRatio,
    isDue: dirtyBytes > 0 && (dirtyRatio >= limits.minCleanableDirtyRatio || isOverdue),
  };
}
