import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ZERO_UUID } from '@millrace/bytes';
import { openNativeEngine } from '@millrace/engine';
import {
  createTopicsApi,
  deleteTopicsApi,
  describeLogDirsApi,
  ErrorCode,
  metadataApi,
} from '@millrace/protocol';
import { type TempFolder, tempFolder } from '@millrace/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BrokerUnderTest } from './testing/broker-under-test.ts';
import { batchOf, fetch, produce, type RawClient } from './testing/raw-client.ts';

const FAILED = ErrorCode.KAFKA_STORAGE_ERROR;

/** Two log dirs; a file in the place of one is a disk that cannot be used. */
describe('a log dir that cannot be used at start', () => {
  let folder: TempFolder;
  let under: BrokerUnderTest;
  let client: RawClient;

  const dir = (name: string) => join(folder.path, name);
  const start = async () => {
    const dirs = `log.dirs=${dir('a')},${dir('b')}`;
    under = await BrokerUnderTest.start(openNativeEngine, [dirs]);
    client = await under.client();
  };
  const breakDir = (name: string) => {
    renameSync(dir(name), dir(`${name}.away`));
    writeFileSync(dir(name), 'no directory');
  };
  const mendDir = (name: string) => {
    rmSync(dir(name));
    renameSync(dir(`${name}.away`), dir(name));
  };
  const leaders = async () => {
    const { topics } = await client.call(metadataApi, 12, {
      topics: [{ name: 't', topicId: ZERO_UUID }],
      allowAutoTopicCreation: false,
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
    });
    return topics[0]?.partitions.map(({ leaderId }) => leaderId);
  };
  const deleteTopic = async () => {
    const topics = [{ name: 't', topicId: ZERO_UUID }];
    const request = { topics, topicNames: [], timeoutMs: 10_000 };
    return (await client.call(deleteTopicsApi, 6, request)).responses[0]?.errorCode;
  };

  const createTopic = async () => {
    const topic = { name: 't', numPartitions: 2, replicationFactor: 1, assignments: [] };
    const request = { topics: [{ ...topic, configs: [] }], timeoutMs: 10_000, validateOnly: false };
    return (await client.call(createTopicsApi, 7, request)).topics[0]?.errorCode;
  };

  beforeEach(async () => {
    folder = tempFolder('offline-dir');
    mkdirSync(dir('a'));
    await start();
    // One partition lies in each dir.
    await under.createTopic('t', { partitions: 2 });
    for (const index of [0, 1]) await produce(client, 't', batchOf(['kept']), { partition: index });
    await under.close();
  });

  afterEach(async () => {
    await under.close();
    folder.remove();
  });

  it('stays offline with its partitions, the rest is served, and all is back when it is', async () => {
    breakDir('b');
    await start();
    const led = (await leaders()) ?? [];
    expect(led.toSorted()).toEqual([-1, 1]);
    const [lost, sound] = [led.indexOf(-1), led.indexOf(1)];
    expect((await produce(client, 't', batchOf(['x']), { partition: lost })).errorCode).toBe(
      FAILED,
    );
    expect(await produce(client, 't', batchOf(['x']), { partition: sound })).toMatchObject({
      baseOffset: 1,
    });
    const described = await client.call(describeLogDirsApi, 4, { topics: null });
    expect(described.results).toMatchObject([
      { logDir: dir('a'), errorCode: 0, topics: [{ partitions: [{ partitionIndex: sound }] }] },
      { logDir: dir('b'), errorCode: FAILED, topics: [], totalBytes: -1 },
    ]);
    expect(under.logLines.filter((line) => line.includes('stays offline'))).toHaveLength(1);
    // What is new goes to the dir that is there.
    await under.createTopic('new', { partitions: 2 });
    expect(await produce(client, 'new', batchOf(['x']), { partition: 1 })).toMatchObject({
      errorCode: 0,
    });
    await under.close();
    mendDir('b');
    await start();
    expect(await leaders()).toEqual([1, 1]);
    const fetched = await fetch(client, 't', { partition: lost });
    expect(fetched.responses[0]?.partitions[0]).toMatchObject({ errorCode: 0, highWatermark: 1 });
  });

  it('keeps what is deleted meanwhile from coming back with it', async () => {
    breakDir('b');
    await start();
    expect(await deleteTopic()).toBe(FAILED);
    expect(await leaders()).toEqual([]);
    expect(await createTopic()).toBe(FAILED);
    await under.close();
    await start();
    expect(await createTopic()).toBe(FAILED);
    await under.close();
    mendDir('b');
    await start();
    expect(await leaders()).toEqual([]);
    await under.createTopic('t', { partitions: 2 });
    expect(await produce(client, 't', batchOf(['x']))).toMatchObject({ baseOffset: 0 });
  });

  it('refuses the start when it is the one with the metadata, or when there is no other', async () => {
    breakDir('a');
    await expect(start()).rejects.toThrow(dir('a'));
    breakDir('b');
    await expect(start()).rejects.toThrow(dir('a'));
    mendDir('a');
    mendDir('b');
    await start();
    expect(await leaders()).toEqual([1, 1]);
  });
});
