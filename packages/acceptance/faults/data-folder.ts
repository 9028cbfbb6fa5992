import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { Admin, Consumer, Producer } from '@millrace/client';
import { MillraceProcess, type TempFolder, tempFolder } from '@millrace/testing';
import { readAll } from '../load/verdict.ts';

const TOPIC = 'kept';
const RECORDS = 3_000;
const GROUP = 'kept-group';
const COMMITTED = 1_234;
/** Several segments, so that indexes and snapshots of closed ones are there. */
const OVERRIDES = {
  'num.partitions': '1',
  'log.segment.bytes': '65536',
  'log.index.interval.bytes': '1024',
  'offsets.topic.num.partitions': '1',
};

const decoder = new TextDecoder();

/** Starting is mostly waiting. */
const BROKERS_AT_A_TIME = 3;

type Mutation = (file: string) => void;

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  missing: (file) => rmSync(file),
  empty: (file) => truncateSync(file, 0),
  'cut short': (file) => truncateSync(file, Math.floor(readFileSync(file).length / 2)),
  garbage: (file) => {
    // The same bytes every time, so that a failure comes again.
    const bytes = readFileSync(file).map((_, at) => (at * 167 + 41) & 0xff);
    writeFileSync(file, bytes.length > 0 ? bytes : Buffer.from('garbage'));
  },
};

/** Files of a log dir and of a partition, the latter by their ending. */
const KINDS = [
  'meta.properties',
  'millrace.metadata',
  'recovery-point-offset-checkpoint',
  'replication-offset-checkpoint',
  'log-start-offset-checkpoint',
  'cleaner-offset-checkpoint',
  '.kafka_cleanshutdown',
  '.index',
  '.timeindex',
  '.snapshot',
  'leader-epoch-checkpoint',
  'partition.metadata',
] as const;

/** A stopped broker's data folder with known records and a committed offset. */
async function makeFolder(): Promise<TempFolder> {
  const folder = tempFolder('data-folder');
  const broker = await MillraceProcess.start({ dataFolder: folder.path, overrides: OVERRIDES });
  const { bootstrap: bootstrapServers } = broker;
  try {
    const admin = new Admin({ bootstrapServers });
    // A deleted topic and deleted records leave traces in metadata and checkpoints.
    const configs = { 'retention.ms': '987654321' };
    await admin.createTopics([{ name: TOPIC, partitionCount: 1, replicationFactor: 1, configs }]);
    const producer = new Producer({ bootstrapServers, batchSize: 2_048 });
    const values = Array.from({ length: RECORDS }, (_, index) => `v${index}`.padEnd(100, '.'));
    await Promise.all(values.map((value) => producer.send({ topic: TOPIC, value })));
    await producer.close();
    const consumer = new Consumer({ bootstrapServers, groupId: GROUP, enableAutoCommit: false });
    await consumer.commit(new Map([[TOPIC, new Map([[0, COMMITTED]])]]));
    await consumer.close();
    admin.close();
    await broker.pause();
    return folder;
  } catch (error) {
    await broker.kill();
    folder.remove();
    throw error;
  }
}

/** Everything is there: records at their offsets, the committed offset, the topic's config. */
async function assertKept(broker: MillraceProcess, what: string, keepsConfigs: boolean) {
  const { bootstrap: bootstrapServers } = broker;
  const found = await readAll(bootstrapServers, TOPIC, 1);
  assert.equal(found.length, RECORDS, `${what}: ${found.length} of ${RECORDS} records`);
  const wrong = found.find(({ offset, value }) => value !== `v${offset}`.padEnd(100, '.'));
  assert.equal(wrong, undefined, `${what}: a record is elsewhere`);
  const consumer = new Consumer({ bootstrapServers, groupId: GROUP, enableAutoCommit: false });
  const committed = await consumer.committed([{ topic: TOPIC, partitions: [0] }]);
  await assertIndexed(consumer, what);
  await consumer.close();
  assert.equal(committed.get(TOPIC)?.get(0)?.offset, COMMITTED, `${what}: committed offset`);
  const admin = new Admin({ bootstrapServers });
  const configs = await admin.describeConfigs(2, TOPIC);
  admin.close();
  if (keepsConfigs) assert.equal(configs.get('retention.ms')?.value, '987654321', what);
}

