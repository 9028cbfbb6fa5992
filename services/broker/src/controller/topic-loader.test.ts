import { EngineError, EngineErrorCode } from '@millrace/engine';
import { beforeEach, describe, expect, it } from 'vitest';
import { PoisonedDirError } from '../log/log-dir.ts';
import { FakeDataDir } from '../testing/fake-data-dir.ts';
import { METADATA_FILE } from './store/local.ts';

const TOPIC_ID = 'NXgIMBUMTsSqfeYWEDXJ4g';
const CLUSTER_ID = 'bWlsbHJhY2UtcGVlcg0wAA';
const bytesOf = (text: string) => new TextEncoder().encode(text);

let disk: FakeDataDir;

beforeEach(() => {
  disk = new FakeDataDir();
});

describe('loadTopics', () => {
  it('gives a fresh directory an identity and keeps it', async () => {
    const first = await disk.load();
    const { clusterId, brokerId } = first.topics.image;
    expect(clusterId).toMatch(/^[\w-]{22}$/);
    expect(brokerId).toBe(1);
    const text = new TextDecoder().decode(disk.files.get('meta.properties'));
    expect(text).toContain(`version=1\ncluster.id=${clusterId}\nnode.id=1\ndirectory.id=`);
    const second = await disk.load();
    expect(second.topics.image.clusterId).toBe(clusterId);
  });

  it('takes over a directory of the ZooKeeper era', async () => {
    disk.files.set(
      'meta.properties',
      bytesOf(`#\n#Thu Jan 01\nbroker.id=7\nversion=0\ncluster.id=${CLUSTER_ID}\n`),
    );
    disk.directories.set('orders-0', null);
    disk.directories.set('orders-2', null);
    disk.directories.set('__consumer_offsets-0', null);
    const { topics } = await disk.load();
    expect(topics.image).toMatchObject({ clusterId: CLUSTER_ID, brokerId: 7 });
    expect(topics.image.topic('orders')).toMatchObject({ partitionCount: 3, internal: false });
    expect(topics.image.topic('__consumer_offsets')).toMatchObject({
      internal: true,
      config: { cleanupPolicy: { compact: true } },
    });
    // The partition that was elsewhere is made, and the id that was made up stays.
    expect(disk.names).toContain('orders-1');
    const again = await disk.load();
    expect(again.topics.image.topic('orders')?.id).toBe(topics.image.topic('orders')?.id);
  });

  it('takes over a KRaft directory with its topic ids, but not KRaft’s own log', async () => {
    disk.files.set(
      'meta.properties',
      bytesOf(
        `node.id=1\ndirectory.id=xJhvzYbCRzaBzq46KAMQxQ\nversion=1\ncluster.id=${CLUSTER_ID}\n`,
      ),
    );
    disk.directories.set('orders-0', TOPIC_ID);
    disk.directories.set('__cluster_metadata-0', 'AAAAAAAAAAAAAAAAAAAAAQ');
    const before = disk.files.get('meta.properties');
    const { topics } = await disk.load();
    expect([...topics.image.topics()].map(({ name, id }) => [name, id])).toEqual([
      ['orders', TOPIC_ID],
    ]);
    expect(disk.files.get('meta.properties')).toBe(before);
  });

  it('believes the directories of a topic when the record has another id', async () => {
    const { topics } = await disk.load();
    await topics.autoCreate('t');
    disk.directories.set('t-0', TOPIC_ID);
    const again = await disk.load();
    expect(again.topics.image.topic('t')?.id).toBe(TOPIC_ID);
  });

  it.each([
    ['nothing', [], []],
    ['a directory of Apache Kafka', ['meta.properties'], ['t-0']],
    ['no identity', [METADATA_FILE], []],
    ['a topic without a record', ['meta.properties', METADATA_FILE], ['t-0']],
  ])(
    'writes nothing down while a log dir is offline and the others hold %s',
    async (_what, files, directories) => {
      const other = new FakeDataDir();
      await other.load();
      for (const name of files) disk.files.set(name, other.files.get(name) as Uint8Array);
      for (const name of directories) disk.directories.set(name, TOPIC_ID);
      disk.offlinePaths = ['/b'];
      await expect(disk.load()).rejects.toThrow('/b cannot be used');
      expect(disk.steps).toEqual([]);
      disk.offlinePaths = [];
      await disk.load();
    },
  );

  it('refuses a directory of another broker', async () => {
    await disk.load(['broker.id=3']);
    await expect(disk.load(['broker.id=4'])).rejects.toThrow(
      "Configured broker.id 4 doesn't match stored broker.id 3 in /data/meta.properties.",
    );
  });

  it.each([
    ['nothing in it', ''],
    ['an unknown version', 'version=9\n'],
    ['no cluster id', 'version=1\nnode.id=1\n'],
  ])('refuses a meta.properties with %s', async (_what, text) => {
    disk.files.set('meta.properties', bytesOf(text));
    await expect(disk.load()).rejects.toThrow('/data/meta.properties');
  });

  it('refuses a damaged metadata file, whatever byte is wrong', async () => {
    const { topics } = await disk.load();
    await topics.autoCreate('t');
    const good = disk.files.get(METADATA_FILE) as Uint8Array;
    for (let at = 0; at < good.length; at += 7) {
      const bad = good.slice();
      bad[at] = (bad[at] as number) ^ 1;
      disk.files.set(METADATA_FILE, bad);
      await expect(disk.load(), `byte ${at}`).rejects.toThrow(/millrace\.metadata/);
    }
    for (const length of [0, 1, good.length - 5, good.length - 60]) {
      disk.files.set(METADATA_FILE, good.slice(0, length));
      await expect(disk.load(), `${length} bytes`).rejects.toThrow(/millrace\.metadata/);
    }
    disk.files.set(METADATA_FILE, good);
    expect((await disk.load()).topics.image.topicCount).toBe(1);
  });

  it('leaves a partition offline that cannot be opened or made, and opens the others', async () => {
    const { topics } = await disk.load();
    await topics.autoCreate('t');
    await topics.addPartitions('t', 3);
    disk.directories.delete('t-1');
    disk.fault = (step, what) => {
      if (step === 'open' && what === 't-0') throw new EngineError(EngineErrorCode.corruptFile, '');
      if (step === 'create') throw new EngineError(EngineErrorCode.noSpace, 'full');
    };
    disk.steps.length = 0;
    const again = await disk.load();
    expect(disk.offline.sort()).toEqual(['t-0', 't-1']);
    expect(disk.steps).toContain('open t-2');
    expect(again.topics.image.topic('t')?.partitionCount).toBe(3);
  });

  it('refuses a dir that fails, with what made it fail', async () => {
    const { topics } = await disk.load();
    await topics.autoCreate('t');
    await topics.addPartitions('t', 3);
    disk.fault = (step, what) => {
      if (step !== 'open') return;
      const code = what === 't-1' ? EngineErrorCode.ioError : EngineErrorCode.poisoned;
      if (what !== 't-0') throw new EngineError(code, what);
    };
    await expect(disk.load()).rejects.toThrow('t-1');
  });

  it('goes on without another dir that fails, and its partitions', async () => {
    const { topics } = await disk.load();
    await topics.autoCreate('t');
    await topics.addPartitions('t', 3);
    for (const name of ['t-0', 't-1']) disk.elsewhere.add(name);
    disk.fault = (step, what) => {
      if (step !== 'open' || !disk.elsewhere.has(what)) return;
      const code = what === 't-0' ? EngineErrorCode.ioError : EngineErrorCode.poisoned;
      throw new EngineError(code, what);
    };
    disk.steps.length = 0;
    await disk.load();
    expect([...disk.failed]).toEqual([1]);
    expect(disk.offline.sort()).toEqual(['t-0', 't-1']);
    expect(disk.steps).toContain('open t-2');
  });

  it('keeps a topic among those to delete when another dir fails', async () => {
    const { topics } = await disk.load();
    await topics.autoCreate('t');
    await topics.addPartitions('t', 3);
    disk.elsewhere.add('t-1');
    disk.fault = (step, what) => {
      if (step === 'remove' && what === 't-1') throw new EngineError(EngineErrorCode.ioError, what);
    };
    await topics.deleteTopic('t');
    const again = await disk.load();
    expect(again.finishedDeletions).toEqual([]);
    expect(disk.names).toEqual(['t-1']);
    expect((await again.topics.autoCreate('t')).refusal).not.toBeNull();
    disk.fault = () => {};
    expect((await disk.load()).finishedDeletions).toEqual(['t']);
    expect(disk.names).toEqual([]);
  });

  it.each([0, 1])(
    'makes nothing in dir %i that is found poisoned, and goes on without another than the first',
    async (dirId) => {
      const { topics } = await disk.load();
      await topics.autoCreate('t');
      await topics.addPartitions('t', 3);
      disk.directories.delete('t-1');
      disk.fault = (step) => {
        if (step === 'create') throw new PoisonedDirError({ dirId, path: '/b' });
      };
      if (dirId === 0) return expect(disk.load()).rejects.toThrow('poisoned');
      await disk.load();
      expect([...disk.failed]).toEqual([1]);
      expect(disk.offline).toEqual(['t-1']);
    },
  );

  it('keeps values that try to be something else as data', async () => {
    const { topics, records } = await disk.load();
    await topics.autoCreate('t');
    const value = 'x"}\n{"topic":"forged","id":"x","partitions":1}';
    // Lists take any text.
    const { refusal } = await topics.alterTopicConfig(
      't',
      () => new Map([['message.format.version', value]]),
    );
    expect(refusal).toBeNull();
    const again = await disk.load();
    expect(again.topics.image.topicCount).toBe(1);
    expect(again.records.topicOverrides('t')?.get('message.format.version')).toBe(value);
    await records.settle();
  });
});
