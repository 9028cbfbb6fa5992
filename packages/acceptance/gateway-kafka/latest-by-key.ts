// C30, C31: the latest record of each key, of a compacted log, while records come.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededPrng } from '@millrace/base';
import { ErrorCode, Policy, StartKind } from '@millrace/gateway-protocol';
import type { LoggedRecord } from './kafka-oracle.ts';
import { connect, type HeardStream, Listener } from './listener.ts';
import { COMPACTED_CONFIGS, write } from './logs.ts';
import { newTopic, type Stage } from './stage.ts';

const KEYS = 40;
const STILL_KEYS = 10;
const BEFORE = 2_000;
const MEANWHILE = 3_000;
const CHUNK = 100;
const CHUNK_MS = 20;
const TOMBSTONE_ONE_IN = 9;
const READERS = 4;
const SLOW_MS = 40;

/** Key → value of the latest record; a tombstone is a value too. */
function mapOf(records: readonly LoggedRecord[]): Map<string, string | null> {
  return new Map(records.map(({ key, value }) => [key ?? '', value]));
}

/** Records of many values and few keys, and what they add up to. */
class KeyedLoad {
  readonly topic: string;
  readonly #stage: Stage;
  readonly #random = seededPrng(31);
  #n = 0;

  constructor(stage: Stage, topic: string) {
    this.#stage = stage;
    this.topic = topic;
  }