/** Offsets and timestamps anywhere in the log lead to the right place. */
async function assertIndexed(consumer: Consumer, what: string): Promise<void> {
  await consumer.assign([{ topic: TOPIC, partitions: [0] }]);
  for (let offset = 5; offset < RECORDS; offset += 333) {
    consumer.seek(TOPIC, 0, offset);
    const [first] = await consumer.poll(5_000);
    assert.equal(first?.offset, offset, `${what}: asked for offset ${offset}`);
    assert.equal(decoder.decode(first.value ?? undefined), `v${offset}`.padEnd(100, '.'), what);
    const earliest = await consumer.offsetFor(TOPIC, 0, first.timestampMs);
    assert.ok(earliest >= 0 && earliest <= offset, `${what}: first at its time is ${earliest}`);
  }
}

/** All files of a kind. */
function filesOf(folder: string, kind: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) =>
      kind.includes('.') && kind.startsWith('.')
        ? name.endsWith(kind)
        : path.basename(name) === kind,
    )
    .map((name) => path.join(folder, name));
}

/** How a start on a damaged folder went, for the printed table. */
export interface Damage {
  readonly kind: string;
  readonly mutation: string;
  readonly outcome: 'rebuilt' | 'offline' | 'refused';
  readonly said: string;
}

/**
 * Every kind of file but the records themselves, damaged in every way: either the broker starts and
 * everything is there, or it leaves the damaged partitions offline and serves others, or it refuses to start;
 * the latter two with one sentence each and without a change.
 */
export async function damagedFiles(): Promise<Damage[]> {
  const original = await makeFolder();
  const tried: (() => Promise<Damage>)[] = KINDS.filter(
    (kind) => filesOf(original.path, kind).length > 0,
  ).flatMap((kind) =>
    Object.entries(MUTATIONS).map(
      ([mutation, mutate]) =>
        () =>
          tryDamage(original.path, kind, mutation, mutate),
    ),
  );
  const damages: Damage[] = [];
  const worker = async (): Promise<void> => {
    for (let next = tried.shift(); next !== undefined; next = tried.shift()) {
      damages.push(await next());
    }
  };
  try {
    const workers = Array.from({ length: BROKERS_AT_A_TIME }, worker);
    // All of them, so that no broker is left behind when one finds something.
    await Promise.allSettled(workers);
    await Promise.all(workers);
    return damages;
  } finally {
    original.remove();
  }
}

