import type { SegmentInfo } from '@millrace/engine';

/** What retention looks at. Sizes and times of -1 mean no limit. */
export interface RetentionLimits {
  readonly retentionMs: number;
  readonly retentionBytes: number;
}

/** What retention decides for one log. */
export interface RetentionDecision {
  /** Where the log should start; at or below the present start: nothing to do. */
  readonly logStartOffset: number;
  /** Everything is expired: the active segment is closed first, so that it can go too. */
  readonly roll: boolean;
}

/**
 * Which of the oldest segments may go by age, then by size. Nothing at or above the high watermark goes
 * (kafka-surface C.2).
 *
 * @param segments oldest first; the last is the active one.
 */
export function decideRetention(
  segments: readonly SegmentInfo[],
  limits: RetentionLimits,
  highWatermark: number,
  nowMs: number,
): RetentionDecision {
  let goneCount = 0;
  if (limits.retentionMs >= 0) {
    for (const segment of segments) {
      const newest =
        segment.largestTimestamp >= 0 ? segment.largestTimestamp : segment.lastModifiedMs;
      if (nowMs - newest <= limits.retentionMs) break;
      if (segment.nextOffset > highWatermark) break;
      goneCount++;
    }
  }
  if (limits.retentionBytes >= 0) {
    let excess = -limits.retentionBytes;
    for (const segment of segments) excess += segment.sizeBytes;
    for (let i = 0; i < segments.length - 1; i++) {
      const segment = segments[i] as SegmentInfo;
      excess -= segment.sizeBytes;
      if (excess < 0 || segment.nextOffset > highWatermark) break;
      goneCount = Math.max(goneCount, i + 1);
    }
  }
  const last = segments[goneCount - 1];
  if (last === undefined) return { logStartOffset: 0, roll: false };
  const isEverything = goneCount === segments.length;
  if (isEverything && last.sizeBytes === 0) {
    const previous = segments[goneCount - 2];
    return { logStartOffset: previous?.nextOffset ?? 0, roll: false };
  }
  return { logStartOffset: last.nextOffset, roll: isEverything };
}
