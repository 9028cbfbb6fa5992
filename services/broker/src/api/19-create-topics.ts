import { ZERO_UUID } from '@millrace/bytes';
import {
  API_KEYS,
  type CreateTopicsRequest,
  type CreateTopicsRequestTopic,
  type CreateTopicsResponseInput,
  type CreateTopicsResponseTopicInput,
  decodeCreateTopicsRequest,
  ErrorCode,
  encodeCreateTopicsResponse,
} from '@millrace/protocol';
import { describeTopicConfigs } from '../config/describe-config.ts';
import type { DynamicConfig } from '../config/dynamic-config.ts';
import type { NewTopic } from '../controller/new-topic.ts';
import type { Topics } from '../controller/topic-store.ts';
import type { ApiHandler } from './api-handler.ts';
import { namesGivenTwice } from './names-given-twice.ts';

export interface CreateTopicsRooms {
  readonly topics: Topics;
  readonly dynamicConfig: DynamicConfig;
}

const REPLICATION_FACTOR = 1;

export function createTopicsHandler(
  rooms: CreateTopicsRooms,
): ApiHandler<CreateTopicsRequest, CreateTopicsResponseInput> {
  return {
    key: API_KEYS.CreateTopics,
    name: 'CreateTopics',
    minVersion: 2,
    maxVersion: 7,
    decode: decodeCreateTopicsRequest,
    encode: encodeCreateTopicsResponse,
    handle: async (request) => {
      const twice = namesGivenTwice(request.topics.map((topic) => topic.name));
      const once = request.topics.filter((topic) => !twice.has(topic.name));
      const topics = await Promise.all(
        once.map((topic) => createOne(rooms, topic, request.validateOnly)),
      );
      for (const name of twice) {
        topics.push(refusedTopic(name, ErrorCode.INVALID_REQUEST, 'Duplicate topic name.'));
      }
      return { topics };
    },
    fail: (request, errorCode) => ({
      topics: request.topics.map((topic) => refusedTopic(topic.name, errorCode, null)),
    }),
  };
}

async function createOne(
  rooms: CreateTopicsRooms,
  topic: CreateTopicsRequestTopic,
  validateOnly: boolean,
): Promise<CreateTopicsResponseTopicInput> {
  const wanted: NewTopic = {
    name: topic.name,
    partitionCount: topic.numPartitions,
    replicationFactor: topic.replicationFactor,
    assignments: topic.assignments,
    configs: topic.configs,
  };
  const outcome = validateOnly ? rooms.topics.plan(wanted) : await rooms.topics.createTopic(wanted);
  if (outcome.refusal !== null) {
    return refusedTopic(topic.name, outcome.refusal.errorCode, outcome.refusal.message);
  }
  const { partitionCount, overrides } = outcome.value;
  const options = { names: null, withSynonyms: false, withDocumentation: false };
  return {
    name: topic.name,
    // A topic that was only checked has no id.
    topicId: rooms.topics.image.topic(topic.name)?.id ?? ZERO_UUID,
    errorCode: ErrorCode.NONE,
    errorMessage: null,
    numPartitions: partitionCount,
    replicationFactor: REPLICATION_FACTOR,
    configs: describeTopicConfigs(overrides, rooms.dynamicConfig, options),
  };
}

function refusedTopic(
  name: string,
  errorCode: number,
  errorMessage: string | null,
): CreateTopicsResponseTopicInput {
  return { name, topicId: ZERO_UUID, errorCode, errorMessage, configs: [] };
}
