import {
  describeClusterApi,
  describeLogDirsApi,
  describeTopicPartitionsApi,
  ErrorCode,
  listPartitionReassignmentsApi,
} from '@millrace/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BrokerUnderTest, engineBodies } from './testing/broker-under-test.ts';
import type { RawClient } from './testing/raw-client.ts';

describe.each(engineBodies)('descriptions on the $name engine', ({ make }) => {
  let under: BrokerUnderTest;
  let client: RawClient;

  beforeEach(async () => {
    under = await BrokerUnderTest.start(make());
    client = await under.client();
  });

  afterEach(async () => {
    await under.close();
    expect(under.logLines.filter((line) => line.includes('ERROR'))).toEqual([]);
  });

  it('pages through partitions with a cursor', async () => {
    await under.createTopic('b', { partitions: 3 });
    await under.createTopic('a', { partitions: 4 });
    const seen: string[] = [];
    let cursor: { topicName: string; partitionIndex: number } | null = null;
    let pages = 0;
    do {
      const page: Awaited<ReturnType<typeof describeAll>> = await describeAll(cursor);
      for (const topic of page.topics) {
        for (const { partitionIndex } of topic.partitions)
          seen.push(`${topic.name}${partitionIndex}`);
      }
      cursor = page.nextCursor;
      pages++;
    } while (cursor !== null);
    expect(seen).toEqual(['a0', 'a1', 'a2', 'a3', 'b0', 'b1', 'b2']);
    expect(pages).toBe(4);
    const named = await client.call(describeTopicPartitionsApi, 0, {
      topics: [{ name: 'nobody' }, { name: 'b' }],
      responsePartitionLimit: 2000,
      cursor: null,
    });
    expect(named.topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['b', ErrorCode.NONE],
      ['nobody', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
    ]);

    function describeAll(from: typeof cursor) {
      return client.call(describeTopicPartitionsApi, 0, {
        topics: [],
        responsePartitionLimit: 2,
        cursor: from,
      });
    }
  });

  it('describes the cluster, its log dirs and what moves in it', async () => {
    await under.createTopic('t', { partitions: 2 });
    for (let version = 0; version <= 2; version++) {
      const cluster = await client.call(describeClusterApi, version, {
        includeClusterAuthorizedOperations: true,
        includeFencedBrokers: false,
      });
      expect(cluster).toMatchObject({
        errorCode: 0,
        clusterId: under.broker.clusterId,
        controllerId: 1,
        brokers: [{ brokerId: 1, host: '127.0.0.1', port: under.broker.port }],
        clusterAuthorizedOperations: 8096,
      });
    }
    const controllers = await client.call(describeClusterApi, 1, {
      includeClusterAuthorizedOperations: false,
      endpointType: 2,
      includeFencedBrokers: false,
    });
    expect(controllers.errorCode).toBe(ErrorCode.MISMATCHED_ENDPOINT_TYPE);
    for (let version = 0; version <= 5; version++) {
      const dirs = await client.call(describeLogDirsApi, version, { topics: null });
      expect(dirs.results).toMatchObject([
        { errorCode: 0, logDir: under.broker.logDirs[0], topics: [{ name: 't' }] },
      ]);
      expect(dirs.results[0]?.topics[0]?.partitions).toHaveLength(2);
    }
    const some = await client.call(describeLogDirsApi, 4, {
      topics: [{ topic: 't', partitions: [1, 7] }],
    });
    expect(some.results[0]?.topics).toMatchObject([{ partitions: [{ partitionIndex: 1 }] }]);
    const moving = await client.call(listPartitionReassignmentsApi, 0, { topics: null });
    expect(moving).toMatchObject({ errorCode: 0, topics: [] });
  });
});
