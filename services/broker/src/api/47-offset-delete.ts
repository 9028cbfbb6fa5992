import {
  decodeOffsetDeleteRequest,
  ErrorCode,
  encodeOffsetDeleteResponse,
  type OffsetDeleteRequest,
  type OffsetDeleteResponse,
} from '@millrace/protocol';
import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts';
import type { TopicPartition } from '../coordinator/group/offset-store.ts';
import type { ApiHandler } from './api-handler.ts';
import type { TopicLookup } from './group-topics.ts';

/** OffsetDelete: refused for topics that the group's consumers read (T81); never flexible (T17). */
export function offsetDeleteHandler(rooms: {
  readonly groups: GroupCoordinator;
  readonly image: TopicLookup;
}): ApiHandler<OffsetDeleteRequest, OffsetDeleteResponse> {
  return {
    key: 47,
    name: 'OffsetDelete',
    minVersion: 0,
    maxVersion: 0,
    decode: decodeOffsetDeleteRequest,
    encode: encodeOffsetDeleteResponse,
    handle({ groupId, topics }) {
      const known: TopicPartition[] = [];
      for (const { name, partitions } of topics) {
        const partitionCount = rooms.image.topic(name)?.partitionCount ?? 0;
        for (const { partitionIndex } of partitions) {
          if (partitionIndex < 0 || partitionIndex >= partitionCount) continue;
          known.push({ topic: name, partition: partitionIndex });
        }
      }
      return new Promise((resolve) => {
        rooms.groups.deleteOffsets(
          groupId,
          known,
          (errorCodes) => resolve(responseOf(topics, known, errorCodes)),
          (errorCode) => resolve({ errorCode, throttleTimeMs: 0, topics: [] }),
        );
      });
    },
  };
}

/** `known` holds the partitions that exist, in the order of the request. */
function responseOf(
  topics: OffsetDeleteRequest['topics'],
  known: readonly TopicPartition[],
  errorCodes: readonly number[],
): OffsetDeleteResponse {
  let at = 0;
  return {
    errorCode: ErrorCode.NONE,
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => {
        const next = known[at];
        const isKnown = next?.topic === name && next.partition === partitionIndex;
        const errorCode = isKnown
          ? (errorCodes[at++] ?? ErrorCode.UNKNOWN_SERVER_ERROR)
          : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
        return { partitionIndex, errorCode };
      }),
    })),
  };
}
