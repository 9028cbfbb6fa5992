import { ErrorCode } from '@millrace/protocol';
import type { TopicImage } from './metadata-image.ts';
import { assignmentProblem, checkPartitionCap, type PlanView } from './new-topic.ts';
import { type Outcome, refused } from './refusal.ts';

/** Where added partitions shall stand, in order; a name per replica. */
export type ExtraAssignments = readonly { readonly brokerIds: readonly number[] }[];

/** Why a topic cannot grow to `newTotal` partitions; null when it can. */
export function growthProblem(
  topic: TopicImage,
  newTotal: number,
  assignments: ExtraAssignments | null,
  view: PlanView,
): Outcome<never> | null {
  const { partitionCount } = topic;
  if (topic.internal) {
    return refused(
      ErrorCode.INVALID_PARTITIONS,
      `Topic ${topic.name} is kept by the broker itself; its keys would move to other partitions.`,
    );
  }
  if (newTotal < partitionCount) {
    return refused(
      ErrorCode.INVALID_PARTITIONS,
      `The topic ${topic.name} currently has ${partitionCount} partition(s); ${newTotal} would not be an increase.`,
    );
  }
  if (newTotal === partitionCount) {
    return refused(
      ErrorCode.INVALID_PARTITIONS,
      `Topic already has ${partitionCount} partition(s).`,
    );
  }
  if (assignments !== null) {
    const added = newTotal - partitionCount;
    if (assignments.length !== added) {
      return refused(
        ErrorCode.INVALID_REPLICA_ASSIGNMENT,
        `Increasing the number of partitions by ${added} but ${assignments.length} assignments provided.`,
      );
    }
    const problem = assignmentProblem(assignments, view.image.brokerId);
    if (problem !== null) return refused(ErrorCode.INVALID_REPLICA_ASSIGNMENT, problem);
  }
  return checkPartitionCap(newTotal - partitionCount, view);
}
