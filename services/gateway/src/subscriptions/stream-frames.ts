import {
  enumNames,
  GapReason,
  type JsonFrameInput,
  Outcome,
  Policy,
  PROGRESS_ENTRIES_MAX,
  STREAM_LIST_MAX,
  type StreamInfo,
  type StreamOffset,
} from '@millrace/gateway-protocol';
import type { Cursor } from '../fan-out/contract.ts';
import { sessionLimits } from '../limits.ts';
import type { ResolvedStart } from './start-resolution.ts';

/** Label values of the metrics, by enum value. */
export const OUTCOME_LABELS = enumNames(Outcome);
export const GAP_LABELS = enumNames(GapReason);
export const POLICY_LABELS = enumNames(Policy);

/** The wire form of a stream's start; what the grant does not show is left out. */
export function streamInfo(
  stream: number,
  partition: number,
  start: ResolvedStart,
  showWatermark: boolean,
): StreamInfo {
  return {
    stream,
    partition,
    outcome: start.outcome,
    code: start.code,
    leaderEpoch: start.leaderEpoch,
    startOffset: BigInt(start.startOffset),
    logStart: BigInt(showWatermark ? start.logStart : -1),
    highWatermark: BigInt(showWatermark ? start.highWatermark : -1),
    lostFrom: BigInt(start.lostFrom),
    lostTo: BigInt(start.lostTo),
  };
}

/** Streams cut into lists that fit a control frame. */
export function streamLists(streams: readonly StreamInfo[], isText: boolean): StreamInfo[][] {
  return chunks(streams, isText ? sessionLimits.streamsPerTextFrame : STREAM_LIST_MAX);
}

/** Adds where a cursor stands to what the next Progress frame says; it must be sent at once. */
export function addProgress(cursor: Cursor, into: StreamOffset[]): void {
  const offset = cursor.takeProgress();
  if (offset < 0) return;
  into.push({ offset: BigInt(offset), stream: cursor.streamId, epoch: cursor.leaderEpoch });
}

/** Progress frames for these positions. */
export function progressFrames(
  streams: readonly StreamOffset[],
  isText: boolean,
): JsonFrameInput[] {
  const size = isText ? sessionLimits.progressPerTextFrame : PROGRESS_ENTRIES_MAX;
  return chunks(streams, size).map((part) => ({ kind: 'progress', streams: part }));
}

function chunks<T>(all: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < all.length; at += size) parts.push(all.slice(at, at + size));
  return parts;
}
