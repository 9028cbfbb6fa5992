import { ConfigError } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { BrokerConfig } from '../config/broker-config.ts';
import {
  ConfigEditError,
  type ConfigSetting,
  checkTopicOverrides,
  replacedOverrides,
} from '../config/config-edits.ts';
import { collide, type MetadataImage } from './metadata-image.ts';
import { done, type Outcome, refused } from './refusal.ts';
import { topicNameProblem } from './topic-name.ts';

/** A partition and the brokers that shall hold it, when the caller places replicas by hand. */
export interface ReplicaAssignment {
  readonly partitionIndex: number;
  readonly brokerIds: readonly number[];
}

export interface NewTopic {
  readonly name: string;
  /** -1 = `num.partitions`, or what `assignments` say. */
  readonly partitionCount: number;
  /** -1 = `default.replication.factor`, or what `assignments` say. */
  readonly replicationFactor: number;
  readonly assignments: readonly ReplicaAssignment[];
  readonly configs: readonly ConfigSetting[];
}

/** A new topic with everything decided but its id. */
export interface TopicPlan {
  readonly name: string;
  readonly partitionCount: number;
  readonly overrides: ReadonlyMap<string, string>;
}

/** What there is already, and what is on its way. */
export interface PlanView {
  readonly image: MetadataImage;
  readonly config: BrokerConfig;
  /** Names of topics being made or deleted at this moment. */
  readonly comingTopics: Iterable<string>;
  readonly comingPartitionCount: number;
  /** Partitions of all topics together. */
  readonly partitionCap: number;
}

/** Decides what a new topic will be, or why it may not be. Changes nothing. */
export function planTopic(topic: NewTopic, view: PlanView): Outcome<TopicPlan> {
  const { image, config } = view;
  const problem = topicNameProblem(topic.name);
  if (problem !== null) return refused(ErrorCode.INVALID_TOPIC_EXCEPTION, problem);
  if (image.topic(topic.name) !== undefined) {
    return refused(ErrorCode.TOPIC_ALREADY_EXISTS, `Topic '${topic.name}' already exists.`);
  }
  const collision = image.collidingTopic(topic.name) ?? comingCollision(topic.name, view);
  if (collision !== undefined) {
    return refused(
      ErrorCode.INVALID_TOPIC_EXCEPTION,
      `Topic '${topic.name}' collides with existing topic: ${collision}`,
    );
  }
  const count = partitionCountOf(topic, image, config);
  if (count.refusal !== null) return count;
  const capped = checkPartitionCap(count.value, view);
  if (capped !== null) return capped;
  try {
    const overrides = replacedOverrides(topic.configs);
    checkTopicOverrides(overrides);
    return done({ name: topic.name, partitionCount: count.value, overrides });
  } catch (error) {
    return refusedConfig(error);
  }
}

/** A value the tables refuse is INVALID_CONFIG, an edit that makes no sense INVALID_REQUEST; the rest are bugs. */
export function refusedConfig(error: unknown): Outcome<never> {
  if (error instanceof ConfigEditError) return refused(ErrorCode.INVALID_REQUEST, error.message);
  if (error instanceof ConfigError) return refused(ErrorCode.INVALID_CONFIG, error.message);
  throw error;
}

/** Refuses partitions beyond the cap, so that no client can fill the disk with directories. */
export function checkPartitionCap(
  newPartitionCount: number,
  { image, partitionCap, comingPartitionCount }: PlanView,
): Outcome<never> | null {
  const total = image.partitionCount + comingPartitionCount + newPartitionCount;
  if (total <= partitionCap) return null;
  return refused(
    ErrorCode.POLICY_VIOLATION,
    `${newPartitionCount} more partitions would exceed millrace.max.partitions (${partitionCap}).`,
  );
}

function comingCollision(name: string, { comingTopics }: PlanView): string | undefined {
  for (const coming of comingTopics) if (collide(coming, name)) return coming;
  return undefined;
}

function partitionCountOf(
  topic: NewTopic,
  image: MetadataImage,
  config: BrokerConfig,
): Outcome<number> {
  if (topic.assignments.length > 0) return assignedCount(topic, image.brokerId);
  const count = topic.partitionCount === -1 ? config.numPartitions : topic.partitionCount;
  if (count <= 0) {
    return refused(
      ErrorCode.INVALID_PARTITIONS,
      'Number of partitions was set to an invalid non-positive value.',
    );
  }
  // An embedded default above what one broker can hold would make every plain request fail.
  const replicas = topic.replicationFactor === -1 ? 1 : topic.replicationFactor;
  if (replicas <= 0) {
    return refused(
      ErrorCode.INVALID_REPLICATION_FACTOR,
      'Replication factor must be larger than 0, or -1 to use the default value.',
    );
  }
  if (replicas > 1) {
    return refused(
      ErrorCode.INVALID_REPLICATION_FACTOR,
      `Replication factor: ${replicas} larger than available brokers: 1.`,
    );
  }
  return done(count);
}

function assignedCount(topic: NewTopic, brokerId: number): Outcome<number> {
  if (topic.partitionCount !== -1 || topic.replicationFactor !== -1) {
    return refused(
      ErrorCode.INVALID_REQUEST,
      'Both numPartitions or replicationFactor and replicasAssignments were set. Both cannot be used at the same time.',
    );
  }
  const indexes = new Set(topic.assignments.map((assignment) => assignment.partitionIndex));
  for (let index = 0; index < topic.assignments.length; index++) {
    if (!indexes.has(index)) {
      return refused(
        ErrorCode.INVALID_REPLICA_ASSIGNMENT,
        'partitions should be a consecutive 0-based integer sequence',
      );
    }
  }
  const problem = assignmentProblem(topic.assignments, brokerId);
  if (problem !== null) return refused(ErrorCode.INVALID_REPLICA_ASSIGNMENT, problem);
  return done(topic.assignments.length);
}

/** One broker holds every partition once. */
export function assignmentProblem(
  assignments: readonly { readonly brokerIds: readonly number[] }[],
  brokerId: number,
): string | null {
  for (const { brokerIds } of assignments) {
    if (brokerIds.length === 0)
      return 'The manual partition assignment includes an empty replica list.';
    if (new Set(brokerIds).size !== brokerIds.length) {
      return `The manual partition assignment includes the broker ${brokerIds[0]} more than once.`;
    }
    const unknown = brokerIds.find((id) => id !== brokerId);
    if (unknown !== undefined) {
      return `The manual partition assignment includes broker ${unknown}, but no such broker is registered.`;
    }
  }
  return null;
}
