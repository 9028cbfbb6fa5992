import { ZERO_UUID } from '@millrace/bytes';
import {
  decodeOffsetFetchRequest,
  ErrorCode,
  encodeOffsetFetchResponse,
  type OffsetFetchRequest,
  type OffsetFetchRequestGroupTopic,
  type OffsetFetchResponse,
  type OffsetFetchResponseGroup,
  type OffsetFetchResponseGroupTopic,
} from '@millrace/protocol';
import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts';
import type { CommittedOffset } from '../coordinator/group/offset-table.ts';
import type { ApiHandler } from './api-handler.ts';
import type { TopicLookup } from './group-topics.ts';

/** First version that asks for several groups. */
const GROUPS_FROM = 8;
/** First version that names topics by id. */
const TOPIC_IDS_FROM = 10;
/** First version with an error code for the whole answer; below it stands at every partition. */
const TOP_LEVEL_ERROR_FROM = 2;

interface Rooms {
  readonly groups: GroupCoordinator;
  readonly image: TopicLookup;
}

type Topics = readonly OffsetFetchRequestGroupTopic[] | null;

/** OffsetFetch: what a group has committed; -1 where it has not (T70). */
export function offsetFetchHandler(
  rooms: Rooms,
): ApiHandler<OffsetFetchRequest, OffsetFetchResponse> {
  return {
    key: 9,
    name: 'OffsetFetch',
    minVersion: 1,
    maxVersion: 10,
    decode: decodeOffsetFetchRequest,
    encode: encodeOffsetFetchResponse,
    handle(request, { apiVersion }) {
      const byId = apiVersion >= TOPIC_IDS_FROM;
      if (apiVersion >= GROUPS_FROM) {
        const groups = request.groups.map(({ groupId, topics }) =>
          fetchGroup(rooms, groupId, topics, byId),
        );
        return { throttleTimeMs: 0, topics: [], errorCode: ErrorCode.NONE, groups };
      }
      const topics = request.topics?.map((topic) => ({ ...topic, topicId: ZERO_UUID })) ?? null;
      const group = fetchGroup(rooms, request.groupId, topics, false);
      const isTopLevel = apiVersion >= TOP_LEVEL_ERROR_FROM;
      return {
        throttleTimeMs: 0,
        topics:
          isTopLevel || group.errorCode === ErrorCode.NONE
            ? group.topics
            : failedTopics(topics ?? [], group.errorCode ?? ErrorCode.NONE),
        errorCode: group.errorCode ?? ErrorCode.NONE,
        groups: [],
      };
    },
  };
}

function fetchGroup(
  rooms: Rooms,
  groupId: string,
  topics: Topics,
  byId: boolean,
): OffsetFetchResponseGroup {
  const errorCode = rooms.groups.readinessOf(groupId);
  if (errorCode !== ErrorCode.NONE) return { groupId, topics: [], errorCode };
  const offsets = rooms.groups.find(groupId)?.offsets;
  if (topics === null) {
    return { groupId, topics: everything(rooms, groupId, byId), errorCode };
  }
  const answers = topics.map((topic) => {
    const known = byId ? rooms.image.topicById(topic.topicId) : undefined;
    const name = byId ? (known?.name ?? '') : topic.name;
    const topicError = byId && known === undefined ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.NONE;
    return {
      name,
      topicId: topic.topicId,
      partitions: topic.partitionIndexes.map((partition) =>
        answer(partition, offsets?.get(name, partition) ?? null, topicError),
      ),
    };
  });
  return { groupId, topics: answers, errorCode };
}

function everything(rooms: Rooms, groupId: string, byId: boolean): OffsetFetchResponseGroupTopic[] {
  const group = rooms.groups.find(groupId);
  if (group === undefined) return [];
  const byTopic = new Map<string, ReturnType<typeof answer>[]>();
  for (const { topic, partition, committed } of group.offsets.rows()) {
    const rows = byTopic.get(topic) ?? [];
    rows.push(answer(partition, committed, ErrorCode.NONE));
    byTopic.set(topic, rows);
  }
  const topics: OffsetFetchResponseGroupTopic[] = [];
  for (const [name, partitions] of byTopic) {
    const topicId = rooms.image.topic(name)?.id;
    // An answer by id has no way to speak of a topic that is gone.
    if (byId && topicId === undefined) continue;
    topics.push({ name, topicId: topicId ?? ZERO_UUID, partitions });
  }
  return topics;
}

function answer(partitionIndex: number, committed: CommittedOffset | null, errorCode: number) {
  return {
    partitionIndex,
    committedOffset: committed?.offset ?? -1,
    committedLeaderEpoch: committed?.leaderEpoch ?? -1,
    metadata: committed?.metadata ?? '',
    errorCode,
  };
}

function failedTopics(topics: NonNullable<Topics>, errorCode: number) {
  return topics.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((partition) => answer(partition, null, errorCode)),
  }));
}
