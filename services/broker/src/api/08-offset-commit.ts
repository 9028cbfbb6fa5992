import {
  decodeOffsetCommitRequest,
  ErrorCode,
  encodeOffsetCommitResponse,
  type OffsetCommitRequest,
  type OffsetCommitResponse,
} from '@millrace/protocol';
import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts';
import type { CommitRow } from '../coordinator/group/offset-store.ts';
import type { ApiHandler } from './api-handler.ts';
import { resolveTopic, type TopicLookup } from './group-topics.ts';

/** First version that names topics by id. */
const TOPIC_IDS_FROM = 10;

/** OffsetCommit: answered when the offsets are durable (T71). */
export function offsetCommitHandler(rooms: {
  readonly groups: GroupCoordinator;
  readonly image: TopicLookup;
}): ApiHandler<OffsetCommitRequest, OffsetCommitResponse> {
  return {
    key: 8,
    name: 'OffsetCommit',
    minVersion: 1,
    maxVersion: 10,
    decode: decodeOffsetCommitRequest,
    encode: encodeOffsetCommitResponse,
    handle(request, { apiVersion }) {
      const rows: CommitRow[] = [];
      /** Per partition in request order: its place in `rows`, or -1 with an error of its own. */
      const places: { readonly row: number; readonly errorCode: number }[] = [];
      for (const topic of request.topics) {
        const found = resolveTopic(rooms.image, topic, apiVersion >= TOPIC_IDS_FROM);
        for (const partition of topic.partitions) {
          const errorCode = found.errorFor(partition.partitionIndex);
          if (errorCode !== ErrorCode.NONE) {
            places.push({ row: -1, errorCode });
            continue;
          }
          places.push({ row: rows.length, errorCode: ErrorCode.NONE });
          rows.push({
            topic: found.name,
            partition: partition.partitionIndex,
            offset: partition.committedOffset,
            leaderEpoch: partition.committedLeaderEpoch ?? -1,
            metadata: partition.committedMetadata,
            committedAtMs: partition.commitTimestamp ?? -1,
          });
        }
      }
      return new Promise((resolve) => {
        rooms.groups.commitOffsets(
          {
            groupId: request.groupId,
            generation: request.generationIdOrMemberEpoch ?? -1,
            memberId: request.memberId,
            instanceId: request.groupInstanceId ?? null,
            retentionMs: request.retentionTimeMs ?? -1,
            rows,
          },
          (errorCodes) => {
            let at = 0;
            const topics = request.topics.map((topic) => ({
              name: topic.name,
              topicId: topic.topicId,
              partitions: topic.partitions.map(({ partitionIndex }) => {
                const place = places[at++] as (typeof places)[number];
                const errorCode =
                  place.row < 0 ? place.errorCode : (errorCodes[place.row] as number);
                return { partitionIndex, errorCode };
              }),
            }));
            resolve({ throttleTimeMs: 0, topics });
          },
        );
      });
    },
  };
}
