import { ZERO_UUID } from '@millrace/bytes';
import {
  alterConfigsApi,
  type CreateTopicsRequestTopic,
  createPartitionsApi,
  createTopicsApi,
  deleteTopicsApi,
  describeConfigsApi,
  describeTopicPartitionsApi,
  incrementalAlterConfigsApi,
  metadataApi,
} from '@millrace/protocol';
import { eventually } from '@millrace/testing';
import type { Connection } from '../group-answers/connection.ts';

export const TOPIC_RESOURCE = 2;
export const BROKER_RESOURCE = 4;

const TIMEOUT_MS = 10_000;
const SETTLED_MS_MAX = 60_000;

/** Asks one broker; what is answered is written down in a form that can be compared. */
export class Interview {
  readonly connection: Connection;
  readonly lines: string[] = [];
  #settled = 0;
  /** Of this run alone, so that a broker may be asked again. */
  readonly prefix = `admin-${process.pid}-${Date.now()}`;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** A topic name of this run. */
  name(suffix: string): string {
    return `${this.prefix}${suffix}`;
  }

  /**
   * Kafka's brokers learn of a change a moment after it was answered, of all changes in order: once one more topic is
   * seen, so is whatever was changed before.
   */
  async settle(): Promise<void> {
    const name = this.name(`-settled-${this.#settled++}`);
    await this.connection.call(createTopicsApi, 7, {
      topics: [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
      timeoutMs: TIMEOUT_MS,
      validateOnly: false,
    });
    await eventually('the change is seen', SETTLED_MS_MAX, async () => {
      const { topics } = await this.connection.call(metadataApi, 9, {
        topics: [{ name, topicId: ZERO_UUID }],
        allowAutoTopicCreation: false,
        includeClusterAuthorizedOperations: false,
        includeTopicAuthorizedOperations: false,
      });
      return topics[0]?.errorCode === 0 && topics[0].partitions[0]?.errorCode === 0;
    });
  }

  /** Writes an answer down under a name. */
  say(what: string, answer: unknown): void {
    const text = JSON.stringify(answer).replaceAll(this.prefix, '');
    this.lines.push(`${what}: ${text.replaceAll(this.prefix.replaceAll('-', '.'), '')}`);
  }

  async create(
    what: string,
    topics: readonly Partial<CreateTopicsRequestTopic>[],
    version = 7,
    validateOnly = false,
  ): Promise<void> {
    const answer = await this.connection.call(createTopicsApi, version, {
      topics: topics.map((topic) => ({
        name: this.name(''),
        numPartitions: 1,
        replicationFactor: 1,
        assignments: [],
        configs: [],
        ...topic,
      })),
      timeoutMs: TIMEOUT_MS,
      validateOnly,
    });
    this.say(
      `create v${version} ${what}`,
      answer.topics
        .map(({ name, errorCode, numPartitions, replicationFactor }) => [
          name,
          errorCode,
          numPartitions,
          replicationFactor,
        ])
        .sort(),
    );
  }

  async delete(what: string, names: readonly string[], version = 5): Promise<void> {
    const answer = await this.connection.call(deleteTopicsApi, version, {
      topics: version < 6 ? [] : names.map((name) => ({ name, topicId: ZERO_UUID })),
      topicNames: version < 6 ? names : [],
      timeoutMs: TIMEOUT_MS,
    });
    const rows = answer.responses.map(({ name, errorCode }) => [name, errorCode]);
    this.say(`delete v${version} ${what}`, rows.sort());
  }

  async addPartitions(
    what: string,
    name: string,
    count: number,
    assignments: readonly { readonly brokerIds: readonly number[] }[] | null = null,
  ): Promise<void> {
    const answer = await this.connection.call(createPartitionsApi, 3, {
      topics: [{ name, count, assignments }],
      timeoutMs: TIMEOUT_MS,
      validateOnly: false,
    });
    this.say(
      `add partitions ${what}`,
      answer.results.map(({ errorCode }) => errorCode),
    );
  }

  async metadata(
    what: string,
    version: number,
    topics: readonly { readonly name: string | null; readonly topicId?: string }[],
  ): Promise<void> {
    const answer = await this.connection.call(metadataApi, version, {
      topics: topics.map(({ name, topicId = ZERO_UUID }) => ({ name, topicId })),
      allowAutoTopicCreation: version < 4,
      includeClusterAuthorizedOperations: version >= 8 && version <= 10,
      includeTopicAuthorizedOperations: version >= 8,
    });
    const rows = answer.topics.map((topic) => [
      topic.name,
      topic.errorCode,
      topic.isInternal,
      topic.topicAuthorizedOperations,
      topic.partitions.map(({ errorCode, leaderId, replicaNodes, isrNodes, offlineReplicas }) => [
        errorCode,
        leaderId,
        replicaNodes,
        isrNodes,
        offlineReplicas,
      ]),
    ]);
    const { brokers, clusterAuthorizedOperations, errorCode } = answer;
    const nodes = brokers.map(({ nodeId, rack }) => [nodeId, rack]);
    const heading = `metadata v${version} ${what}`;
    this.say(heading, [nodes, clusterAuthorizedOperations, errorCode, rows.sort()]);
  }

  async page(
    what: string,
    names: readonly string[],
    limit: number,
    cursor: { readonly topicName: string; readonly partitionIndex: number } | null = null,
  ): Promise<void> {
    const answer = await this.connection.call(describeTopicPartitionsApi, 0, {
      topics: names.map((name) => ({ name })),
      responsePartitionLimit: limit,
      cursor,
    });
    const rows = answer.topics.map((topic) => [
      topic.name,
      topic.errorCode,
      topic.partitions.map(({ partitionIndex, errorCode }) => [partitionIndex, errorCode]),
    ]);
    this.say(`describe topics ${what}`, [rows, answer.nextCursor]);
  }

  async describeConfigs(
    what: string,
    resourceType: number,
    resourceName: string,
    names: readonly string[] | null,
    version = 4,
  ): Promise<void> {
    const answer = await this.connection.call(describeConfigsApi, version, {
      resources: [{ resourceType, resourceName, configurationKeys: names }],
      includeSynonyms: version >= 1,
      includeDocumentation: false,
    });
    const rows = answer.results.map(({ errorCode, configs }) => [
      errorCode,
      configs
        .map((entry) => [
          entry.name,
          entry.value,
          entry.readOnly,
          entry.configSource,
          entry.isSensitive,
          entry.configType,
        ])
        .sort(),
    ]);
    this.say(`describe configs v${version} ${what}`, rows);
  }

  async edit(
    what: string,
    resourceType: number,
    resourceName: string,
    edits: readonly (readonly [string, number, string | null])[],
    validateOnly = false,
  ): Promise<void> {
    const answer = await this.connection.call(incrementalAlterConfigsApi, 1, {
      resources: [
        {
          resourceType,
          resourceName,
          configs: edits.map(([name, configOperation, value]) => ({
            name,
            configOperation,
            value,
          })),
        },
      ],
      validateOnly,
    });
    this.say(
      `edit configs ${what}`,
      answer.responses.map(({ errorCode }) => errorCode),
    );
  }

  async alter(
    what: string,
    resourceType: number,
    resourceName: string,
    settings: readonly (readonly [string, string | null])[],
  ): Promise<void> {
    const answer = await this.connection.call(alterConfigsApi, 2, {
      resources: [
        {
          resourceType,
          resourceName,
          configs: settings.map(([name, value]) => ({ name, value })),
        },
      ],
      validateOnly: false,
    });
    this.say(
      `alter configs ${what}`,
      answer.responses.map(({ errorCode }) => errorCode),
    );
  }
}
