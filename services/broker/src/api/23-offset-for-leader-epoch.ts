import {
  decodeOffsetForLeaderEpochRequest,
  ErrorCode,
  encodeOffsetForLeaderEpochResponse,
  type OffsetForLeaderEpochRequest,
  type OffsetForLeaderEpochRequestPartition,
  type OffsetForLeaderEpochResponse,
  type OffsetForLeaderEpochResponsePartition,
} from '@millrace/protocol';
import type { PartitionTable } from '../replica/partition-table.ts';
import type { ApiHandler } from './api-handler.ts';
import { leaderEpochError } from './leader-epoch.ts';

export interface OffsetForLeaderEpochRooms {
  readonly partitions: PartitionTable;
}

/** OffsetForLeaderEpoch: where the largest known epoch not above the asked one ends (T69). */
export function offsetForLeaderEpochHandler(
  rooms: OffsetForLeaderEpochRooms,
): ApiHandler<OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse> {
  return {
    key: 23,
    name: 'OffsetForLeaderEpoch',
    minVersion: 2,
    maxVersion: 4,
    decode: decodeOffsetForLeaderEpochRequest,
    encode: encodeOffsetForLeaderEpochResponse,
    handle: (request) => ({
      throttleTimeMs: 0,
      topics: request.topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map((asked) => endOf(rooms.partitions, topic, asked)),
      })),
    }),
  };
}

function endOf(
  partitions: PartitionTable,
  topic: string,
  asked: OffsetForLeaderEpochRequestPartition,
): OffsetForLeaderEpochResponsePartition {
  const partition = partitions.get(topic, asked.partition);
  const refuse = (errorCode: number) => ({
    errorCode,
    partition: asked.partition,
    leaderEpoch: -1,
    endOffset: -1,
  });
  if (partition === undefined) return refuse(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  const fenced = leaderEpochError(asked.currentLeaderEpoch, partition.leaderEpoch);
  if (fenced !== 0) return refuse(fenced);
  const end = partition.log.endOfEpoch(asked.leaderEpoch);
  return {
    errorCode: ErrorCode.NONE,
    partition: asked.partition,
    leaderEpoch: end.epoch,
    endOffset: end.endOffset,
  };
}
