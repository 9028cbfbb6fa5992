import { ErrorCode } from '@millrace/protocol';
import type { TopicImage } from '../controller/metadata-image.ts';
import { topicNameProblem } from '../controller/topic-name.ts';
import type { PartitionTable } from '../replica/partition-table.ts';

/** One partition as Metadata and DescribeTopicPartitions tell of it. */
export interface PartitionDescription {
  readonly errorCode: number;
  readonly partitionIndex: number;
  readonly leaderId: number;
  readonly leaderEpoch: number;
  readonly replicaNodes: readonly number[];
  readonly isrNodes: readonly number[];
  readonly offlineReplicas: readonly number[];
}

const NO_LEADER = -1;

/** The one broker holds every partition; one whose log is not open has no leader. */
export function describePartition(
  topic: TopicImage,
  index: number,
  brokerId: number,
  partitions: Pick<PartitionTable, 'get'>,
): PartitionDescription {
  const partition = partitions.get(topic.name, index);
  const replicas = [brokerId];
  if (partition === undefined) {
    return {
      errorCode: ErrorCode.LEADER_NOT_AVAILABLE,
      partitionIndex: index,
      leaderId: NO_LEADER,
      leaderEpoch: -1,
      replicaNodes: replicas,
      isrNodes: replicas,
      offlineReplicas: replicas,
    };
  }
  return {
    errorCode: ErrorCode.NONE,
    partitionIndex: index,
    leaderId: brokerId,
    leaderEpoch: partition.leaderEpoch,
    replicaNodes: replicas,
    isrNodes: replicas,
    offlineReplicas: [],
  };
}

/** Why there is no such topic: because no topic can have that name, or because there is none. */
export function missingTopicError(name: string): number {
  return topicNameProblem(name) === null
    ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    : ErrorCode.INVALID_TOPIC_EXCEPTION;
}
