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
import { missingPartitionError } from './missing-partition.ts';

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
        partitions: partitions.map((asked) =>
          // A replica needs rights between brokers (H9), and one broker has no replicas.
          request.replicaId >= 0
            ? refusal(asked, ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
            : endOf(rooms.partitions, topic, asked),
        ),
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
  if (partition === undefined) {
    return refusal(asked, missingPartitionError(partitions, topic, asked.partition));
  }
  const fenced = leaderEpochError(asked.currentLeaderEpoch, partition.leaderEpoch);
  if (fenced !== 0) return refusal(asked, fenced);
  const end = partition.log.endOfEpoch(asked.leaderEpoch);
  return {
    errorCode: ErrorCode.NONE,
    partition: asked.partition,
    leaderEpoch: end.epoch,
    endOffset: end.endOffset,
  };
}

function refusal(
  { partition }: OffsetForLeaderEpochRequestPartition,
  errorCode: number,
): OffsetForLeaderEpochResponsePartition {
  return { errorCode, partition, leaderEpoch: -1, endOffset: -1 };
}
