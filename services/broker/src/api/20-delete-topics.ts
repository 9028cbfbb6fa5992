import { ZERO_UUID } from '@millrace/bytes';
import {
  API_KEYS,
  type DeleteTopicsRequest,
  type DeleteTopicsRequestTopic,
  type DeleteTopicsResponseInput,
  type DeleteTopicsResponseResponseInput,
  decodeDeleteTopicsRequest,
  ErrorCode,
  encodeDeleteTopicsResponse,
} from '@millrace/protocol';
import type { BrokerConfig } from '../config/broker-config.ts';
import type { Topics } from '../controller/topic-store.ts';
import type { ApiHandler } from './api-handler.ts';
import { namesGivenTwice } from './names-given-twice.ts';

export interface DeleteTopicsRooms {
  readonly topics: Topics;
  readonly config: BrokerConfig;
}

/** First version that knows TOPIC_DELETION_DISABLED. */
const FIRST_VERSION_WITH_DISABLED = 3;
/** First version that may name topics by id. */
const FIRST_VERSION_BY_ID = 6;

export function deleteTopicsHandler(
  rooms: DeleteTopicsRooms,
): ApiHandler<DeleteTopicsRequest, DeleteTopicsResponseInput> {
  return {
    key: API_KEYS.DeleteTopics,
    name: 'DeleteTopics',
    minVersion: 1,
    maxVersion: 6,
    decode: decodeDeleteTopicsRequest,
    encode: encodeDeleteTopicsResponse,
    handle: async (request, { apiVersion }) => {
      const asked = askedTopics(request, apiVersion);
      if (!rooms.config.deleteTopicEnable) {
        const code =
          apiVersion < FIRST_VERSION_WITH_DISABLED
            ? ErrorCode.INVALID_REQUEST
            : ErrorCode.TOPIC_DELETION_DISABLED;
        return {
          responses: asked.map((topic) => refused(topic, code, 'Topic deletion is disabled.')),
        };
      }
      const twice = namesGivenTwice(asked.map(keyOf));
      const once = asked.filter((topic) => !twice.has(keyOf(topic)));
      const responses = await Promise.all(once.map((topic) => deleteOne(rooms.topics, topic)));
      for (const key of twice) {
        const topic = asked.find((each) => keyOf(each) === key) as DeleteTopicsRequestTopic;
        responses.push(refused(topic, ErrorCode.INVALID_REQUEST, 'Duplicate topic name.'));
      }
      return { responses };
    },
    fail: (request, errorCode, version) => ({
      responses: askedTopics(request, version).map((topic) => refused(topic, errorCode, null)),
    }),
  };
}

function keyOf({ name, topicId }: DeleteTopicsRequestTopic): string {
  return name ?? topicId;
}

function askedTopics(
  request: DeleteTopicsRequest,
  version: number,
): readonly DeleteTopicsRequestTopic[] {
  if (version >= FIRST_VERSION_BY_ID) return request.topics;
  return request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }));
}

async function deleteOne(
  topics: Topics,
  asked: DeleteTopicsRequestTopic,
): Promise<DeleteTopicsResponseResponseInput> {
  const isById = asked.topicId !== ZERO_UUID;
  if (isById && asked.name !== null) {
    const message = 'You may not specify both topic name and topic id.';
    return refused(asked, ErrorCode.INVALID_REQUEST, message);
  }
  if (!isById && asked.name === null) {
    const message = 'Neither topic name nor id were specified.';
    return refused(asked, ErrorCode.INVALID_REQUEST, message);
  }
  const topic = isById
    ? topics.image.topicById(asked.topicId)
    : topics.image.topic(asked.name as string);
  if (topic === undefined && isById) {
    return refused(asked, ErrorCode.UNKNOWN_TOPIC_ID, 'This server does not host this topic ID.');
  }
  const name = topic?.name ?? (asked.name as string);
  const { refusal } = await topics.deleteTopic(name);
  return {
    name,
    topicId: topic?.id ?? ZERO_UUID,
    errorCode: refusal?.errorCode ?? ErrorCode.NONE,
    errorMessage: refusal?.message ?? null,
  };
}

function refused(
  { name, topicId }: DeleteTopicsRequestTopic,
  errorCode: number,
  errorMessage: string | null,
): DeleteTopicsResponseResponseInput {
  return { name, topicId, errorCode, errorMessage };
}
