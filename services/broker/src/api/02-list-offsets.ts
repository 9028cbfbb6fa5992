import {
  decodeListOffsetsRequest,
  ErrorCode,
  encodeListOffsetsResponse,
  type ListOffsetsRequest,
  type ListOffsetsRequestPartition,
  type ListOffsetsResponse,
  type ListOffsetsResponsePartition,
} from '@millrace/protocol';
import {
  findByTimestamp,
  findLargestTimestamp,
  type InflateBody,
  type TimedOffset,
} from '../replica/offset-lookup.ts';
import type { Partition } from '../replica/partition.ts';
import type { PartitionTable } from '../replica/partition-table.ts';
import type { ApiHandler } from './api-handler.ts';
import { leaderEpochError } from './leader-epoch.ts';
import { missingPartitionError } from './missing-partition.ts';

/** Special timestamps (T64) and the first version that knows each. */
const LATEST = -1;
const EARLIEST = -2;
const LARGEST_TIMESTAMP = -3;
const EARLIEST_LOCAL = -4;
const LATEST_TIERED = -5;
const EARLIEST_PENDING_UPLOAD = -6;
const KNOWN_FROM = new Map([
  [LATEST, 1],
  [EARLIEST, 1],
  [LARGEST_TIMESTAMP, 7],
  [EARLIEST_LOCAL, 8],
  [LATEST_TIERED, 9],
  [EARLIEST_PENDING_UPLOAD, 11],
]);
const READ_COMMITTED = 1;
const LEADER_EPOCH_FROM = 4;

export interface ListOffsetsRooms {
  readonly partitions: PartitionTable;
  readonly inflate: InflateBody;
}

/** ListOffsets: offsets by time, and the special ones: start, end, largest timestamp (T64–T68). */
export function listOffsetsHandler(
  rooms: ListOffsetsRooms,
): ApiHandler<ListOffsetsRequest, ListOffsetsResponse> {
  return {
    key: 2,
    name: 'ListOffsets',
    minVersion: 1,
    maxVersion: 11,
    decode: decodeListOffsetsRequest,
    encode: encodeListOffsetsResponse,
    async handle(request, context) {
      const twice = namedTwice(request);
      const readCommitted = request.isolationLevel === READ_COMMITTED;
      const topics = await Promise.all(
        request.topics.map(async (topic) => ({
          name: topic.name,
          partitions: await Promise.all(
            topic.partitions.map((asked) => {
              const index = asked.partitionIndex;
              if (request.replicaId >= 0) {
                return failure(index, ErrorCode.CLUSTER_AUTHORIZATION_FAILED);
              }
              if (twice.has(`${topic.name}-${index}`)) {
                return failure(index, ErrorCode.INVALID_REQUEST);
              }
              const partition = rooms.partitions.get(topic.name, index);
              if (partition === undefined) {
                return failure(index, missingPartitionError(rooms.partitions, topic.name, index));
              }
              return lookUp(partition, asked, context.apiVersion, readCommitted, rooms.inflate);
            }),
          ),
        })),
      );
      return { throttleTimeMs: 0, topics };
    },
  };
}

async function lookUp(
  partition: Partition,
  asked: ListOffsetsRequestPartition,
  version: number,
  readCommitted: boolean,
  inflate: InflateBody,
): Promise<ListOffsetsResponsePartition> {
  const index = asked.partitionIndex;
  const fenced = leaderEpochError(asked.currentLeaderEpoch, partition.leaderEpoch);
  if (fenced !== 0) return failure(index, fenced);
  const { timestamp } = asked;
  if (timestamp < 0 && version < (KNOWN_FROM.get(timestamp) ?? Number.POSITIVE_INFINITY)) {
    return failure(index, ErrorCode.UNSUPPORTED_VERSION);
  }
  try {
    const found = await find(partition, timestamp, readCommitted, inflate);
    return {
      partitionIndex: index,
      errorCode: ErrorCode.NONE,
      timestamp: found?.timestampMs ?? -1,
      offset: found?.offset ?? -1,
      leaderEpoch: found === undefined || version < LEADER_EPOCH_FROM ? -1 : partition.leaderEpoch,
    };
  } catch {
    return failure(index, ErrorCode.KAFKA_STORAGE_ERROR);
  }
}

async function find(
  partition: Partition,
  timestamp: number,
  readCommitted: boolean,
  inflate: InflateBody,
): Promise<TimedOffset | undefined> {
  const end = readCommitted ? partition.lastStableOffset : partition.highWatermark;
  switch (timestamp) {
    case LATEST:
      return { offset: end, timestampMs: -1 };
    case EARLIEST:
    case EARLIEST_LOCAL:
      return { offset: partition.logStartOffset, timestampMs: -1 };
    case LATEST_TIERED:
    case EARLIEST_PENDING_UPLOAD:
      return undefined;
    case LARGEST_TIMESTAMP:
      return findLargestTimestamp(partition, end, inflate);
    default:
      return findByTimestamp(partition, timestamp, end, inflate);
  }
}

function failure(partitionIndex: number, errorCode: number): ListOffsetsResponsePartition {
  return { partitionIndex, errorCode, timestamp: -1, offset: -1, leaderEpoch: -1 };
}

/** Names of partitions that appear more than once (T68). */
function namedTwice(request: ListOffsetsRequest): Set<string> {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const topic of request.topics) {
    for (const { partitionIndex } of topic.partitions) {
      const name = `${topic.name}-${partitionIndex}`;
      if (seen.has(name)) twice.add(name);
      seen.add(name);
    }
  }
  return twice;
}
