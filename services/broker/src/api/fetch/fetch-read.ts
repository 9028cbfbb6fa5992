import { ErrorCode } from '@millrace/protocol';
import { LocateOutcome } from '../../log/partition-log.ts';
import type { Partition } from '../../replica/partition.ts';
import type { PartitionTable } from '../../replica/partition-table.ts';
import { leaderEpochError } from '../leader-epoch.ts';
import { missingPartitionError, missingPartitionErrorById } from '../missing-partition.ts';
import type { FetchTarget } from './fetch-target.ts';

/** A transaction that was aborted and overlaps what is returned (T54). */
export interface AbortedRange {
  readonly producerId: number;
  readonly firstOffset: number;
}

/** What is answered for one partition. */
export class FetchResult {
  readonly target: FetchTarget;
  errorCode = 0;
  highWatermark = -1;
  lastStableOffset = -1;
  logStartOffset = -1;
  /** Null unless the client reads committed transactions only. */
  aborted: readonly AbortedRange[] | null = null;
  /** Where the client's log parts from ours; -1 when it does not. */
  divergingEpoch = -1;
  divergingEndOffset = -1;
  isDiverging = false;
  logId = 0;
  segmentBaseOffset = 0;
  position = 0;
  lengthBytes = 0;

  constructor(target: FetchTarget) {
    this.target = target;
  }
}

/** Bounds and manner of one Fetch request. */
export interface FetchBounds {
  readonly maxBytes: number;
  readonly readCommitted: boolean;
  readonly usesTopicIds: boolean;
  /** Only partitions with news are answered (an incremental request of a session). */
  readonly isIncremental: boolean;
}

/** A partition whose bytes must be brought into memory before they can be located. */
export interface ColdPlace {
  readonly partition: Partition;
  readonly offset: number;
  readonly maxBytes: number;
}

/** One pass over the partitions of a Fetch. */
export interface FetchPass {
  readonly results: FetchResult[];
  readonly bytes: number;
  /** An error or a diverging epoch: answered at once. */
  readonly isUrgent: boolean;
  readonly cold: ColdPlace[];
}

/** Looks at each partition in order and locates what fits (T51–T58). */
export function readTargets(
  targets: Iterable<FetchTarget>,
  partitions: PartitionTable,
  bounds: FetchBounds,
): FetchPass {
  const results: FetchResult[] = [];
  const cold: ColdPlace[] = [];
  let bytes = 0;
  let isUrgent = false;
  for (const target of targets) {
    const partition = bounds.usesTopicIds
      ? partitions.getById(target.topicId, target.index)
      : partitions.get(target.topic, target.index);
    if (bounds.isIncremental && partition !== undefined && hasNoNews(target, partition)) continue;
    const result = new FetchResult(target);
    if (partition === undefined) {
      result.errorCode = unknownCode(target, partitions, bounds);
    } else {
      readPartition(result, partition, bounds, bounds.maxBytes - bytes, bytes === 0, cold);
    }
    bytes += result.lengthBytes;
    if (result.errorCode !== 0 || result.isDiverging) isUrgent = true;
    if (!bounds.isIncremental || isNews(result)) results.push(result);
  }
  return { results, bytes, isUrgent, cold };
}

/** The common case of a session, decided without an object: at the end, nothing moved, nothing wrong. */
function hasNoNews(target: FetchTarget, partition: Partition): boolean {
  return (
    target.fetchOffset === partition.highWatermark &&
    target.sentHighWatermark === partition.highWatermark &&
    target.sentLogStartOffset === partition.logStartOffset &&
    target.lastFetchedEpoch < 0 &&
    (target.currentLeaderEpoch < 0 || target.currentLeaderEpoch === partition.leaderEpoch) &&
    !partition.isFailed
  );
}

function isNews(result: FetchResult): boolean {
  return (
    result.lengthBytes > 0 ||
    result.errorCode !== 0 ||
    result.isDiverging ||
    result.highWatermark !== result.target.sentHighWatermark ||
    result.logStartOffset !== result.target.sentLogStartOffset
  );
}

function unknownCode(target: FetchTarget, partitions: PartitionTable, bounds: FetchBounds): number {
  return bounds.usesTopicIds
    ? missingPartitionErrorById(partitions, target.topicId, target.index)
    : missingPartitionError(partitions, target.topic, target.index);
}

function readPartition(
  result: FetchResult,
  partition: Partition,
  bounds: FetchBounds,
  bytesLeft: number,
  isFirst: boolean,
  cold: ColdPlace[],
): void {
  const target = result.target;
  result.errorCode = leaderEpochError(target.currentLeaderEpoch, partition.leaderEpoch);
  if (result.errorCode !== 0) return;
  if (target.lastFetchedEpoch >= 0 && diverges(result, partition)) {
    if (result.errorCode === 0) fillWatermarks(result, partition, bounds);
    return;
  }
  const offset = target.fetchOffset;
  if (offset < partition.logStartOffset || offset > partition.logEndOffset) {
    result.errorCode = ErrorCode.OFFSET_OUT_OF_RANGE;
    return;
  }
  fillWatermarks(result, partition, bounds);
  const upTo = bounds.readCommitted ? partition.lastStableOffset : partition.highWatermark;
  const maxBytes = Math.max(0, Math.min(target.maxBytes, bytesLeft));
  if (offset >= upTo || (maxBytes === 0 && !isFirst)) return;
  switch (partition.log.locate(offset, upTo, maxBytes, isFirst)) {
    case LocateOutcome.found: {
      const located = partition.log.located;
      result.logId = partition.log.logId;
      result.segmentBaseOffset = located.segmentBaseOffset;
      result.position = located.position;
      result.lengthBytes = located.lengthBytes;
      if (bounds.readCommitted) {
        result.aborted = partition.log.abortedBetween(offset, located.nextOffset);
      }
      return;
    }
    case LocateOutcome.cold:
      cold.push({ partition, offset, maxBytes });
      return;
    case LocateOutcome.outOfRange:
      clear(result, ErrorCode.OFFSET_OUT_OF_RANGE);
      return;
    case LocateOutcome.failed:
      clear(result, ErrorCode.KAFKA_STORAGE_ERROR);
      return;
  }
}

function fillWatermarks(result: FetchResult, partition: Partition, bounds: FetchBounds): void {
  result.highWatermark = partition.highWatermark;
  result.lastStableOffset = partition.lastStableOffset;
  result.logStartOffset = partition.logStartOffset;
  if (bounds.readCommitted) result.aborted = [];
}

/** Error partitions carry -1 watermarks (T58). */
function clear(result: FetchResult, errorCode: number): void {
  result.errorCode = errorCode;
  result.highWatermark = -1;
  result.lastStableOffset = -1;
  result.logStartOffset = -1;
  result.aborted = null;
}

/**
 * KIP-595: the client's last epoch ends elsewhere in our log. An epoch we never had gives no place to go
 * on from: OFFSET_OUT_OF_RANGE, as Apache Kafka answers.
 */
function diverges(result: FetchResult, partition: Partition): boolean {
  const { lastFetchedEpoch, fetchOffset } = result.target;
  const end = partition.log.endOfEpoch(lastFetchedEpoch);
  if (end.epoch === lastFetchedEpoch && end.endOffset >= fetchOffset) return false;
  if (end.epoch < 0) {
    result.errorCode = ErrorCode.OFFSET_OUT_OF_RANGE;
    return true;
  }
  result.isDiverging = true;
  result.divergingEpoch = end.epoch;
  result.divergingEndOffset = end.endOffset;
  return true;
}
