// Every check is one function over a client; what fails throws. Written once, run against every client.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@millrace/testing';
import type { Client, Codec, Member, StoredRecord, WireRecord } from './client.ts';

/** What a check may use beside its client. */
export interface Surroundings {
  readonly bootstrap: string;
  /** Makes a topic by means that are not under test. */
  createTopic(topic: string, partitionCount: number): Promise<void>;
  /** Where Java's producer puts each of `KEYS` on `KEY_PARTITIONS` partitions. */
  javaPartitions(): Promise<ReadonlyMap<string, number>>;
}

export type Check = (client: Client, surroundings: Surroundings) => Promise<void>;

/** A check with a restart of the broker in its middle. */
export interface RestartCheck {
  before(client: Client, surroundings: Surroundings): Promise<void>;
  after(client: Client): Promise<void>;
}

export const KEYS: readonly string[] = Array.from({ length: 40 }, (_, i) => `key-${i * 7919}`);
export const KEY_PARTITIONS = 7;
const ASSIGN_TIMEOUT_MS = 45_000;
const CONSUME_TIMEOUT_MS = 30_000;
const LARGE_BYTES = 900 * 1024;

let topicCount = 0;

function topicName(check: string): string {
  topicCount += 1;
  return `compat-${check}-${process.pid}-${topicCount}`;
}

function numbered(count: number, prefix = 'value'): WireRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    key: `key-${i}`,
    value: `${prefix}-${i}`,
    headers: [],
  }));
}

const comparable = (records: readonly WireRecord[]): unknown[] =>
  records.map(({ key, value, headers }) => JSON.stringify([key, value, headers])).sort();

async function roundTrip(
  client: Client,
  { createTopic }: Surroundings,
  name: string,
  records: readonly WireRecord[],
  options: { codec?: Codec; idempotent?: boolean } = {},
): Promise<readonly StoredRecord[]> {
  const topic = topicName(name);
  await createTopic(topic, 2);
  await client.produce(topic, records, options);
  const back = await client.consume(topic, 2, records.length);
  assert.deepEqual(comparable(back), comparable(records));
  return back;
}

const codecCheck =
  (codec: Codec): Check =>
  async (client, surroundings) => {
    const records = numbered(200, `${'compressible '.repeat(20)}é€😀`);
    await roundTrip(client, surroundings, codec, records, { codec });
  };

async function create(client: Client): Promise<void> {
  const topic = topicName('create');
  await client.createTopic(topic, 3);
  await client.produce(topic, numbered(60));
  const back = await client.consume(topic, 3, 60);
  assert.deepEqual(new Set(back.map(({ partition }) => partition)), new Set([0, 1, 2]));
}

async function headers(client: Client, surroundings: Surroundings): Promise<void> {
  await roundTrip(client, surroundings, 'headers', [
    {
      key: 'a',
      value: '1',
      headers: [
        ['trace', 'abc'],
        ['kind', 'é€'],
      ],
    },
    { key: 'b', value: '2', headers: [] },
    { key: 'c', value: '3', headers: [['single', 'x']] },
  ]);
}

async function nulls(client: Client, surroundings: Surroundings): Promise<void> {
  await roundTrip(client, surroundings, 'nulls', [
    { key: null, value: 'no key', headers: [] },
    { key: 'no value', value: null, headers: [] },
    { key: 'both', value: 'both', headers: [] },
  ]);
}

async function large(client: Client, surroundings: Surroundings): Promise<void> {
  const value = 'large'.padEnd(LARGE_BYTES, '0123456789');
  // One at a time: together they would be more than a batch may hold.
  await roundTrip(client, surroundings, 'large', [{ key: 'a', value, headers: [] }]);
  await roundTrip(client, surroundings, 'large', [{ key: null, value, headers: [] }], {
    codec: 'gzip',
  });
}

async function keys(client: Client, { createTopic, javaPartitions }: Surroundings): Promise<void> {
  const topic = topicName('keys');
  await createTopic(topic, KEY_PARTITIONS);
  await client.produce(
    topic,
    KEYS.map((key) => ({ key, value: key, headers: [] })),
  );
  const back = await client.consume(topic, KEY_PARTITIONS, KEYS.length);
  assert.equal(back.length, KEYS.length);
  const wanted = await javaPartitions();
  for (const { key, partition } of back)
    assert.equal(partition, wanted.get(key ?? ''), `partition of ${key}`);
}