  async produce(count: number, pauseMs: number): Promise<void> {
    for (let left = count; left > 0; left -= CHUNK) {
      const records = Array.from({ length: Math.min(left, CHUNK) }, () => {
        const n = this.#n++;
        const value = this.#random.below(TOMBSTONE_ONE_IN) === 0 ? null : `v${n}`.padEnd(200, '.');
        return { key: `k${this.#random.below(KEYS)}`, value, timestampMs: Date.now() };
      });
      await write(this.#stage, this.topic, records);
      await sleep(pauseMs);
    }
  }
}

/** Offsets only grow, whatever is left out. */
function inOrder({ records }: HeardStream): void {
  for (const [i, { offset }] of records.entries())
    assert.ok(i === 0 || offset > (records[i - 1] as LoggedRecord).offset, `order at ${offset}`);
}

/** The log's end, and what it adds up to. */
async function outcomeOf(stage: Stage, topic: string) {
  const { end } = await stage.oracle.bounds(topic, 'read_committed');
  return { end, map: mapOf(await stage.oracle.read(topic)) };
}

/** Some read as they can; one takes its time over every bit of credit. All end with the map of the log. */
async function conflated(stage: Stage): Promise<void> {
  const topic = await newTopic(stage, 'conflated', { configs: COMPACTED_CONFIGS });
  const load = new KeyedLoad(stage, topic);
  await load.produce(BEFORE, 0);
  const readers = await Promise.all(
    Array.from({ length: READERS }, async (_, i) => {
      const isSlow = i === 0;
      const client = await connect(stage.gateway.port, i % 2 === 1);
      const listener = await Listener.on(client, {
        ...{ sub: 1, topic, start: StartKind.EARLIEST, policy: Policy.CONFLATE_KEY },
        ...(isSlow ? { credit: 1 } : {}),
      });
      return { listener, isSlow };
    }),
  );
  let isOver = false;
  const slowly = (async () => {
    const [slow] = readers.filter(({ isSlow }) => isSlow);
    while (!isOver) {
      // A block at a time: its charge is more than this.
      slow?.listener.client.send({ kind: 'credit', sub: 1, add: 2_000 });
      await sleep(SLOW_MS);
    }
    slow?.listener.client.send({ kind: 'credit', sub: 1, add: 8_000_000 });
  })();
  await load.produce(MEANWHILE, CHUNK_MS);
  isOver = true;
  await slowly;
  const { end, map } = await outcomeOf(stage, topic);
  for (const { listener, isSlow } of readers) {
    const stream = await listener.upTo(end);
    inOrder(stream);
    assert.deepEqual(sorted(latest(mapOf(stream.records), map)), sorted(map));
    assert.ok([...mapOf(stream.records).values()].includes(null), 'tombstones are there');
    if (isSlow)
      assert.ok(stream.records.length < BEFORE + MEANWHILE, 'superseded records are left out');
    listener.client.socket.close();
  }
}

/** Keys whose last word was a tombstone may be gone from the log, never from what was delivered. */
function latest(
  heard: ReadonlyMap<string, string | null>,
  map: ReadonlyMap<string, string | null>,
): Map<string, string | null> {
  return new Map([...heard].filter(([key, value]) => value !== null || map.has(key)));
}

const sorted = (map: ReadonlyMap<string, string | null>) =>
  [...map].sort(([a], [b]) => a.localeCompare(b));

/** Null keys supersede nothing: all of them come, in order, beside the latest of each key. */
async function nullKeys(stage: Stage): Promise<void> {
  const topic = await newTopic(stage, 'null-keys');
  const records = Array.from({ length: 600 }, (_, n) => ({
    key: n % 3 === 0 ? null : `k${n % 4}`,
    value: `v${n}`,
    timestampMs: Date.now(),
  }));
  await write(stage, topic, records);
  const { end } = await stage.oracle.bounds(topic, 'read_committed');
  for (const isText of [false, true]) {
    const client = await connect(stage.gateway.port, isText);
    const listener = await Listener.on(client, {
      ...{ sub: 1, topic, start: StartKind.EARLIEST, policy: Policy.CONFLATE_KEY },
    });
    const { records: heard } = await listener.upTo(end);
    const without = (key: string | null) => key === null;
    assert.deepEqual(
      heard.filter(({ key }) => without(key)).map(({ value }) => value),
      records.filter(({ key }) => without(key)).map(({ value }) => value),
    );
    assert.deepEqual(
      sorted(mapOf(heard.filter(({ key }) => key !== null))),
      sorted(
        new Map(
          records.filter(({ key }) => key !== null).map(({ key, value }) => [key ?? '', value]),
        ),
      ),
    );
    client.socket.close();
  }
}

/** A snapshot while records come: at CaughtUp and at the end, what was delivered adds up to the log. */
async function snapshot(stage: Stage): Promise<void> {
  const topic = await newTopic(stage, 'snapshot', { configs: COMPACTED_CONFIGS });
  // Keys that nothing supersedes, so that nothing later stands for them: they have to be in the snapshot.
  const still = Array.from({ length: STILL_KEYS }, (_, n) => ({
    ...{ key: `still-${n}`, value: `s${n}`, timestampMs: Date.now() },
  }));
  await write(stage, topic, still);
  const load = new KeyedLoad(stage, topic);
  await load.produce(BEFORE, 0);
  const producing = load.produce(MEANWHILE, CHUNK_MS);
  const listeners: Listener[] = [];
  for (const isText of [false, true]) {
    const client = await connect(stage.gateway.port, isText);
    const ask = { sub: 1, topic, start: StartKind.KEY_SNAPSHOT };
    const listener = await Listener.on(client, ask);
    const stream = await listener.placed();
    await listener.until(() => stream.caughtUpAt.length > 0);
    const snapshotMap = mapOf(stream.records.slice(0, stream.caughtUpAt[0]));
    for (const { key, value } of still)
      assert.equal(snapshotMap.get(key), value, `${key} is there`);
    listeners.push(listener);
  }
  await producing;
  const { end, map } = await outcomeOf(stage, topic);
  for (const listener of listeners) {
    const stream = await listener.upTo(end);
    inOrder(stream);
    assert.deepEqual(sorted(latest(mapOf(stream.records), map)), sorted(map));
    // After the snapshot every record is delivered, superseded or not.
    const from = stream.records[stream.caughtUpAt[0] ?? 0]?.offset ?? end;
    const later = (await stage.oracle.read(topic)).filter(({ offset }) => offset >= from);
    const heard = new Set(stream.records.map(({ offset }) => offset));
    assert.deepEqual(
      later.filter(({ offset }) => !heard.has(offset)),
      [],
    );
    listener.client.socket.close();
  }
  const plain = await newTopic(stage, 'not-compacted');
  const client = await connect(stage.gateway.port, false);
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic: plain, start: StartKind.KEY_SNAPSHOT });
  assert.equal((await client.take('error')).code, ErrorCode.NOT_COMPACTED);
  client.socket.close();
}

export const latestByKeyChecks = {
  'C30: CONFLATE_KEY of a compacted log, one slow reader: the final map is the log’s': conflated,
  'C30: CONFLATE_KEY: all null keys, the latest of the others': nullKeys,
  'C31: KEY_SNAPSHOT while producing, and 127 without compaction': snapshot,
};
