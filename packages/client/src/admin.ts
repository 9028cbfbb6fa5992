import { ZERO_UUID } from '@millrace/bytes';
import {
  createPartitionsApi,
  createTopicsApi,
  type DescribeConfigsResponseConfig,
  type DescribeGroupsResponseGroup,
  deleteGroupsApi,
  deleteRecordsApi,
  deleteTopicsApi,
  describeConfigsApi,
  describeGroupsApi,
  incrementalAlterConfigsApi,
  type ListGroupsResponseGroup,
  listGroupsApi,
} from '@millrace/protocol';
import type { BrokerConnection } from '@millrace/wire';
import { retrying } from './backoff.ts';
import { ClientStateError, throwIfError } from './client-error.ts';
import { type ClientOptions, resolveClientOptions } from './client-options.ts';
import { Cluster, CoordinatorType } from './cluster.ts';
import {
  type CommittedOffset,
  GroupCoordinatorClient,
  OUTSIDE,
} from './consumer/group-coordinator-client.ts';
import { type EpochEnd, epochEnd, type ListedOffset, listOffset } from './consumer/offsets.ts';
import type { TopicMetadata } from './metadata-cache.ts';

export interface NewTopic {
  readonly name: string;
  /** Default: the broker's `num.partitions`. */
  readonly partitionCount?: number;
  /** Default: the broker's `default.replication.factor`. */
  readonly replicationFactor?: number;
  /** Broker ids of each partition's replicas, the preferred leader first, instead of the two counts above. */
  readonly replicas?: readonly (readonly number[])[];
  readonly configs?: Readonly<Record<string, string>>;
}

/** Kinds of resources that have configs (Kafka protocol, "resource type"). */
export const ConfigResource = { topic: 2, broker: 4 } as const;

/** What to do with one config: a value sets it, null goes back to the default. */
export type ConfigChanges = Readonly<Record<string, string | null>>;

const SET = 0;
const DELETE = 1;

/** Administration of a cluster. Every call throws KafkaError when the broker refuses it. */
export class Admin {
  readonly #cluster: Cluster;

  constructor(options: ClientOptions) {
    this.#cluster = new Cluster(resolveClientOptions(options));
  }

  /** Brokers, controller and cluster id as of now. */
  async describeCluster() {
    await this.#cluster.refresh([]);
    const { clusterId, controllerId } = this.#cluster.metadata;
    return { clusterId, controllerId, brokerIds: this.#cluster.brokerIds };
  }

  /** Every topic the principal may see. */
  async listTopics(): Promise<TopicMetadata[]> {
    await this.#cluster.refresh(null);
    return this.#cluster.metadata.all();
  }

  /** @throws KafkaError UNKNOWN_TOPIC_OR_PARTITION after retries. */
  describeTopics(names: readonly string[]): Promise<TopicMetadata[]> {
    for (const name of names) this.#cluster.metadata.invalidate(name);
    return this.#cluster.topics(names);
  }

  /** The topics as they are now; those that cannot be had keep their error code. */
  async lookUpTopics(names: readonly string[]): Promise<TopicMetadata[]> {
    await this.#cluster.refresh(names);
    return names
      .map((name) => this.#cluster.metadata.get(name))
      .filter((topic) => topic !== undefined);
  }

  createTopics(topics: readonly NewTopic[]): Promise<void> {
    return this.#onController(async (connection) => {
      const response = await connection.request(createTopicsApi, {
        timeoutMs: this.#timeoutMs,
        topics: topics.map((topic) => ({
          name: topic.name,
          numPartitions: topic.partitionCount ?? -1,
          replicationFactor: topic.replicationFactor ?? -1,
          assignments: (topic.replicas ?? []).map((brokerIds, partitionIndex) => ({
            partitionIndex,
            brokerIds,
          })),
          configs: Object.entries(topic.configs ?? {}).map(([name, value]) => ({ name, value })),
        })),
      });
      for (const { name, errorCode, errorMessage } of response.topics) {
        throwIfError(errorCode, `CreateTopics of ${name}`, errorMessage);
      }
    });
  }