async function tryDamage(
  original: string,
  kind: string,
  mutation: string,
  mutate: Mutation,
): Promise<Damage> {
  const copy = tempFolder('damaged');
  const what = `${kind} ${mutation}`;
  try {
    cpSync(original, copy.path, { recursive: true });
    for (const file of filesOf(copy.path, kind)) mutate(file);
    const bytesBefore = logBytes(copy.path);
    const keptBefore = keptBytes(copy.path);
    let broker: MillraceProcess;
    try {
      broker = await MillraceProcess.start({ dataFolder: copy.path, overrides: OVERRIDES });
    } catch (error) {
      const said = refusalOf(error, what);
      assert.deepEqual(logBytes(copy.path), bytesBefore, `${what}: refused, yet logs changed`);
      return { kind, mutation, outcome: 'refused', said };
    }
    try {
      const said = offlineLines(broker.output);
      if (said[0] !== undefined) {
        await assertServesOthers(broker, what);
        assert.equal(keptBytes(copy.path), keptBefore, `${what}: offline, yet logs changed`);
        await broker.pause();
        return { kind, mutation, outcome: 'offline', said: said[0] };
      }
      // Without the metadata file topics are found by their directories, configs are not.
      await assertKept(broker, what, kind !== 'millrace.metadata');
      await broker.pause();
      return { kind, mutation, outcome: 'rebuilt', said: '' };
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${broker.output.slice(-1_000)}`, {
        cause: error,
      });
    } finally {
      await broker.kill();
    }
  } finally {
    copy.remove();
  }
}

/** What was said of partitions that stay offline: a line for each, and no stack trace. */
function offlineLines(output: string): string[] {
  const lines = output.split('\n').filter((line) => line.includes('partition stays offline'));
  if (lines.length > 0) assert.ok(!/^\s+at /m.test(output), `a stack trace:\n${output}`);
  return lines;
}

/** The damaged topic is refused, another one is made and written to. */
async function assertServesOthers(broker: MillraceProcess, what: string): Promise<void> {
  const producer = new Producer({ bootstrapServers: broker.bootstrap });
  const { offset } = await producer.send({ topic: 'another', value: 'x' });
  assert.equal(offset, 0, what);
  await producer.close();
}

const logBytes = (folder: string): number =>
  filesOf(folder, '.log').reduce((sum, file) => sum + readFileSync(file).length, 0);

const keptBytes = (folder: string): number => logBytes(path.join(folder, `${TOPIC}-0`));

/** The one sentence with which it refused. */
function refusalOf(error: unknown, what: string): string {
  const [first = '', ...said] = String((error as Error).message)
    .trim()
    .split('\n');
  assert.match(first, /ended \(1\)/, `${what}: ${first}`);
  const lines = said.filter((line) => line.trim() !== '');
  assert.ok(lines.length <= 2, `${what}: more than one line:\n${lines.join('\n')}`);
  assert.ok(!lines.some((line) => /^\s+at /.test(line)), `${what}: a stack trace`);
  return lines.join(' ');
}

/** A second broker on the same folder is refused, and so is a folder of two clusters. */
export async function foreignFolders(): Promise<string> {
  const folder = await makeFolder();
  const other = tempFolder('second');
  try {
    const broker = await MillraceProcess.start({ dataFolder: folder.path, overrides: OVERRIDES });
    try {
      await assert.rejects(MillraceProcess.start({ dataFolder: folder.path }), (error) => {
        assert.match(refusalOf(error, 'a second broker'), /lock|in use|another/i);
        return true;
      });
      await assertKept(broker, 'after a second broker was refused', true);
    } finally {
      await broker.pause();
    }
    const second = await MillraceProcess.start({ dataFolder: path.join(other.path, 'b') });
    await second.pause();
    const both = `${folder.path},${path.join(other.path, 'b')}`;
    await assert.rejects(MillraceProcess.start({ overrides: {}, dataFolder: both }), (error) => {
      assert.match(refusalOf(error, 'two clusters'), /cluster/);
      return true;
    });
    const owned = { 'broker.id': '77' };
    await assert.rejects(
      MillraceProcess.start({ dataFolder: folder.path, overrides: owned }),
      (error) => {
        assert.match(refusalOf(error, 'another broker id'), /broker\.id/);
        return true;
      },
    );
    return 'a second process, a second cluster and another broker.id are refused';
  } finally {
    folder.remove();
    other.remove();
  }
}

/** Bytes of the last batch at which the file ends in `tornTails`; every one is `npm test`'s, on the engine. */
const TORN_SAMPLES = 9;

/** The last batch cut, zeroed or garbled: it is dropped whole, everything before it stays. */
export async function tornTails(): Promise<string> {
  const original = await makeFolder();
  try {
    const log = newestLog(original.path);
    const bytes = readFileSync(log);
    let last = 0;
    for (let at = 0; at + 12 <= bytes.length; at += 12 + bytes.readInt32BE(at + 8)) last = at;
    const kept = Number(bytes.readBigInt64BE(last));
    const length = bytes.length - last;
    for (let sample = 0; sample < TORN_SAMPLES; sample++) {
      const cut = last + Math.floor((sample * (length - 1)) / (TORN_SAMPLES - 1));
      const tail = sample % 3;
      const copy = tempFolder('torn');
      try {
        cpSync(original.path, copy.path, { recursive: true });
        rmSync(path.join(copy.path, '.kafka_cleanshutdown'));
        const file = path.join(copy.path, path.relative(original.path, log));
        const torn = Buffer.from(bytes);
        if (tail === 0) writeFileSync(file, torn.subarray(0, cut));
        else writeFileSync(file, torn.fill(tail === 1 ? 0 : 0xa5, cut));
        // As after a crash: nothing says that the tail was flushed.
        rmSync(path.join(copy.path, 'recovery-point-offset-checkpoint'));
        const broker = await MillraceProcess.start({ dataFolder: copy.path, overrides: OVERRIDES });
        try {
          const found = await readAll(broker.bootstrap, TOPIC, 1);
          const what = `cut at byte ${cut - last} of ${length}, tail ${tail}`;
          assert.equal(found.length, kept, what);
          const producer = new Producer({ bootstrapServers: broker.bootstrap });
          const { offset } = await producer.send({ topic: TOPIC, value: 'next' });
          assert.equal(offset, kept, `${what}: the next record's offset`);
          await producer.close();
        } finally {
          await broker.kill();
        }
      } finally {
        copy.remove();
      }
    }
    return `${TORN_SAMPLES} torn tails of a batch of ${length} bytes`;
  } finally {
    original.remove();
  }
}

function newestLog(folder: string): string {
  const logs = filesOf(path.join(folder, `${TOPIC}-0`), '.log').sort();
  const newest = logs.filter((file) => readFileSync(file).length > 0).at(-1);
  assert.ok(newest !== undefined && existsSync(newest));
  return newest;
}
