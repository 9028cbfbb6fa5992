import { ErrorCode } from '@millrace/protocol';
import type { PartitionTable } from '../replica/partition-table.ts';

/** Why `partitions.get` has no such partition. */
export function missingPartitionError(
  { offline }: PartitionTable,
  topic: string,
  index: number,
): number {
  return offline.has(topic, index)
    ? ErrorCode.KAFKA_STORAGE_ERROR
    : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
}

/** Why `partitions.getById` has no such partition. */
export function missingPartitionErrorById(
  partitions: PartitionTable,
  topicId: string,
  index: number,
): number {
  if (partitions.offline.hasId(topicId, index)) return ErrorCode.KAFKA_STORAGE_ERROR;
  return partitions.ofTopicId(topicId) === undefined
    ? ErrorCode.UNKNOWN_TOPIC_ID
    : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
}
