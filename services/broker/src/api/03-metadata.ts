import { ZERO_UUID } from '@millrace/bytes';
import {
  API_KEYS,
  decodeMetadataRequest,
  ErrorCode,
  encodeMetadataResponse,
  type MetadataRequest,
  type MetadataRequestTopic,
  type MetadataResponseInput,
  type MetadataResponseTopicInput,
} from '@millrace/protocol';
import { advertisedEndpoint } from '../config/advertised-endpoint.ts';
import type { BrokerConfig } from '../config/broker-config.ts';
import type { TopicImage } from '../controller/metadata-image.ts';
import type { Topics } from '../controller/topic-store.ts';
import type { PartitionTable } from '../replica/partition-table.ts';
import type { ApiHandler, RequestContext } from './api-handler.ts';
import { CLUSTER_OPERATIONS, NOT_ASKED_FOR, TOPIC_OPERATIONS } from './authorized-operations.ts';
import { describePartition, missingTopicError } from './topic-description.ts';

export interface MetadataRooms {
  readonly topics: Topics;
  readonly partitions: PartitionTable;
  readonly config: BrokerConfig;
}

/** First version in which a topic can be asked for by its id. */
const FIRST_VERSION_BY_ID = 12;
/** First version in which the request has room for an id. */
const FIRST_VERSION_WITH_ID = 10;

export function metadataHandler(
  rooms: MetadataRooms,
): ApiHandler<MetadataRequest, MetadataResponseInput> {
  return {
    key: API_KEYS.Metadata,
    name: 'Metadata',
    minVersion: 0,
    maxVersion: 13,
    decode: decodeMetadataRequest,
    encode: encodeMetadataResponse,
    handle: (request, context) => {
      const asked = askedTopics(request, context.apiVersion);
      if (asked === null) {
        const all = [...rooms.topics.image.topics()];
        return answer(
          rooms,
          request,
          context,
          all.map((topic) => found(rooms, request, topic)),
        );
      }
      const topics = asked.map((topic) => lookUp(rooms, request, context, topic));
      if (!topics.some((topic) => topic instanceof Promise)) {
        return answer(rooms, request, context, topics as MetadataResponseTopicInput[]);
      }
      return Promise.all(topics).then((ready) => answer(rooms, request, context, ready));
    },
  };
}

/** null = all of them (T23). A topic named twice is answered once. */
function askedTopics(request: MetadataRequest, version: number): MetadataRequestTopic[] | null {
  if (request.topics === null || (version === 0 && request.topics.length === 0)) return null;
  const seen = new Set<string>();
  return request.topics.filter((topic) => {
    const key = topic.name ?? topic.topicId;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function lookUp(
  rooms: MetadataRooms,
  request: MetadataRequest,
  context: RequestContext,
  { name, topicId }: MetadataRequestTopic,
): MetadataResponseTopicInput | Promise<MetadataResponseTopicInput> {
  const { image } = rooms.topics;
  const version = context.apiVersion;
  const isById = version >= FIRST_VERSION_WITH_ID && (name === null || topicId !== ZERO_UUID);
  if (isById && version < FIRST_VERSION_BY_ID) {
    return missing(request, name ?? '', topicId, ErrorCode.INVALID_REQUEST);
  }
  if (name === null || topicId !== ZERO_UUID) {
    const topic = image.topicById(topicId);
    if (topic !== undefined) return found(rooms, request, topic);
    const unknown = missing(request, null, topicId, ErrorCode.UNKNOWN_TOPIC_ID);
    return { ...unknown, topicAuthorizedOperations: NOT_ASKED_FOR };
  }
  const topic = image.topic(name);
  if (topic !== undefined) return found(rooms, request, topic);
  const error = missingTopicError(name);
  const mayCreate = request.allowAutoTopicCreation && rooms.config.autoCreateTopicsEnable;
  if (!mayCreate || error === ErrorCode.INVALID_TOPIC_EXCEPTION) {
    return missing(request, name, ZERO_UUID, error);
  }
  // A topic just made has no leader yet as far as clients know: they ask again and find it (T24).
  return rooms.topics
    .autoCreate(name)
    .then(({ refusal }) =>
      missing(request, name, ZERO_UUID, refusal?.errorCode ?? ErrorCode.LEADER_NOT_AVAILABLE),
    );
}

function found(
  rooms: MetadataRooms,
  request: MetadataRequest,
  topic: TopicImage,
): MetadataResponseTopicInput {
  const partitions = [];
  for (let index = 0; index < topic.partitionCount; index++) {
    const { brokerId } = rooms.topics.image;
    partitions.push(describePartition(topic, index, brokerId, rooms.partitions));
  }
  return {
    errorCode: ErrorCode.NONE,
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.internal,
    partitions,
    topicAuthorizedOperations: topicOperations(request),
  };
}

function missing(
  request: MetadataRequest,
  name: string | null,
  topicId: string,
  errorCode: number,
): MetadataResponseTopicInput {
  return {
    errorCode,
    name,
    topicId,
    isInternal: false,
    partitions: [],
    topicAuthorizedOperations: topicOperations(request),
  };
}

/** Without an authorizer everybody may do everything, also to a topic that is not there. */
function topicOperations({ includeTopicAuthorizedOperations }: MetadataRequest): number {
  return includeTopicAuthorizedOperations ? TOPIC_OPERATIONS : NOT_ASKED_FOR;
}

function answer(
  rooms: MetadataRooms,
  request: MetadataRequest,
  context: RequestContext,
  topics: readonly MetadataResponseTopicInput[],
): MetadataResponseInput {
  const { brokerId, clusterId } = rooms.topics.image;
  const { host, port } = advertisedEndpoint(rooms.config, context.connection);
  return {
    brokers: [{ nodeId: brokerId, host, port }],
    clusterId,
    controllerId: brokerId,
    topics,
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? CLUSTER_OPERATIONS
      : NOT_ASKED_FOR,
    errorCode: ErrorCode.NONE,
  };
}
