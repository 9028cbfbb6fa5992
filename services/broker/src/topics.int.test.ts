import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ZERO_UUID } from '@millrace/bytes';
import {
  createPartitionsApi,
  createTopicsApi,
  deleteTopicsApi,
  ErrorCode,
  metadataApi,
} from '@millrace/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BrokerUnderTest, engineBodies } from './testing/broker-under-test.ts';
import type { RawClient } from './testing/raw-client.ts';

const NOT_ASKED_FOR = -2147483648;

interface NewTopicInput {
  readonly name: string;
  readonly numPartitions?: number;
  readonly replicationFactor?: number;
  readonly assignments?: readonly { partitionIndex: number; brokerIds: number[] }[];
  readonly configs?: readonly { name: string; value: string | null }[];
}

function create(
  client: RawClient,
  topics: readonly NewTopicInput[],
  version = 7,
  validateOnly = false,
) {
  return client.call(createTopicsApi, version, {
    topics: topics.map((topic) => ({
      numPartitions: 1,
      replicationFactor: 1,
      assignments: [],
      configs: [],
      ...topic,
    })),
    timeoutMs: 10_000,
    validateOnly,
  });
}

function metadata(
  client: RawClient,
  topics: readonly { name: string | null; topicId?: string }[] | null,
  version = 12,
  allowAutoTopicCreation = true,
) {
  return client.call(metadataApi, version, {
    topics: topics?.map(({ name, topicId = ZERO_UUID }) => ({ name, topicId })) ?? null,
    allowAutoTopicCreation,
    includeClusterAuthorizedOperations: false,
    includeTopicAuthorizedOperations: false,
  });
}