  deleteTopics(names: readonly string[]): Promise<void> {
    return this.#onController(async (connection) => {
      const byIdToo = connection.versionOf(deleteTopicsApi) >= 6;
      const response = await connection.request(deleteTopicsApi, {
        timeoutMs: this.#timeoutMs,
        topicNames: byIdToo ? [] : names,
        topics: byIdToo ? names.map((name) => ({ name, topicId: ZERO_UUID })) : [],
      });
      for (const { name, errorCode, errorMessage } of response.responses) {
        throwIfError(errorCode, `DeleteTopics of ${name}`, errorMessage);
        if (name !== null) this.#cluster.metadata.invalidate(name);
      }
    });
  }

  /** Raises the number of partitions to `total`. */
  createPartitions(topic: string, total: number): Promise<void> {
    return this.#onController(async (connection) => {
      const response = await connection.request(createPartitionsApi, {
        timeoutMs: this.#timeoutMs,
        validateOnly: false,
        topics: [{ name: topic, count: total, assignments: null }],
      });
      for (const { errorCode, errorMessage } of response.results) {
        throwIfError(errorCode, `CreatePartitions of ${topic}`, errorMessage);
      }
      this.#cluster.metadata.invalidate(topic);
    });
  }

  /** Configs of a topic or broker, by name. */
  async describeConfigs(
    resourceType: number,
    resourceName: string,
  ): Promise<Map<string, DescribeConfigsResponseConfig>> {
    const connection = await this.#forResource(resourceType, resourceName);
    const response = await connection.request(describeConfigsApi, {
      resources: [{ resourceType, resourceName, configurationKeys: null }],
    });
    const [result] = response.results;
    throwIfError(result?.errorCode ?? -1, `configs of ${resourceName}`, result?.errorMessage);
    return new Map(result?.configs.map((config) => [config.name, config]));
  }

  async alterConfigs(
    resourceType: number,
    resourceName: string,
    changes: ConfigChanges,
  ): Promise<void> {
    const connection = await this.#forResource(resourceType, resourceName);
    const configs = Object.entries(changes).map(([name, value]) => ({
      name,
      configOperation: value === null ? DELETE : SET,
      value,
    }));
    const response = await connection.request(incrementalAlterConfigsApi, {
      resources: [{ resourceType, resourceName, configs }],
      validateOnly: false,
    });
    const [result] = response.responses;
    throwIfError(result?.errorCode ?? -1, `configs of ${resourceName}`, result?.errorMessage);
  }

  /** First offset at or after a time, or an `OffsetSpec`; `latest` under read_committed is the last stable offset. */
  listOffset(
    topic: string,
    partition: number,
    timestampMs: number,
    readCommitted = false,
  ): Promise<ListedOffset> {
    return listOffset(this.#cluster, topic, partition, timestampMs, readCommitted);
  }

  /** Where a leader epoch ends. */
  epochEnd(topic: string, partition: number, leaderEpoch: number): Promise<EpochEnd> {
    return epochEnd(this.#cluster, topic, partition, leaderEpoch);
  }

  /** Committed positions of a group, as far as there are any. */
  async groupOffsets(
    groupId: string,
    topic: string,
    partitions: readonly number[],
  ): Promise<Map<number, CommittedOffset>> {
    const client = new GroupCoordinatorClient(this.#cluster, groupId);
    const found = await client.committed(new Map([[topic, partitions]]));
    return found.get(topic) ?? new Map();
  }

  /**
   * Commits positions for a group from outside of it. Returns the wire error of each partition, 0 for none: a group
   * that has members answers UNKNOWN_MEMBER_ID, on every partition.
   */
  commitGroupOffsets(
    groupId: string,
    topic: string,
    offsets: ReadonlyMap<number, CommittedOffset>,
  ): Promise<Map<number, number>> {
    const client = new GroupCoordinatorClient(this.#cluster, groupId);
    return client.commitEach(OUTSIDE, topic, offsets);
  }

  /** Removes records below `offset` (-1: all). Returns the new log start offset. */
  async deleteRecords(topic: string, partition: number, offset: number): Promise<number> {
    await this.#cluster.topics([topic]);
    const leader = this.#cluster.metadata.leaderOf(topic, partition);
    if (leader === undefined) throw new ClientStateError(`${topic}-${partition} has no leader`);
    const connection = await this.#cluster.connect(leader, 'admin');
    const response = await connection.request(deleteRecordsApi, {
      timeoutMs: this.#timeoutMs,
      topics: [{ name: topic, partitions: [{ partitionIndex: partition, offset }] }],
    });
    const answer = response.topics[0]?.partitions[0];
    throwIfError(answer?.errorCode ?? -1, `DeleteRecords of ${topic}-${partition}`);
    return answer?.lowWatermark ?? -1;
  }

  /** Groups of every broker. */
  async listGroups(): Promise<ListGroupsResponseGroup[]> {
    await this.#cluster.refresh([]);
    const groups: ListGroupsResponseGroup[] = [];
    for (const brokerId of this.#cluster.brokerIds) {
      const connection = await this.#cluster.connect(brokerId, 'admin');
      const response = await connection.request(listGroupsApi, {
        statesFilter: [],
        typesFilter: [],
      });
      throwIfError(response.errorCode, `ListGroups of broker ${brokerId}`);
      groups.push(...response.groups);
    }
    return groups;
  }

  describeGroup(groupId: string): Promise<DescribeGroupsResponseGroup> {
    return this.#onCoordinator(groupId, async (connection) => {
      const response = await connection.request(describeGroupsApi, {
        groups: [groupId],
        includeAuthorizedOperations: false,
      });
      const [group] = response.groups;
      throwIfError(group?.errorCode ?? -1, `DescribeGroups of ${groupId}`, group?.errorMessage);
      return group as DescribeGroupsResponseGroup;
    });
  }

  deleteGroup(groupId: string): Promise<void> {
    return this.#onCoordinator(groupId, async (connection) => {
      const response = await connection.request(deleteGroupsApi, { groupsNames: [groupId] });
      throwIfError(response.results[0]?.errorCode ?? -1, `DeleteGroups of ${groupId}`);
    });
  }

  close(): void {
    this.#cluster.close();
  }

  get #timeoutMs(): number {
    return this.#cluster.options.requestTimeoutMs;
  }

  #onController<T>(work: (connection: BrokerConnection) => Promise<T>): Promise<T> {
    return retrying(this.#cluster.options, this.#timeoutMs, async () => {
      await this.#cluster.refresh([]);
      const { controllerId } = this.#cluster.metadata;
      return work(
        controllerId < 0
          ? await this.#cluster.connectAny()
          : await this.#cluster.connect(controllerId, 'admin'),
      );
    });
  }

  #onCoordinator<T>(
    groupId: string,
    work: (connection: BrokerConnection) => Promise<T>,
  ): Promise<T> {
    return retrying(this.#cluster.options, this.#timeoutMs, async () => {
      const brokerId = await this.#cluster.findCoordinator(groupId, CoordinatorType.group);
      return work(await this.#cluster.connect(brokerId, 'admin'));
    });
  }

  /** A broker's own configs are known to itself alone. */
  async #forResource(resourceType: number, resourceName: string): Promise<BrokerConnection> {
    await this.#cluster.refresh([]);
    const own = resourceType === ConfigResource.broker && resourceName !== '';
    return own ? this.#cluster.connect(Number(resourceName), 'admin') : this.#cluster.connectAny();
  }
}
