import { describe, expect, it } from 'vitest';
import { judgeCompaction } from './compaction.ts';
import { decideRetention } from './retention.ts';

const NOW = 1_000_000;

/** Segments of 10 offsets and 100 bytes each, with these largest timestamps. */
function segmentsOf(...timestamps: number[]) {
  return timestamps.map((largestTimestamp, i) => ({
    baseOffset: i * 10,
    nextOffset: i * 10 + 10,
    sizeBytes: 100,
    largestTimestamp,
    lastModifiedMs: largestTimestamp,
  }));
}

describe('retention', () => {
  const byTime = { retentionMs: 1000, retentionBytes: -1 };
  const bySize = { retentionMs: -1, retentionBytes: 250 };

  it('removes the oldest segments whose newest record is too old', () => {
    const segments = segmentsOf(NOW - 5000, NOW - 2000, NOW - 500);
    expect(decideRetention(segments, byTime, 30, NOW)).toEqual({ logStartOffset: 20, roll: false });
  });

  it('stops at the first young segment, whatever lies behind it', () => {
    const segments = segmentsOf(NOW - 5000, NOW, NOW - 5000);
    expect(decideRetention(segments, byTime, 30, NOW).logStartOffset).toBe(10);
  });

  it('rolls first when everything is expired', () => {
    const segments = segmentsOf(NOW - 5000, NOW - 4000);
    expect(decideRetention(segments, byTime, 20, NOW)).toEqual({ logStartOffset: 20, roll: true });
  });

  it('does not roll an empty active segment', () => {
    const segments = segmentsOf(NOW - 5000, -1);
    const empty = { ...segments[1], sizeBytes: 0, nextOffset: 10, lastModifiedMs: 0 };
    expect(decideRetention([segments[0], empty] as never, byTime, 10, NOW)).toEqual({
      logStartOffset: 10,
      roll: false,
    });
  });

  it('never passes the high watermark', () => {
    const segments = segmentsOf(NOW - 5000, NOW - 5000, NOW - 5000);
    expect(decideRetention(segments, byTime, 15, NOW).logStartOffset).toBe(10);
    expect(
      decideRetention(segments, { ...bySize, retentionBytes: 0 }, 15, NOW).logStartOffset,
    ).toBe(10);
  });

  it('keeps retention.bytes at least, and the active segment', () => {
    const segments = segmentsOf(NOW, NOW, NOW, NOW);
    expect(decideRetention(segments, bySize, 40, NOW).logStartOffset).toBe(10);
    expect(decideRetention(segments, { ...bySize, retentionBytes: 0 }, 40, NOW)).toEqual({
      logStartOffset: 30,
      roll: false,
    });
  });

  it('keeps everything without limits', () => {
    const none = { retentionMs: -1, retentionBytes: -1 };
    expect(decideRetention(segmentsOf(0, 0), none, 20, NOW).logStartOffset).toBe(0);
  });
});

describe('compaction', () => {
  const limits = {
    minCleanableDirtyRatio: 0.5,
    minCompactionLagMs: 0,
    maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
  };

  it('is due when half of what may be cleaned is dirty', () => {
    const segments = segmentsOf(0, 0, 0);
    expect(judgeCompaction(segments, 10, 0, limits, 30, NOW)).toEqual({
      firstDirtyOffset: 10,
      firstUncleanableOffset: 20,
      dirtyRatio: 0.5,
      isDue: true,
    });
    expect(judgeCompaction(segments, 20, 0, limits, 30, NOW).isDue).toBe(false);
  });

  it('leaves the active segment, young ones and what is not visible', () => {
    expect(judgeCompaction(segmentsOf(0), 0, 0, limits, 10, NOW).isDue).toBe(false);
    const young = judgeCompaction(
      segmentsOf(0, NOW, 0),
      0,
      0,
      { ...limits, minCompactionLagMs: 1000 },
      30,
      NOW,
    );
    expect(young).toMatchObject({ firstUncleanableOffset: 10, isDue: true });
    expect(judgeCompaction(segmentsOf(0, 0, 0), 0, 0, limits, 5, NOW).isDue).toBe(false);
  });

  it('is due after max.compaction.lag.ms, however clean', () => {
    const segments = segmentsOf(0, 0, 0, 0, 0);
    const lag = { ...limits, maxCompactionLagMs: 1000 };
    expect(judgeCompaction(segments, 30, 0, limits, 50, NOW).isDue).toBe(false);
    expect(judgeCompaction(segments, 30, 0, lag, 50, NOW).isDue).toBe(true);
  });
});
