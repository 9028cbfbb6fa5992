import { ErrorCode } from '@millrace/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { FakeDataDir } from '../testing/fake-data-dir.ts';
import type { NewTopic } from './new-topic.ts';
import { METADATA_FILE } from './store/local.ts';
import type { TopicChange, Topics } from './topic-store.ts';

const newTopic = (name: string, partitionCount = 1): NewTopic => ({
  name,
  partitionCount,
  replicationFactor: 1,
  assignments: [],
  configs: [],
});

const summary = (topics: Topics) =>
  [...topics.image.topics()].map(({ name, id, partitionCount }) => ({ name, id, partitionCount }));

let disk: FakeDataDir;

beforeEach(() => {
  disk = new FakeDataDir();
});

describe('Topics', () => {
  it('writes the record before the directories, and a tombstone before deleting them', async () => {
    const { topics } = await disk.load();
    disk.steps.length = 0;
    await topics.createTopic(newTopic('t', 2));
    await topics.deleteTopic('t');
    const write = `write ${METADATA_FILE}`;
    expect(disk.steps).toEqual([
      write,
      'create t-0',
      'create t-1',
      write,
      'remove t-0',
      'remove t-1',
      write,
    ]);
  });

  it('tells its listeners once a change is durable', async () => {
    const { topics } = await disk.load();
    const seen: string[] = [];
    const stop = topics.onChange(({ kind, topic }: TopicChange) =>
      seen.push(`${kind} ${topic.name} ${topic.partitionCount}`),
    );
    await topics.createTopic(newTopic('t'));
    await topics.addPartitions('t', 3);
    await topics.alterTopicConfig('t', () => new Map([['retention.ms', '7']]));
    expect(topics.image.topic('t')?.config.retentionMs).toBe(7);
    await topics.deleteTopic('t');
    stop();
    await topics.createTopic(newTopic('u'));
    expect(seen).toEqual([
      'created t 1',
      'partitions-added t 3',
      'reconfigured t 3',
      'deleted t 3',
    ]);
  });

  it('creates a topic once when many ask for it at the same time', async () => {
    const { topics } = await disk.load();
    const outcomes = await Promise.all([
      topics.autoCreate('t'),
      topics.autoCreate('t'),
      topics.createTopic(newTopic('t')),
      topics.ensureInternalTopic('__consumer_offsets'),
      topics.ensureInternalTopic('__consumer_offsets'),
    ]);
    expect(outcomes.map(({ refusal }) => refusal?.errorCode ?? 0)).toEqual([
      0,
      0,
      ErrorCode.TOPIC_ALREADY_EXISTS,
      0,
      0,
    ]);
    expect(topics.image.topicCount).toBe(2);
    expect(topics.image.topic('__consumer_offsets')).toMatchObject({
      partitionCount: 50,
      internal: true,
      config: { cleanupPolicy: { compact: true, delete: false }, segmentBytes: 104_857_600 },
    });
  });

  it('counts creations under way against the cap and against collisions', async () => {
    const { topics } = await disk.load(['millrace.max.partitions=5']);
    const outcomes = await Promise.all([
      topics.createTopic(newTopic('a.b', 3)),
      topics.createTopic(newTopic('c', 3)),
      topics.createTopic(newTopic('a_b', 1)),
    ]);
    expect(outcomes.map(({ refusal }) => refusal?.errorCode ?? 0)).toEqual([
      0,
      ErrorCode.POLICY_VIOLATION,
      ErrorCode.INVALID_TOPIC_EXCEPTION,
    ]);
    expect((await topics.createTopic(newTopic('d', 2))).refusal).toBeNull();
  });

  it('does not touch internal topics', async () => {
    const { topics } = await disk.load();
    await topics.ensureInternalTopic('__consumer_offsets');
    const deleted = await topics.deleteTopic('__consumer_offsets');
    const grown = await topics.addPartitions('__consumer_offsets', 60);
    expect(deleted.refusal?.errorCode).toBe(ErrorCode.INVALID_TOPIC_EXCEPTION);
    expect(grown.refusal?.errorCode).toBe(ErrorCode.INVALID_PARTITIONS);
  });

  it('gives topics the broker’s new settings at once', async () => {
    const { topics, records, dynamicConfig } = await disk.load();
    await topics.createTopic(newTopic('t'));
    await records.alterBrokerConfig(
      dynamicConfig,
      'cluster',
      () => new Map([['log.retention.ms', '9']]),
    );
    expect(topics.image.topic('t')?.config.retentionMs).toBe(9);
  });

  it('leaves nothing behind when the disk is full', async () => {
    const { topics } = await disk.load();
    await topics.createTopic(newTopic('kept'));
    const before = disk.files.get(METADATA_FILE);
    disk.fault = (step) => {
      if (step === 'write') throw new Error('no space');
    };
    const created = await topics.createTopic(newTopic('t'));
    const changed = await topics.alterTopicConfig('kept', () => new Map([['retention.ms', '1']]));
    const deleted = await topics.deleteTopic('kept');
    for (const { refusal } of [created, changed, deleted]) {
      expect(refusal?.errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
    }
    expect(summary(topics).map(({ name }) => name)).toEqual(['kept']);
    expect(topics.image.topic('kept')?.config.retentionMs).toBe(604_800_000);
    expect(disk.files.get(METADATA_FILE)).toBe(before);
    // Space returns.
    disk.fault = () => {};
    expect((await topics.createTopic(newTopic('t'))).refusal).toBeNull();
    const again = await disk.load();
    expect(summary(again.topics)).toEqual(summary(topics));
    expect(again.topics.image.topic('kept')?.config.retentionMs).toBe(604_800_000);
  });

  it('takes back a topic whose directories cannot be made', async () => {
    const { topics } = await disk.load();
    disk.fault = (step, what) => {
      if (step === 'create' && what === 't-2') throw new Error('no inodes');
    };
    const { refusal } = await topics.createTopic(newTopic('t', 4));
    expect(refusal?.errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
    expect(disk.names).toEqual([]);
    expect(summary((await disk.load()).topics)).toEqual([]);
  });
});

describe('a log dir that is offline', () => {
  beforeEach(async () => {
    await (await disk.load()).topics.createTopic(newTopic('t', 2));
    disk.directories.delete('t-1');
    disk.offlinePaths = ['/b'];
  });

  it('keeps the name of a topic that cannot be deleted whole', async () => {
    const { topics } = await disk.load();
    const codes = async (of: Topics) => [
      of.plan(newTopic('t')).refusal?.errorCode,
      (await of.createTopic(newTopic('t', 2))).refusal?.errorCode,
      (await of.autoCreate('t')).refusal?.errorCode,
    ];
    const failed = ErrorCode.KAFKA_STORAGE_ERROR;
    expect((await topics.deleteTopic('t')).refusal?.errorCode).toBe(failed);
    expect(await codes(topics)).toEqual([failed, failed, failed]);
    expect(await codes((await disk.load()).topics)).toEqual([failed, failed, failed]);
    expect(disk.names).toEqual([]);
    // The dir is back, with what lay in it.
    disk.offlinePaths = [];
    disk.directories.set('t-1', null);
    const mended = await disk.load();
    expect(disk.names).toEqual([]);
    expect((await mended.topics.createTopic(newTopic('t'))).refusal).toBeNull();
  });

  it('keeps no name of a topic that could not be made', async () => {
    const { topics } = await disk.load();
    disk.fault = (step, what) => {
      if (step === 'create' && what === 'new-1') throw new Error('no inodes');
    };
    const { refusal } = await topics.createTopic(newTopic('new', 40));
    expect(refusal?.errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
    expect(disk.names).toEqual(['t-0']);
    disk.fault = () => {};
    expect((await topics.createTopic(newTopic('new', 40))).refusal).toBeNull();
  });
});

describe('a crash at any step', () => {
  /** Runs `work` until the disk dies at its `dieAt`-th step, then starts anew. */
  async function crashAndRestart(dieAt: number, work: (topics: Topics) => Promise<unknown>) {
    const { topics } = await disk.load();
    await topics.createTopic(newTopic('t', 2));
    let left = dieAt;
    disk.fault = () => {
      if (left-- <= 0) throw new Error('dead');
    };
    await work(topics);
    const isDone = left >= 0;
    disk.fault = () => {};
    return { isDone, restarted: (await disk.load()).topics };
  }

  it.each([0, 1, 2, 3, 4, 5])(
    'of a creation (step %i) leaves it whole or absent',
    async (dieAt) => {
      const { isDone, restarted } = await crashAndRestart(dieAt, (topics) =>
        topics.createTopic(newTopic('new', 3)),
      );
      const topic = restarted.image.topic('new');
      if (isDone) expect(topic).toBeDefined();
      const expected = topic === undefined ? [] : ['new-0', 'new-1', 'new-2'];
      expect(disk.names).toEqual([...expected, 't-0', 't-1']);
      for (const name of expected) expect(disk.directories.get(name)).toBe(topic?.id);
    },
  );

  it.each([0, 1, 2, 3, 4])('of a deletion (step %i) leaves it whole or absent', async (dieAt) => {
    const { isDone, restarted } = await crashAndRestart(dieAt, (topics) => topics.deleteTopic('t'));
    const topic = restarted.image.topic('t');
    if (isDone || dieAt > 0) expect(topic).toBeUndefined();
    expect(disk.names).toEqual(topic === undefined ? [] : ['t-0', 't-1']);
    // The name is free again either way, or still taken.
    const { refusal } = await restarted.createTopic(newTopic('t'));
    expect(refusal === null).toBe(topic === undefined);
  });

  it.each([0, 1, 2, 3])('of a growth (step %i) leaves the old or the new count', async (dieAt) => {
    const { restarted } = await crashAndRestart(dieAt, (topics) => topics.addPartitions('t', 4));
    const count = restarted.image.topic('t')?.partitionCount ?? 0;
    expect([2, 4]).toContain(count);
    expect(disk.names).toHaveLength(count);
  });
});
