import { ZERO_UUID } from '@millrace/bytes';
import {
  API_KEYS,
  type DescribeTopicPartitionsRequest,
  type DescribeTopicPartitionsResponseInput,
  type DescribeTopicPartitionsResponseTopicInput,
  decodeDescribeTopicPartitionsRequest,
  ErrorCode,
  encodeDescribeTopicPartitionsResponse,
} from '@millrace/protocol';
import type { BrokerConfig } from '../config/broker-config.ts';
import type { MetadataImage, TopicImage } from '../controller/metadata-image.ts';
import type { PartitionTable } from '../replica/partition-table.ts';
import type { ApiHandler } from './api-handler.ts';
import { TOPIC_OPERATIONS } from './authorized-operations.ts';
import { describePartition, missingTopicError } from './topic-description.ts';

export interface DescribeTopicPartitionsRooms {
  readonly image: MetadataImage;
  readonly partitions: PartitionTable;
  readonly config: BrokerConfig;
}

export function describeTopicPartitionsHandler(
  rooms: DescribeTopicPartitionsRooms,
): ApiHandler<DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponseInput> {
  return {
    key: API_KEYS.DescribeTopicPartitions,
    name: 'DescribeTopicPartitions',
    minVersion: 0,
    maxVersion: 0,
    decode: decodeDescribeTopicPartitionsRequest,
    encode: encodeDescribeTopicPartitionsResponse,
    handle: (request) => {
      if (!isCursorValid(request)) {
        return {
          topics: request.topics.map(({ name }) => missing(name, ErrorCode.INVALID_REQUEST)),
        };
      }
      return page(rooms, request);
    },
    fail: (request, errorCode) => ({
      topics: request.topics.map(({ name }) => missing(name, errorCode)),
    }),
  };
}

/** A cursor names a partition of a topic that is asked for; one of all topics may be gone by now. */
function isCursorValid({ cursor, topics }: DescribeTopicPartitionsRequest): boolean {
  if (cursor === null) return true;
  const isAskedFor = topics.length === 0 || topics.some(({ name }) => name === cursor.topicName);
  return cursor.partitionIndex >= 0 && isAskedFor;
}

/**
 * One page: topics in the order of their names, from the cursor on, until the limit of partitions is
 * reached. The next cursor is the first partition that found no room.
 */
function page(
  rooms: DescribeTopicPartitionsRooms,
  request: DescribeTopicPartitionsRequest,
): DescribeTopicPartitionsResponseInput {
  const { cursor } = request;
  const limit = Math.min(request.responsePartitionLimit, rooms.config.maxRequestPartitionSizeLimit);
  let room = Math.max(limit, 1);
  const topics: DescribeTopicPartitionsResponseTopicInput[] = [];
  for (const name of namesFrom(rooms.image, request)) {
    const topic = rooms.image.topic(name);
    if (topic === undefined) {
      topics.push(missing(name, missingTopicError(name)));
      continue;
    }
    const first = name === cursor?.topicName ? cursor.partitionIndex : 0;
    if (room === 0) return { topics, nextCursor: { topicName: name, partitionIndex: first } };
    const end = Math.min(topic.partitionCount, first + room);
    topics.push(found(rooms, topic, first, end));
    room -= Math.max(end - first, 0);
    if (end < topic.partitionCount && first < topic.partitionCount) {
      return { topics, nextCursor: { topicName: name, partitionIndex: end } };
    }
  }
  return { topics, nextCursor: null };
}

/** The names asked for (all when none is), sorted, none before the cursor's. */
function namesFrom(image: MetadataImage, request: DescribeTopicPartitionsRequest): string[] {
  const names = new Set<string>();
  if (request.topics.length === 0) for (const { name } of image.topics()) names.add(name);
  else for (const { name } of request.topics) names.add(name);
  const from = request.cursor?.topicName ?? '';
  return [...names].filter((name) => name >= from).sort();
}

function found(
  rooms: DescribeTopicPartitionsRooms,
  topic: TopicImage,
  first: number,
  end: number,
): DescribeTopicPartitionsResponseTopicInput {
  const partitions = [];
  for (let index = first; index < end; index++) {
    const description = describePartition(topic, index, rooms.image.brokerId, rooms.partitions);
    partitions.push({ ...description, eligibleLeaderReplicas: [], lastKnownElr: [] });
  }
  return {
    errorCode: ErrorCode.NONE,
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.internal,
    partitions,
    topicAuthorizedOperations: TOPIC_OPERATIONS,
  };
}

function missing(name: string, errorCode: number): DescribeTopicPartitionsResponseTopicInput {
  return { errorCode, name, topicId: ZERO_UUID, isInternal: false, partitions: [] };
}