describe.each(engineBodies)('topics on the $name engine', ({ make }) => {
  let under: BrokerUnderTest;
  let client: RawClient;
  let folder: string;
  let engine: ReturnType<typeof make>;

  async function start(...overrides: string[]): Promise<void> {
    under = await BrokerUnderTest.start(engine, [`log.dirs=${folder}/data`, ...overrides]);
    client = await under.client();
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-topics-'));
    engine = make();
    await start();
  });

  afterEach(async () => {
    await under.close();
    await rm(folder, { recursive: true, force: true });
    expect(under.logLines.filter((line) => line.includes('ERROR'))).toEqual([]);
  });

  it('creates topics in every version and tells of them in every version', async () => {
    for (let version = 2; version <= 7; version++) {
      const { topics } = await create(client, [{ name: `v${version}`, numPartitions: 2 }], version);
      expect(topics).toMatchObject([{ name: `v${version}`, errorCode: 0, errorMessage: null }]);
      if (version >= 5) expect(topics[0]).toMatchObject({ numPartitions: 2, replicationFactor: 1 });
      if (version >= 7) expect(topics[0]?.topicId).not.toBe(ZERO_UUID);
    }
    for (let version = 0; version <= 13; version++) {
      // Version 0 asks for all with an empty list.
      const all = await metadata(client, version === 0 ? [] : null, version);
      expect(all.topics.map((topic) => topic.name)).toEqual(['v2', 'v3', 'v4', 'v5', 'v6', 'v7']);
      expect(all.brokers).toMatchObject([
        { nodeId: 1, host: '127.0.0.1', port: under.broker.port },
      ]);
      const [first] = all.topics;
      expect(first?.partitions.map((partition) => partition.partitionIndex)).toEqual([0, 1]);
      expect(first?.partitions[0]).toMatchObject({
        errorCode: 0,
        leaderId: 1,
        replicaNodes: [1],
        isrNodes: [1],
      });
      if (version >= 1) expect(all.controllerId).toBe(1);
      if (version >= 2) expect(all.clusterId).toBe(under.broker.clusterId);
      if (version >= 10) expect(first?.topicId).not.toBe(ZERO_UUID);
      expect(first?.topicAuthorizedOperations).toBe(NOT_ASKED_FOR);
    }
  });

  it.each<[string, NewTopicInput, number, string]>([
    [
      'a taken name',
      { name: 'taken' },
      ErrorCode.TOPIC_ALREADY_EXISTS,
      "Topic 'taken' already exists.",
    ],
    [
      'an empty name',
      { name: '' },
      ErrorCode.INVALID_TOPIC_EXCEPTION,
      'Topic name is invalid: the empty string is not allowed',
    ],
    [
      'a dot',
      { name: '.' },
      ErrorCode.INVALID_TOPIC_EXCEPTION,
      "Topic name is invalid: '.' is not allowed",
    ],
    [
      'a slash',
      { name: '../x' },
      ErrorCode.INVALID_TOPIC_EXCEPTION,
      "contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
    ],
    [
      '250 characters',
      { name: 'x'.repeat(250) },
      ErrorCode.INVALID_TOPIC_EXCEPTION,
      'is longer than the max allowed length 249',
    ],
    [
      'a collision',
      { name: 'ta.ken' },
      ErrorCode.INVALID_TOPIC_EXCEPTION,
      "Topic 'ta.ken' collides with existing topic: ta_ken",
    ],
    [
      'no partitions',
      { name: 'n', numPartitions: 0 },
      ErrorCode.INVALID_PARTITIONS,
      'Number of partitions was set to an invalid non-positive value.',
    ],
    [
      'two replicas',
      { name: 'n', replicationFactor: 2 },
      ErrorCode.INVALID_REPLICATION_FACTOR,
      'Replication factor: 2 larger than available brokers: 1.',
    ],
    [
      'no replicas',
      { name: 'n', replicationFactor: 0 },
      ErrorCode.INVALID_REPLICATION_FACTOR,
      'Replication factor must be larger than 0, or -1 to use the default value.',
    ],
    [
      'an unknown config',
      { name: 'n', configs: [{ name: 'foo', value: '1' }] },
      ErrorCode.INVALID_CONFIG,
      'Unknown topic config name: foo',
    ],
    [
      'a bad value',
      { name: 'n', configs: [{ name: 'retention.ms', value: 'x' }] },
      ErrorCode.INVALID_CONFIG,
      'Invalid value x for configuration retention.ms: Not a number of type LONG',
    ],
    [
      'a null value',
      { name: 'n', configs: [{ name: 'retention.ms', value: null }] },
      ErrorCode.INVALID_CONFIG,
      'Null value not supported for topic configs: retention.ms',
    ],
    [
      'an unknown broker',
      {
        name: 'n',
        numPartitions: -1,
        replicationFactor: -1,
        assignments: [{ partitionIndex: 0, brokerIds: [7] }],
      },
      ErrorCode.INVALID_REPLICA_ASSIGNMENT,
      'includes broker 7, but no such broker is registered',
    ],
    [
      'counts beside assignments',
      { name: 'n', assignments: [{ partitionIndex: 0, brokerIds: [1] }] },
      ErrorCode.INVALID_REQUEST,
      'Both cannot be used at the same time.',
    ],
    [
      'more partitions than the cap',
      { name: 'n', numPartitions: 20_001 },
      ErrorCode.POLICY_VIOLATION,
      '20001 more partitions would exceed millrace.max.partitions',
    ],
  ])('refuses %s', async (_what, topic, code, message) => {
    await create(client, [{ name: 'taken' }, { name: 'ta_ken' }]);
    const { topics } = await create(client, [topic]);
    expect(topics[0]?.errorCode).toBe(code);
    expect(topics[0]?.errorMessage).toContain(message);
    const all = await metadata(client, null);
    expect(all.topics.map(({ name }) => name).sort()).toEqual(['ta_ken', 'taken']);
  });

  it('refuses a name that stands twice, and does the others', async () => {
    const { topics } = await create(client, [{ name: 'a' }, { name: 'b' }, { name: 'a' }]);
    const codes = new Map(topics.map((topic) => [topic.name, topic.errorCode]));
    expect(codes).toEqual(
      new Map([
        ['a', ErrorCode.INVALID_REQUEST],
        ['b', ErrorCode.NONE],
      ]),
    );
  });

  it('only checks when asked to', async () => {
    const { topics } = await create(client, [{ name: 'a', numPartitions: 3 }], 7, true);
    expect(topics).toMatchObject([{ errorCode: 0, numPartitions: 3, topicId: ZERO_UUID }]);
    expect((await metadata(client, null)).topics).toEqual([]);
  });

  it('takes broker defaults for -1 and replicas placed by hand', async () => {
    const { topics } = await create(client, [
      { name: 'a', numPartitions: -1, replicationFactor: -1 },
      {
        name: 'b',
        numPartitions: -1,
        replicationFactor: -1,
        assignments: [
          { partitionIndex: 1, brokerIds: [1] },
          { partitionIndex: 0, brokerIds: [1] },
        ],
      },
    ]);
    expect(topics.map(({ name, numPartitions }) => [name, numPartitions])).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
  });

  it('creates a topic that Metadata asks for, and says so only the second time', async () => {
    const first = await metadata(client, [{ name: 'auto' }, { name: 'no/name' }], 4);
    expect(first.topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['auto', ErrorCode.LEADER_NOT_AVAILABLE],
      ['no/name', ErrorCode.INVALID_TOPIC_EXCEPTION],
    ]);
    const second = await metadata(client, [{ name: 'auto' }], 4);
    expect(second.topics[0]).toMatchObject({ errorCode: 0, partitions: [{ leaderId: 1 }] });
    const without = await metadata(client, [{ name: 'other' }], 4, false);
    expect(without.topics[0]?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  });

  it('does not create topics when auto.create.topics.enable is false', async () => {
    await under.close();
    await start('auto.create.topics.enable=false');
    const { topics } = await metadata(client, [{ name: 'auto' }], 1);
    expect(topics[0]?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  });

  it('finds topics by id from version 12 on', async () => {
    const id = await under.createTopic('t');
    const { topics } = await metadata(client, [
      { name: null, topicId: id },
      { name: null, topicId: 'AAAAAAAAAAAAAAAAAAAABw' },
    ]);
    expect(topics).toMatchObject([
      { name: 't', topicId: id, errorCode: 0 },
      { name: null, topicId: 'AAAAAAAAAAAAAAAAAAAABw', errorCode: ErrorCode.UNKNOWN_TOPIC_ID },
    ]);
    const older = await metadata(client, [{ name: 't', topicId: id }], 11);
    expect(older.topics[0]?.errorCode).toBe(ErrorCode.INVALID_REQUEST);
  });

  it('deletes by name and by id, and lets the name be used again', async () => {
    const first = await under.createTopic('t', { partitions: 3 });
    const second = await under.createTopic('u');
    for (let version = 1; version <= 5; version++) {
      const answer = await client.call(deleteTopicsApi, version, {
        topics: [],
        topicNames: ['nobody'],
        timeoutMs: 1000,
      });
      expect(answer.responses[0]?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    }
    const { responses } = await client.call(deleteTopicsApi, 6, {
      topics: [
        { name: 't', topicId: ZERO_UUID },
        { name: null, topicId: second },
        { name: null, topicId: 'AAAAAAAAAAAAAAAAAAAABw' },
        { name: null, topicId: ZERO_UUID },
      ],
      topicNames: [],
      timeoutMs: 1000,
    });
    expect(responses.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['t', ErrorCode.NONE],
      ['u', ErrorCode.NONE],
      [null, ErrorCode.UNKNOWN_TOPIC_ID],
      [null, ErrorCode.INVALID_REQUEST],
    ]);
    expect((await metadata(client, null)).topics).toEqual([]);
    expect(await under.createTopic('t')).not.toBe(first);
  });

  it('does not delete when delete.topic.enable is false', async () => {
    await under.createTopic('t');
    await under.close();
    await start('delete.topic.enable=false');
    const codes = [];
    for (const version of [1, 3]) {
      const answer = await client.call(deleteTopicsApi, version, {
        topics: [],
        topicNames: ['t'],
        timeoutMs: 1000,
      });
      codes.push(answer.responses[0]?.errorCode);
    }
    expect(codes).toEqual([ErrorCode.INVALID_REQUEST, ErrorCode.TOPIC_DELETION_DISABLED]);
  });

  it('adds partitions', async () => {
    await under.createTopic('t', { partitions: 2 });
    const ask = async (version: number, name: string, count: number, validateOnly = false) => {
      const topics = [{ name, count, assignments: null }];
      const request = { topics, timeoutMs: 1000, validateOnly };
      const { results } = await client.call(createPartitionsApi, version, request);
      return [results[0]?.errorCode, results[0]?.errorMessage];
    };
    expect(await ask(0, 't', 2)).toEqual([
      ErrorCode.INVALID_PARTITIONS,
      'Topic already has 2 partition(s).',
    ]);
    expect(await ask(1, 't', 1)).toEqual([
      ErrorCode.INVALID_PARTITIONS,
      'The topic t currently has 2 partition(s); 1 would not be an increase.',
    ]);
    expect((await ask(2, 'u', 1))[0]).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    expect(await ask(3, 't', 5, true)).toEqual([0, null]);
    expect((await metadata(client, null)).topics[0]?.partitions).toHaveLength(2);
    expect(await ask(3, 't', 5)).toEqual([0, null]);
    const { topics } = await metadata(client, null);
    expect(topics[0]?.partitions.map(({ leaderId }) => leaderId)).toEqual([1, 1, 1, 1, 1]);
  });

  it('keeps names, ids, partitions and the cluster across a restart', async () => {
    const id = await under.createTopic('kept', { partitions: 4 });
    await under.createTopic('gone');
    await client.call(deleteTopicsApi, 5, { topics: [], topicNames: ['gone'], timeoutMs: 1000 });
    const { clusterId } = under.broker;
    await under.close();
    await start();
    expect(under.broker.clusterId).toBe(clusterId);
    const { topics } = await metadata(client, null);
    expect(topics).toMatchObject([{ name: 'kept', topicId: id }]);
    expect(topics[0]?.partitions).toHaveLength(4);
  });
});
