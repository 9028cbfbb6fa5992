import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ZERO_UUID } from '@millrace/bytes';
import { openNativeEngine } from '@millrace/engine';
import {
  deleteRecordsApi,
  deleteTopicsApi,
  ErrorCode,
  listOffsetsApi,
  metadataApi,
  produceApi,
} from '@millrace/protocol';
import { type TempFolder, tempFolder } from '@millrace/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BrokerUnderTest } from './testing/broker-under-test.ts';
import { batchOf, fetch, produce, produceOf, type RawClient } from './testing/raw-client.ts';

const MARK = '.kafka_cleanshutdown';
/** Of a batch header. */
const MAGIC_AT = 16;

/** A log whose flushed part is damaged. */
describe('a partition whose log cannot be opened', () => {
  let folder: TempFolder;
  let under: BrokerUnderTest;
  let client: RawClient;

  const start = async () => {
    under = await BrokerUnderTest.start(openNativeEngine, [`log.dirs=${folder.path}`]);
    client = await under.client();
  };

  beforeEach(async () => {
    folder = tempFolder('offline');
    await start();
    await under.createTopic('broken', { partitions: 2 });
    await under.createTopic('sound');
    await produce(client, 'broken', batchOf(['lost']));
    await produce(client, 'sound', batchOf(['kept']));
    await under.close();
    const file = join(folder.path, 'broken-0', '00000000000000000000.log');
    const bytes = readFileSync(file);
    bytes[MAGIC_AT] = 9;
    writeFileSync(file, bytes);
    await start();
  });

  afterEach(async () => {
    await under.close();
    folder.remove();
  });

  const deleteTopic = async (name: string) =>
    (
      await client.call(deleteTopicsApi, 6, {
        topics: [{ name, topicId: ZERO_UUID }],
        topicNames: [],
        timeoutMs: 10_000,
      })
    ).responses[0]?.errorCode;

  const describeBroken = async () => {
    const { topics } = await client.call(metadataApi, 12, {
      topics: [{ name: 'broken', topicId: ZERO_UUID }],
      allowAutoTopicCreation: false,
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
    });
    return topics[0];
  };

  it('answers KAFKA_STORAGE_ERROR and has no leader, while all others are served', async () => {
    const broken = ErrorCode.KAFKA_STORAGE_ERROR;
    expect((await produce(client, 'broken', batchOf(['x']))).errorCode).toBe(broken);
    const fetched = await fetch(client, 'broken');
    expect(fetched.responses[0]?.partitions[0]?.errorCode).toBe(broken);
    const listed = await client.call(listOffsetsApi, 7, {
      replicaId: -1,
      isolationLevel: 0,
      timeoutMs: 0,
      topics: [{ name: 'broken', partitions: [0, 1].map(latestOf) }],
    });
    expect(listed.topics[0]?.partitions.map(({ errorCode }) => errorCode)).toEqual([broken, 0]);
    const deleted = await client.call(deleteRecordsApi, 2, {
      topics: [{ name: 'broken', partitions: [{ partitionIndex: 0, offset: -1 }] }],
      timeoutMs: 1000,
    });
    expect(deleted.topics[0]?.partitions[0]?.errorCode).toBe(broken);
    expect((await describeBroken())?.partitions).toMatchObject([
      { errorCode: ErrorCode.LEADER_NOT_AVAILABLE, leaderId: -1, offlineReplicas: [1] },
      { errorCode: 0, leaderId: 1, offlineReplicas: [] },
    ]);
    const sound = await fetch(client, 'sound');
    expect(sound.responses[0]?.partitions[0]).toMatchObject({ errorCode: 0, highWatermark: 1 });
    expect((await produce(client, 'sound', batchOf(['more']))).baseOffset).toBe(1);
    const lines = under.logLines.filter((line) => line.includes('offline'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/broken.*00000000000000000000\.log is damaged at byte 0/);
  });

  it('is refused by its id as well', async () => {
    const topicId = (await describeBroken())?.topicId ?? '';
    const request = produceOf('broken', 0, batchOf(['x']), -1);
    const byId = request.topicData.map((topic) => ({ ...topic, topicId }));
    const answer = await client.call(produceApi, 13, { ...request, topicData: byId });
    expect(answer.responses[0]?.partitionResponses[0]?.errorCode).toBe(
      ErrorCode.KAFKA_STORAGE_ERROR,
    );
  });

  it('is not said to have been recovered by the start that could not open it', async () => {
    await under.close();
    expect(existsSync(join(folder.path, MARK))).toBe(true);
    rmSync(join(folder.path, MARK));
    await start();
    await under.close();
    expect(existsSync(join(folder.path, MARK))).toBe(false);
    await start();
    expect((await produce(client, 'broken', batchOf(['x']))).errorCode).toBe(
      ErrorCode.KAFKA_STORAGE_ERROR,
    );
  });

  it('can be deleted, and made anew', async () => {
    expect(await deleteTopic('broken')).toBe(0);
    expect((await produce(client, 'broken', batchOf(['x']))).errorCode).toBe(
      ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    );
    await under.createTopic('broken', { partitions: 2 });
    expect(await produce(client, 'broken', batchOf(['x']))).toMatchObject({
      errorCode: 0,
      baseOffset: 0,
    });
    await under.close();
    await start();
    expect(under.logLines).toEqual([]);
  });
});

const latestOf = (partitionIndex: number) => ({ partitionIndex, timestamp: -1 });