async function idempotent(client: Client, surroundings: Surroundings): Promise<void> {
  const back = await roundTrip(client, surroundings, 'idempotent', numbered(500), {
    idempotent: true,
  });
  for (const partition of [0, 1]) {
    const offsets = back
      .filter((record) => record.partition === partition)
      .map(({ offset }) => offset);
    assert.deepEqual(
      offsets.sort((a, b) => a - b),
      offsets.map((_, i) => i),
    );
  }
}

interface Group {
  readonly topic: string;
  readonly members: Member[];
}

/** Three members on two partitions: two have one each and one has none. */
async function groupOfThree(
  client: Client,
  { createTopic }: Surroundings,
  name: string,
): Promise<Group> {
  const topic = topicName(name);
  await createTopic(topic, 2);
  const members: Member[] = [];
  for (let i = 0; i < 3; i++) members.push(await client.join(topic, topic));
  await shared(members, [[], [0], [1]]);
  return { topic, members };
}

async function shared(
  members: readonly Member[],
  wanted: readonly (readonly number[])[],
): Promise<void> {
  let found: unknown;
  try {
    await eventually('partitions are shared out', ASSIGN_TIMEOUT_MS, async () => {
      const all = await Promise.all(members.map((member) => member.assigned()));
      found = all;
      return (
        JSON.stringify(all.map((one) => JSON.stringify(one)).sort()) ===
        JSON.stringify(wanted.map((one) => JSON.stringify(one)).sort())
      );
    });
  } catch (error) {
    throw new Error(`members have ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`, {
      cause: error,
    });
  }
}

async function arrives(
  members: readonly Member[],
  wanted: readonly WireRecord[],
): Promise<StoredRecord[]> {
  const values = new Set(wanted.map(({ value }) => value));
  let got: StoredRecord[] = [];
  try {
    await eventually('every record arrives', CONSUME_TIMEOUT_MS, async () => {
      got = (await Promise.all(members.map((member) => member.consumed()))).flat();
      const seen = new Set(got.map(({ value }) => value));
      return [...values].every((value) => seen.has(value));
    });
  } catch (error) {
    throw new Error(`${got.length} records came, not ${values.size}`, { cause: error });
  }
  return got.filter(({ value }) => values.has(value));
}

async function group(client: Client, surroundings: Surroundings): Promise<void> {
  const { topic, members } = await groupOfThree(client, surroundings, 'group');
  try {
    const records = numbered(40);
    await client.produce(topic, records);
    const got = await arrives(members, records);
    // A client that commits nothing may see a record again after a rebalance, but never another record.
    const places = new Set(got.map(({ partition, offset }) => `${partition}:${offset}`));
    assert.equal(places.size, records.length, 'each record stored once');
  } finally {
    await Promise.all(members.map((member) => member.kill()));
  }
}

async function failover(client: Client, surroundings: Surroundings): Promise<void> {
  const { topic, members } = await groupOfThree(client, surroundings, 'failover');
  try {
    const loads = await Promise.all(members.map((member) => member.assigned()));
    const [victim] = members.splice(
      loads.findIndex((load) => load?.length === 1),
      1,
    );
    await victim?.kill();
    await shared(members, [[0], [1]]);
    const records = numbered(40, 'after');
    await client.produce(topic, records);
    await arrives(members, records);
  } finally {
    await Promise.all(members.map((member) => member.kill()));
  }
}

/** Consumes, commits and leaves; after the broker was restarted a new member goes on exactly there. */
export function resume(): RestartCheck {
  const topic = topicName('resume');
  const [first, second] = [numbered(30, 'first'), numbered(12, 'second')];
  return {
    async before(client, { createTopic }) {
      await createTopic(topic, 2);
      await client.produce(topic, first);
      const member = await client.join(topic, topic);
      try {
        await arrives([member], first);
        await member.commit();
        await member.leave();
      } catch (error) {
        await member.kill();
        throw error;
      }
    },
    async after(client) {
      await client.produce(topic, second);
      const member = await client.join(topic, topic);
      try {
        await arrives([member], second);
        await sleep(500);
        const again = (await member.consumed()).map(({ value }) => value);
        assert.deepEqual(again.sort(), second.map(({ value }) => value).sort(), 'only what is new');
        const all = await client.consume(topic, 2, first.length + second.length);
        assert.equal(all.length, first.length + second.length);
      } finally {
        await member.kill();
      }
    },
  };
}

/** In the order of the table's columns; `resume` is added by the runner, around its restart. */
export const CHECKS: Readonly<Record<string, Check>> = {
  create,
  none: codecCheck('none'),
  gzip: codecCheck('gzip'),
  snappy: codecCheck('snappy'),
  lz4: codecCheck('lz4'),
  zstd: codecCheck('zstd'),
  headers,
  nulls,
  large,
  keys,
  idempotent,
  group,
  failover,
};
