import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Admin, Producer } from '@millrace/client';
import { adminChecks } from './admin-checks.ts';
import { type Bench, type ClientCheck, createTopic, readAll, text } from './bench.ts';
import { groupChecks } from './group-checks.ts';
import { positionChecks } from './position-checks.ts';
import { readerChecks } from './reader-checks.ts';

async function codecs(bench: Bench): Promise<void> {
  await createTopic(bench, 1);
  const sent: string[] = [];
  for (const compressionType of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const producer = new Producer({ ...bench, compressionType, lingerMs: 20 });
    const values = Array.from({ length: 50 }, (_, index) =>
      `${compressionType} ${index} `.repeat(30),
    );
    await Promise.all(values.map((value) => producer.send({ topic: bench.topic, value })));
    sent.push(...values);
    await producer.close();
  }
  const records = await readAll(bench, [0], sent.length);
  assert.deepEqual(
    records.map((record) => text(record.value)),
    sent,
  );
}

async function shapes(bench: Bench): Promise<void> {
  await createTopic(bench, 1);
  const producer = new Producer(bench);
  const large = 'x'.repeat(900_000);
  const base = { topic: bench.topic, timestampMs: 1_700_000_000_000 };
  await producer.send({ ...base, key: null, value: null });
  await producer.send({ ...base, key: '', value: '' });
  const never = producer.send({ ...base, timestampMs: 2 ** 53, value: 'in no log' });
  await assert.rejects(never, RangeError);
  await producer.send({ ...base, key: 'k', value: large, headers: { a: 'b', none: null } });
  await producer.close();
  const records = await readAll(bench, [0], 3);
  assert.deepEqual(
    records.map(({ offset, key, value, timestampMs }) => [
      offset,
      text(key),
      text(value),
      timestampMs,
    ]),
    [
      [0, null, null, base.timestampMs],
      [1, '', '', base.timestampMs],
      [2, 'k', large, base.timestampMs],
    ],
  );
  const headers = records[2]?.headers.map((header) => [header.key, text(header.value)]);
  assert.deepEqual(headers, [
    ['a', 'b'],
    ['none', null],
  ]);
}

async function tooLarge(bench: Bench): Promise<void> {
  await createTopic(bench, 1);
  const producer = new Producer({ ...bench, maxRequestSize: 4 << 20 });
  const sending = producer.send({ topic: bench.topic, value: new Uint8Array(2 << 20) });
  await assert.rejects(sending, { codeName: 'MESSAGE_TOO_LARGE', retriable: false });
  const { offset } = await producer.send({ topic: bench.topic, value: 'the next one is welcome' });
  assert.equal(offset, 0);
  await producer.close();
}

/** Bad records of two kinds among good ones, in batches of many with several requests in flight. */
async function badAmongGood(bench: Bench): Promise<void> {
  const admin = new Admin(bench);
  const configs = { 'cleanup.policy': 'compact', 'max.message.bytes': '3000' };
  await admin.createTopics([{ name: bench.topic, partitionCount: 1, configs }]);
  admin.close();
  const count = 2_000;
  const indices = Array.from({ length: count }, (_, index) => index);
  const badnessOf = (index: number) => {
    if (index % 90 === 0 || index === 501 || index === count - 1) return 'INVALID_RECORD';
    return index % 301 === 0 ? 'MESSAGE_TOO_LARGE' : '';
  };
  for (const compressionType of ['none', 'lz4'] as const) {
    // Once with so little memory that what a refused record would not give back is missed.
    const bufferMemory = compressionType === 'none' ? 32 << 20 : 20_000;
    const options = { lingerMs: 1, batchSize: 8_000, bufferMemory, compressionType };
    const producer = new Producer({ ...bench, ...options });
    const sending = indices.map((index) =>
      producer.send({
        topic: bench.topic,
        key: badnessOf(index) === 'INVALID_RECORD' ? null : `${compressionType} ${index}`,
        value: badnessOf(index) === 'MESSAGE_TOO_LARGE' ? randomBytes(4_000) : String(index),
      }),
    );
    const results = await Promise.allSettled(sending);
    await producer.close();
    assert.deepEqual(
      results.map((result) => (result.status === 'rejected' ? result.reason.codeName : '')),
      indices.map(badnessOf),
    );
  }
  const good = indices.filter((index) => badnessOf(index) === '');
  const records = await readAll(bench, [0], 2 * good.length);
  assert.deepEqual(
    records.map(({ offset, key }) => [offset, text(key)]),
    ['none', 'lz4']
      .flatMap((codec) => good.map((index) => `${codec} ${index}`))
      .map((key, offset) => [offset, key]),
  );
}

/** Several requests in flight, the broker restarted under them: all there, once, in order. */
async function restartUnderLoad(bench: Bench): Promise<void> {
  await createTopic(bench, 1);
  const producer = new Producer({ ...bench, lingerMs: 0, batchSize: 512, retryBackoffMs: 20 });
  const count = 3_000;
  const sending: Promise<{ offset: number }>[] = [];
  const restarted = bench.restart();
  for (let index = 0; index < count; index++) {
    sending.push(producer.send({ topic: bench.topic, partition: 0, value: String(index) }));
    if (index % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const offsets = (await Promise.all(sending)).map((metadata) => metadata.offset);
  await restarted;
  await producer.close();
  const records = await readAll(bench, [0], count);
  assert.deepEqual(
    records.map((record) => [record.offset, text(record.value)]),
    offsets.map((offset, index) => [offset, String(index)]),
  );
}

async function acksZero(bench: Bench): Promise<void> {
  await createTopic(bench, 1);
  const producer = new Producer({ ...bench, acks: 0 });
  const { offset } = await producer.send({ topic: bench.topic, value: 'no answer' });
  assert.equal(offset, -1);
  await producer.close();
  const [record] = await readAll(bench, [0], 1);
  assert.equal(text(record?.value ?? null), 'no answer');
}

/** Partitions as Kafka's Java producer chooses them for these keys, of six. */
async function partitionsOfKeys(bench: Bench): Promise<void> {
  await createTopic(bench, 6);
  const producer = new Producer(bench);
  const keys = ['', 'a', 'user-1', 'user-2', 'Grüße', '0123456789'];
  const sent = await Promise.all(
    keys.map((key) => producer.send({ topic: bench.topic, key, value: key })),
  );
  await producer.close();
  assert.deepEqual(
    sent.map((metadata) => metadata.partition),
    JAVA_PARTITIONS,
  );
}

/** Utils.toPositive(Utils.murmur2(key)) % 6, computed with kafka-clients. */
const JAVA_PARTITIONS: readonly number[] = [3, 4, 2, 2, 3, 2];

export const CLIENT_CHECKS: Readonly<Record<string, ClientCheck>> = {
  'every codec there and back': codecs,
  'null, empty and 900 KB records, headers': shapes,
  'a record above max.message.bytes is refused alone': tooLarge,
  'bad records are refused alone, the others land once and in order': badAmongGood,
  'restart under load: all once, in order': restartUnderLoad,
  'acks 0': acksZero,
  "keys on the Java client's partitions": partitionsOfKeys,
  ...groupChecks,
  ...positionChecks,
  ...readerChecks,
  ...adminChecks,
};
