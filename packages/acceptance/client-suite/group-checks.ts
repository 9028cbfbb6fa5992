import assert from 'node:assert/strict';
import { Admin, Consumer, OffsetSpec, Producer } from '@millrace/client';
import { eventually } from '@millrace/testing';
import { type Bench, type ClientCheck, createTopic, pollUntil, text } from './bench.ts';

const WAIT_MS = 60_000;
const TIMES = { sessionTimeoutMs: 60_000, heartbeatIntervalMs: 200, rebalanceTimeoutMs: 60_000 };

function member(bench: Bench, more: { groupInstanceId?: string } = {}): Consumer {
  const groupId = `${bench.topic}-group`;
  const consumer = new Consumer({
    ...bench,
    ...TIMES,
    ...more,
    groupId,
    autoOffsetReset: 'earliest',
  });
  consumer.subscribe([bench.topic]);
  return consumer;
}

async function fill(bench: Bench, from: number, to: number): Promise<void> {
  const producer = new Producer(bench);
  const values = Array.from({ length: to - from }, (_, index) => String(from + index));
  await Promise.all(
    values.map((value, index) =>
      producer.send({ topic: bench.topic, partition: (from + index) % 3, value }),
    ),
  );
  await producer.close();
}

const partitionsOf = (consumer: Consumer) =>
  consumer.assignment.flatMap(({ partitions }) => partitions).sort();

/** Polls both until each has its share and nothing is left to rebalance. */
async function settle(a: Consumer, b: Consumer): Promise<void> {
  await eventually('both have a share', WAIT_MS, async () => {
    await Promise.all([a.poll(100), b.poll(100)]);
    const [ofA, ofB] = [partitionsOf(a), partitionsOf(b)];
    return ofA.length > 0 && ofB.length > 0 && ofA.length + ofB.length === 3;
  });
}

async function sharing(bench: Bench): Promise<void> {
  await createTopic(bench, 3);
  await fill(bench, 0, 300);
  const a = member(bench);
  const first = await pollUntil(a, 300);
  assert.equal(new Set(first.map((record) => text(record.value))).size, 300);
  const b = member(bench);
  await settle(a, b);
  assert.deepEqual([...partitionsOf(a), ...partitionsOf(b)].sort(), [0, 1, 2]);
  await a.close();
  await fill(bench, 300, 330);
  const second = await pollUntil(b, 30);
  const values = second.map((record) => Number(text(record.value))).sort((x, y) => x - y);
  assert.deepEqual(
    values,
    Array.from({ length: 30 }, (_, index) => 300 + index),
    'the survivor goes on exactly where the group had committed',
  );
  await b.close();
}

/** Members come while records come and everybody polls: what a member returned is committed before others read on. */
async function rebalanceUnderLoad(bench: Bench): Promise<void> {
  await createTopic(bench, 3);
  const producer = new Producer({ ...bench, lingerMs: 0 });
  const members: Consumer[] = [];
  const loops: Promise<void>[] = [];
  const seen: (string | null)[] = [];
  let [sent, isProducing, isReading] = [0, true, true];
  const join = (): void => {
    const consumer = member(bench);
    members.push(consumer);
    const read = async () => {
      while (isReading) seen.push(...(await consumer.poll(50)).map(({ value }) => text(value)));
    };
    loops.push(read());
  };
  const producing = (async () => {
    for (; isProducing; sent++)
      await producer.send({ topic: bench.topic, partition: sent % 3, value: String(sent) });
  })();
  for (let count = 1; count <= 3; count++) {
    join();
    await eventually(`${count} have a share`, WAIT_MS, () =>
      members.every((one) => partitionsOf(one).length > 0),
    );
    const before = seen.length;
    await eventually('they read', WAIT_MS, () => seen.length > before + 100);
  }
  isProducing = false;
  await producing;
  await eventually('everything is read', WAIT_MS, () => new Set(seen).size === sent);
  isReading = false;
  await Promise.all(loops);
  assert.equal(seen.length, sent, 'nothing is read twice');
  await Promise.all([producer, ...members].map((one) => one.close()));
}

async function resume(bench: Bench): Promise<void> {
  await createTopic(bench, 3);
  await fill(bench, 0, 60);
  const a = member(bench);
  await pollUntil(a, 60);
  await a.close();
  await bench.restart();
  await fill(bench, 60, 66);
  const b = member(bench);
  const values = (await pollUntil(b, 6)).map((record) => Number(text(record.value)));
  assert.deepEqual(
    values.sort((x, y) => x - y),
    [60, 61, 62, 63, 64, 65],
  );
  await b.close();
}

async function staticMember(bench: Bench): Promise<void> {
  await createTopic(bench, 3);
  await fill(bench, 0, 3);
  const a = member(bench, { groupInstanceId: 'one' });
  await pollUntil(a, 3);
  await a.close();
  const admin = new Admin(bench);
  const between = await admin.describeGroup(`${bench.topic}-group`);
  assert.equal(between.groupState, 'Stable', 'a static member is still expected back');
  const again = member(bench, { groupInstanceId: 'one' });
  await fill(bench, 3, 6);
  assert.equal((await pollUntil(again, 3)).length, 3);
  await again.close();
  admin.close();
}

async function movingAround(bench: Bench): Promise<void> {
  await createTopic(bench, 3);
  await fill(bench, 0, 30);
  const consumer = new Consumer({ ...bench, autoOffsetReset: 'latest' });
  await consumer.assign([{ topic: bench.topic, partitions: [0, 1] }]);
  assert.equal(consumer.position(bench.topic, 0), 10);
  assert.deepEqual(await consumer.poll(300), []);
  consumer.pause(bench.topic, 1);
  consumer.seek(bench.topic, 0, 7);
  consumer.seek(bench.topic, 1, 8);
  const sought = await pollUntil(consumer, 3);
  assert.deepEqual(
    sought.map((record) => [record.partition, record.offset]),
    [
      [0, 7],
      [0, 8],
      [0, 9],
    ],
  );
  consumer.resume(bench.topic, 1);
  assert.deepEqual(
    (await pollUntil(consumer, 2)).map((record) => [record.partition, record.offset]),
    [
      [1, 8],
      [1, 9],
    ],
  );
  assert.throws(() => consumer.seek(bench.topic, 2, 0), /is not assigned/);
  await consumer.close();
}

async function times(bench: Bench): Promise<void> {
  await createTopic(bench, 1);
  const producer = new Producer({ ...bench, lingerMs: 0 });
  for (const timestampMs of [1_000, 2_000, 3_000]) {
    await producer.send({ topic: bench.topic, value: 'x', timestampMs });
  }
  await producer.close();
  const consumer = new Consumer(bench);
  const at = (timestampMs: number) => consumer.offsetFor(bench.topic, 0, timestampMs);
  assert.deepEqual([await at(0), await at(1_001), await at(3_000), await at(3_001)], [0, 1, 2, -1]);
  assert.deepEqual([await at(OffsetSpec.earliest), await at(OffsetSpec.latest)], [0, 3]);
  await consumer.close();
}

export const groupChecks: Readonly<Record<string, ClientCheck>> = {
  'two members share; one leaves; the other goes on': sharing,
  'members come under load: nothing is read twice': rebalanceUnderLoad,
  'commit, restart broker and client, resume': resume,
  'a static member comes back': staticMember,
  'assign, seek, pause, resume': movingAround,
  'offsets by time': times,
};
