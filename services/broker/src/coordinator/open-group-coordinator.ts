import type { Clock, Logger, Prng } from '@millrace/base';
import type { Codec } from '@millrace/records';
import type { BrokerConfig } from '../config/broker-config.ts';
import type { PartitionTable } from '../replica/partition-table.ts';
import type { Tick } from '../replica/tick.ts';
import { CoordinatorLog } from './coordinator-log.ts';
import { GroupCoordinator } from './group/group-coordinator.ts';
import { randomMemberUuid } from './group/member-id.ts';
import { PartitionLoader } from './partition-loader.ts';

const TOPIC_NAME = '__consumer_offsets';

/** What is needed of `controller/topic-store.ts`. */
export interface GroupTopics {
  readonly image: {
    topic(name: string):
      | {
          readonly partitionCount: number;
          readonly config: { readonly maxMessageBytes: number };
        }
      | undefined;
  };
  ensureInternalTopic(
    name: string,
  ): Promise<{ readonly refusal: { readonly message: string } | null }>;
  onChange(
    listener: (change: {
      readonly kind: string;
      readonly topic: { readonly name: string };
    }) => void,
  ): () => void;
}

export interface GroupRooms {
  readonly topics: GroupTopics;
  readonly partitions: Pick<PartitionTable, 'get'>;
  readonly config: BrokerConfig;
  readonly clock: Clock;
  readonly tick: Pick<Tick, 'beforeFlush' | 'schedule'>;
  readonly random: Prng;
  readonly logger: Logger;
  /** Topics whose deletion was finished by this start; none by default. */
  readonly deletedTopics?: readonly string[];
}

export interface OpenedGroups {
  readonly groups: GroupCoordinator;
  /** Creates `__consumer_offsets` when it is not there; rejects when that fails. */
  readonly ensureGroupTopic: () => Promise<void>;
  readonly close: () => void;
}

/** The group coordinator over the broker's own `__consumer_offsets`. It begins to load at once. */
export function openGroupCoordinator(rooms: GroupRooms): OpenedGroups {
  const { topics, partitions, config, clock, logger } = rooms;
  // The place of a group follows from this number, so growth of the topic counts only after a restart.
  let partitionCount: number | null = null;
  const topicPartitionCount = () => {
    partitionCount ??= topics.image.topic(TOPIC_NAME)?.partitionCount ?? null;
    return partitionCount;
  };
  const topic = {
    topicName: TOPIC_NAME,
    topicPartitionCount,
    partition: (index: number) => partitions.get(TOPIC_NAME, index),
  };
  const log = new CoordinatorLog({
    ...topic,
    partitionCountDefault: config.offsetsTopicNumPartitions,
    batchBytesMax: () =>
      topics.image.topic(TOPIC_NAME)?.config.maxMessageBytes ?? Number.MAX_SAFE_INTEGER,
    codec: config.offsetsTopicCompressionCodec as Codec,
    clock,
    logger,
    tick: rooms.tick,
  });
  const loader = new PartitionLoader({
    ...topic,
    bufferBytes: config.offsetsLoadBufferSize,
    logger,
  });
  const groups = new GroupCoordinator({
    clock,
    settings: settingsOf(config),
    log,
    logger,
    loader,
    newUuid: () => randomMemberUuid(rooms.random),
    deletedTopics: rooms.deletedTopics ?? [],
  });
  const stopListening = topics.onChange((change) => {
    if (change.kind !== 'deleted') return;
    if (change.topic.name === TOPIC_NAME) {
      partitionCount = null;
      groups.unload();
    } else groups.topicDeleted(change.topic.name);
  });
  groups.start();
  return {
    groups,
    ensureGroupTopic: once(async () => {
      if (topics.image.topic(TOPIC_NAME) !== undefined) return;
      const { refusal } = await topics.ensureInternalTopic(TOPIC_NAME);
      if (refusal !== null) throw new Error(refusal.message);
    }),
    close() {
      stopListening();
      groups.close();
    },
  };
}

function settingsOf(config: BrokerConfig) {
  return {
    initialRebalanceDelayMs: config.groupInitialRebalanceDelayMs,
    sessionTimeoutMsMin: config.groupMinSessionTimeoutMs,
    sessionTimeoutMsMax: config.groupMaxSessionTimeoutMs,
    memberCountMax: config.groupMaxSize,
    offsetMetadataLengthMax: config.offsetMetadataMaxBytes,
    offsetsRetentionMs: config.offsetsRetentionMinutes * 60_000,
    offsetsRetentionCheckIntervalMs: config.offsetsRetentionCheckIntervalMs,
  };
}

/** Callers that come while the work is under way share it. */
function once(work: () => Promise<void>): () => Promise<void> {
  let underWay: Promise<void> | null = null;
  return () => {
    underWay ??= work().finally(() => {
      underWay = null;
    });
    return underWay;
  };
}
