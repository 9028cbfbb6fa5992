import {
  API_KEYS,
  type CreatePartitionsRequest,
  type CreatePartitionsResponseInput,
  decodeCreatePartitionsRequest,
  ErrorCode,
  encodeCreatePartitionsResponse,
} from '@millrace/protocol';
import type { Topics } from '../controller/topic-store.ts';
import type { ApiHandler } from './api-handler.ts';
import { namesGivenTwice } from './names-given-twice.ts';

export function createPartitionsHandler(rooms: {
  readonly topics: Topics;
}): ApiHandler<CreatePartitionsRequest, CreatePartitionsResponseInput> {
  return {
    key: API_KEYS.CreatePartitions,
    name: 'CreatePartitions',
    minVersion: 0,
    maxVersion: 3,
    decode: decodeCreatePartitionsRequest,
    encode: encodeCreatePartitionsResponse,
    handle: async ({ topics, validateOnly }) => {
      const twice = namesGivenTwice(topics.map((topic) => topic.name));
      const once = topics.filter((topic) => !twice.has(topic.name));
      const results = await Promise.all(
        once.map(async ({ name, count, assignments }) => {
          const { refusal } = await rooms.topics.addPartitions(
            name,
            count,
            assignments,
            validateOnly,
          );
          return resultOf(name, refusal?.errorCode ?? ErrorCode.NONE, refusal?.message ?? null);
        }),
      );
      for (const name of twice) {
        results.push(resultOf(name, ErrorCode.INVALID_REQUEST, 'Duplicate topic name.'));
      }
      return { results };
    },
    fail: ({ topics }, errorCode) => ({
      results: topics.map(({ name }) => resultOf(name, errorCode, null)),
    }),
  };
}

function resultOf(name: string, errorCode: number, errorMessage: string | null) {
  return { name, errorCode, errorMessage };
}
