import type { Clock } from '@millrace/base';
import { ErrorCode, type MetadataResponse } from '@millrace/protocol';

export interface PartitionMetadata {
  readonly index: number;
  readonly errorCode: number;
  /** Broker id, -1 for none. */
  readonly leaderId: number;
  /** -1 when the broker does not tell. */
  readonly leaderEpoch: number;
  readonly replicaNodes: readonly number[];
  readonly isrNodes: readonly number[];
}

export interface TopicMetadata {
  readonly name: string;
  /** Kafka's 22-character form; all zero when the broker does not tell. */
  readonly topicId: string;
  readonly errorCode: number;
  readonly isInternal: boolean;
  /** Ascending by index. */
  readonly partitions: readonly PartitionMetadata[];
}

/** Topics this client asked about. Bounded by what it asks for: brokers cannot add others. */
export class MetadataCache {
  clusterId: string | null = null;
  controllerId = -1;
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #topics = new Map<string, { readonly topic: TopicMetadata; readonly readAt: number }>();

  constructor(clock: Clock, maxAgeMs: number) {
    this.#clock = clock;
    this.#maxAgeMs = maxAgeMs;
  }

  get(name: string): TopicMetadata | undefined {
    return this.#topics.get(name)?.topic;
  }

  /** The topic when it was read without error and not too long ago. */
  fresh(name: string): TopicMetadata | undefined {
    const entry = this.#topics.get(name);
    if (entry === undefined || entry.topic.errorCode !== ErrorCode.NONE) return undefined;
    if (this.#clock.monotonicMs() - entry.readAt > this.#maxAgeMs) return undefined;
    return entry.topic;
  }

  /** Id of the leader, or undefined when it is not known. */
  leaderOf(topic: string, partition: number): number | undefined {
    const leader = this.get(topic)?.partitions[partition]?.leaderId ?? -1;
    return leader < 0 ? undefined : leader;
  }

  all(): TopicMetadata[] {
    return [...this.#topics.values()].map((entry) => entry.topic);
  }

  /** Makes the next look-up ask the cluster. */
  invalidate(topic: string): void {
    this.#topics.delete(topic);
  }

  update(response: MetadataResponse, replaceAll: boolean): void {
    if (replaceAll) this.#topics.clear();
    this.clusterId = response.clusterId ?? this.clusterId;
    this.controllerId = response.controllerId ?? this.controllerId;
    const readAt = this.#clock.monotonicMs();
    for (const topic of response.topics) {
      if (topic.name === null) continue;
      const partitions = topic.partitions
        .map((partition) => ({
          index: partition.partitionIndex,
          errorCode: partition.errorCode,
          leaderId: partition.leaderId,
          leaderEpoch: partition.leaderEpoch ?? -1,
          replicaNodes: partition.replicaNodes,
          isrNodes: partition.isrNodes,
        }))
        .sort((a, b) => a.index - b.index);
      this.#topics.set(topic.name, {
        topic: {
          name: topic.name,
          topicId: topic.topicId ?? '',
          errorCode: topic.errorCode,
          isInternal: topic.isInternal ?? false,
          partitions,
        },
        readAt,
      });
    }
  }
}
