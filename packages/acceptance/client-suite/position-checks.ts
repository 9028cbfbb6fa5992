import assert from 'node:assert/strict';
import {
  Admin,
  Consumer,
  decodeRead,
  OffsetSpec,
  type PartitionRead,
  PartitionReader,
  Producer,
} from '@millrace/client';
import { eventually } from '@millrace/testing';
import { type Bench, type ClientCheck, createTopic } from './bench.ts';

const UNKNOWN_MEMBER_ID = 25;
const ILLEGAL_GENERATION = 22;
const UNKNOWN_TOPIC_ID = 100;
const FIRST_MS = 1_700_000_000_000;

async function fill(bench: Bench, count: number): Promise<void> {
  const producer = new Producer({ ...bench, lingerMs: 20 });
  const sending = Array.from({ length: count }, (_, i) =>
    producer.send({ topic: bench.topic, partition: 0, value: `${i}`, timestampMs: FIRST_MS + i }),
  );
  await Promise.all(sending);
  await producer.close();
}

async function topicId(admin: Admin, topic: string): Promise<string> {
  const [found] = await admin.lookUpTopics([topic]);
  return found?.topicId ?? '';
}

/** A single read answers at once, beside the continuous ones, and tells where the log does not reach. */
async function singleReads(bench: Bench): Promise<void> {
  await createTopic(bench, 1);
  await fill(bench, 50);
  const admin = new Admin(bench);
  const reader = new PartitionReader(bench, () => {});
  const place = { topic: bench.topic, partition: 0, lastFetchedEpoch: -1 };
  const id = await topicId(admin, bench.topic);
  for (const known of [undefined, id]) {
    const read = await reader.readOnce({ ...place, topicId: known, offset: 20 });
    assert.deepEqual([read.errorCode, read.fetchOffset, read.highWatermark], [0, 20, 50]);
    const { records, nextOffset } = decodeRead(read);
    assert.deepEqual([records[0]?.offset, records.length, nextOffset], [20, 30, 50]);
    const atEnd = await reader.readOnce({ ...place, topicId: known, offset: 50 });
    assert.deepEqual([atEnd.errorCode, atEnd.batches.length], [0, 0]);
    const beyond = await reader.readOnce({ ...place, topicId: known, offset: 51 });
    assert.equal(beyond.errorCode, 1);
  }
  reader.close();
  admin.close();
}

/** Who reads by id is not given the records of another topic of the same name. */
async function madeAgain(bench: Bench): Promise<void> {
  await createTopic(bench, 1);
  await fill(bench, 10);
  const admin = new Admin(bench);
  const id = await topicId(admin, bench.topic);
  const answers: PartitionRead[] = [];
  let come: () => void = () => {};
  const reader = new PartitionReader(bench, (read) => {
    answers.push(read);
    come();
  });
  const next = () =>
    new Promise<void>((resolve) => {
      come = resolve;
    });
  await reader.topics([bench.topic]);
  const first = next();
  reader.read(bench.topic, 0, 0, -1, id);
  await first;
  assert.equal(decodeRead(answers[0] as PartitionRead).records.length, 10);
  await admin.deleteTopics([bench.topic]);
  await createTopic(bench, 1);
  await fill(bench, 20);
  assert.notEqual(await topicId(admin, bench.topic), id);
  const second = next();
  reader.next(bench.topic, 0, 10, 0);
  await second;
  assert.ok([UNKNOWN_TOPIC_ID, 3].includes(answers[1]?.errorCode ?? 0), `${answers[1]?.errorCode}`);
  reader.close();
  admin.close();
}

async function positions(bench: Bench): Promise<void> {
  await createTopic(bench, 1);
  await fill(bench, 30);
  const admin = new Admin(bench);
  const { topic } = bench;
  assert.equal((await admin.listOffset(topic, 0, FIRST_MS + 12)).offset, 12);
  assert.equal((await admin.listOffset(topic, 0, FIRST_MS + 99)).offset, -1);
  assert.equal((await admin.listOffset(topic, 0, OffsetSpec.latest, true)).offset, 30);
  assert.deepEqual(await admin.epochEnd(topic, 0, 0), { leaderEpoch: 0, endOffset: 30 });
  admin.close();
}

/** Offsets of a group without members are written from outside; one with members refuses. */
async function outsideOffsets(bench: Bench): Promise<void> {
  await createTopic(bench, 2);
  const admin = new Admin(bench);
  const group = `outside-${bench.topic}`;
  const position = { offset: 7, leaderEpoch: 0, metadata: '' };
  assert.deepEqual(await admin.groupOffsets(group, bench.topic, [0, 1]), new Map());
  const codes = await admin.commitGroupOffsets(group, bench.topic, new Map([[1, position]]));
  assert.deepEqual(codes, new Map([[1, 0]]));
  const found = await admin.groupOffsets(group, bench.topic, [0, 1]);
  assert.deepEqual([found.size, found.get(1)?.offset], [1, 7]);

  const member = new Consumer({ ...bench, groupId: group });
  member.subscribe([bench.topic]);
  await eventually('the group has a member', 60_000, async () => {
    await member.poll(100);
    return member.assignment.length > 0;
  });
  const refused = await admin.commitGroupOffsets(group, bench.topic, new Map([[1, position]]));
  const code = refused.get(1) ?? 0;
  assert.ok([UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION].includes(code), `code ${code}`);
  await member.close();
  admin.close();
}

export const positionChecks: Readonly<Record<string, ClientCheck>> = {
  'single reads beside the continuous ones': singleReads,
  'a topic made again under its name is not read by the old id': madeAgain,
  'offsets by time, and ends of epochs': positions,
  'offsets of a group from outside': outsideOffsets,
};
