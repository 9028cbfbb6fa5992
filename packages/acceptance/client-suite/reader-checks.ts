import assert from 'node:assert/strict';
import {
  Admin,
  decodeRead,
  OffsetSpec,
  type PartitionRead,
  PartitionReader,
  Producer,
} from '@millrace/client';
import { type Bench, type ClientCheck, createTopic } from './bench.ts';

const OFFSET_OUT_OF_RANGE = 1;
const NOTHING_FOR_MS = 800;

/** A reader whose answers can be awaited one by one. */
class Answers {
  readonly reader: PartitionReader;
  readonly #come: PartitionRead[] = [];
  #waiting: ((read: PartitionRead) => void) | undefined;

  constructor(bench: Bench, fetchMaxWaitMs?: number) {
    const options = fetchMaxWaitMs === undefined ? bench : { ...bench, fetchMaxWaitMs };
    this.reader = new PartitionReader(options, (read) => {
      if (this.#waiting === undefined) this.#come.push(read);
      else this.#waiting(read);
      this.#waiting = undefined;
    });
  }

  next(): Promise<PartitionRead> {
    const read = this.#come.shift();
    if (read !== undefined) return Promise.resolve(read);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  get count(): number {
    return this.#come.length;
  }
}

async function fill(bench: Bench, count: number): Promise<void> {
  const producer = new Producer({ ...bench, lingerMs: 20 });
  const sending = Array.from({ length: count }, (_, index) =>
    producer.send({ topic: bench.topic, partition: 0, value: `value ${index}` }),
  );
  await Promise.all(sending);
  await producer.close();
}

async function undecoded(bench: Bench): Promise<void> {
  await createTopic(bench, 1);
  await fill(bench, 100);
  const answers = new Answers(bench);
  await answers.reader.topics([bench.topic]);
  answers.reader.read(bench.topic, 0, 10);
  const read = await answers.next();
  assert.deepEqual(
    [
      read.errorCode,
      read.fetchOffset,
      read.highWatermark,
      read.lastStableOffset,
      read.logStartOffset,
    ],
    [0, 10, 100, 100, 0],
  );
  const decoded = decodeRead(read);
  assert.equal(decoded.records[0]?.offset, 10);
  assert.equal(decoded.lastEpoch, 0, 'batches carry the leader epoch');
  await fill(bench, 5);
  await new Promise((resolve) => setTimeout(resolve, NOTHING_FOR_MS));
  assert.equal(answers.count, 0, 'nothing more comes before the last answer is acknowledged');
  let { nextOffset } = decoded;
  while (nextOffset < 105) {
    answers.reader.next(bench.topic, 0, nextOffset, decoded.lastEpoch);
    nextOffset = decodeRead(await answers.next()).nextOffset;
  }
  assert.equal(nextOffset, 105);
  answers.reader.close();
}

async function outOfRange(bench: Bench): Promise<void> {
  await createTopic(bench, 1);
  await fill(bench, 10);
  const answers = new Answers(bench);
  await answers.reader.topics([bench.topic]);
  answers.reader.read(bench.topic, 0, 999);
  assert.equal((await answers.next()).errorCode, OFFSET_OUT_OF_RANGE);
  const { offset } = await answers.reader.listOffset(bench.topic, 0, OffsetSpec.earliest);
  answers.reader.read(bench.topic, 0, offset);
  assert.equal(decodeRead(await answers.next()).records.length, 10);
  answers.reader.close();
}

/** A reader that is ahead of its epoch is told where histories part; one of an unknown epoch is lost (KIP-320, KIP-595). */
async function diverging(bench: Bench): Promise<void> {
  await createTopic(bench, 1);
  await fill(bench, 10);
  const answers = new Answers(bench);
  await answers.reader.topics([bench.topic]);
  answers.reader.read(bench.topic, 0, 15, 0);
  const ahead = await answers.next();
  assert.deepEqual([ahead.errorCode, ahead.divergingEpoch], [0, { epoch: 0, endOffset: 10 }]);
  answers.reader.read(bench.topic, 0, 10, 7);
  assert.equal((await answers.next()).errorCode, OFFSET_OUT_OF_RANGE);
  answers.reader.close();
}

async function deleted(bench: Bench): Promise<void> {
  await createTopic(bench, 1);
  await fill(bench, 10);
  const admin = new Admin(bench);
  assert.equal(await admin.deleteRecords(bench.topic, 0, 6), 6);
  admin.close();
  const answers = new Answers(bench);
  await answers.reader.topics([bench.topic]);
  answers.reader.read(bench.topic, 0, 6);
  const read = await answers.next();
  assert.equal(read.logStartOffset, 6);
  assert.equal(decodeRead(read).records[0]?.offset, 6);
  answers.reader.close();
}

/** One request may be in flight: a long poll for an idle partition would hold up those that are asked for again. */
async function idleBesideBusy(bench: Bench): Promise<void> {
  const longPollMs = 5_000;
  await createTopic(bench, 2);
  const answers = new Answers(bench, longPollMs);
  const producer = new Producer(bench);
  await answers.reader.topics([bench.topic]);
  for (const partition of [0, 1]) answers.reader.read(bench.topic, partition, 0);
  const startMs = performance.now();
  // Dealt with as soon as a service does, and later than the next request waits for.
  for (const [offset, heldMs] of [1, 2, 1, 2, 30, 1, 30, 30].entries()) {
    await producer.send({ topic: bench.topic, partition: 0, value: 'x' });
    assert.equal((await answers.next()).fetchOffset, offset);
    await new Promise((resolve) => setTimeout(resolve, heldMs));
    answers.reader.next(bench.topic, 0, offset + 1, 0);
  }
  await producer.close();
  answers.reader.close();
  assert(
    performance.now() - startMs < longPollMs,
    'no answer waits for the long poll of another partition',
  );
}

export const readerChecks: Readonly<Record<string, ClientCheck>> = {
  'undecoded batches with watermarks and back-pressure': undecoded,
  'an offset out of range is reported': outOfRange,
  'a diverging epoch is reported': diverging,
  'the log start moves with DeleteRecords': deleted,
  'an idle partition holds up no busy one': idleBesideBusy,
};
