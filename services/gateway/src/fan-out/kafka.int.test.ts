import { createLogger, systemClock } from '@millrace/base';
import { Admin, Consumer, Producer } from '@millrace/client';
import { ErrorCode, Isolation } from '@millrace/gateway-protocol';
import { eventually, startTestBroker, type TestBroker } from '@millrace/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { KafkaUpstream, type PublishInput, type UpstreamTopic } from '../upstream.ts';
import { Bench } from './testing/bench.ts';
import type { SeenStream } from './testing/reader.ts';

/** Fan-out over a broker: real reads and real time, clients in memory. */
const WAIT_MS = 60_000;

let broker: TestBroker;
let admin: Admin;
let producer: Producer;
let upstream: KafkaUpstream;

beforeAll(async () => {
  broker = await startTestBroker();
  const client = { bootstrapServers: broker.bootstrap, requestTimeoutMs: 3000 };
  admin = new Admin(client);
  producer = new Producer({ ...client, lingerMs: 1 });
  const clock = systemClock;
  upstream = await KafkaUpstream.open({ client, clock, coldReadBytes: 100_000 });
});

afterAll(async () => {
  await upstream.close();
  await producer.close();
  admin.close();
  await broker.stop();
});

async function topicOf(
  name: string,
  configs: Readonly<Record<string, string>> = {},
): Promise<UpstreamTopic> {
  await admin.createTopics([{ name, partitionCount: 1, configs }]);
  return eventually('the topic has a leader', WAIT_MS, async () => {
    const found = await upstream.lookUp(name);
    return found?.partitions[0]?.hasLeader === true ? found : undefined;
  });
}

/** Until the expectations hold. */
async function soon(expectations: () => void): Promise<void> {
  await eventually('the expectations hold', WAIT_MS, () => {
    expectations();
    return true;
  });
}

async function produce(topic: string, from: number, count: number): Promise<void> {
  const sent = Array.from({ length: count }, (_, i) =>
    producer.send({
      topic,
      partition: 0,
      key: `k${(from + i) % 5}`,
      value: `${from + i}`.padEnd(100),
    }),
  );
  await Promise.all(sent);
}

function bench(): Bench {
  const log = createLogger({ level: 'error' });
  return new Bench({ ringPartitionBytes: 65_536 }, { source: upstream, clock: systemClock, log });
}

function options({ name, topicIdText }: UpstreamTopic) {
  return { topic: name, topicId: topicIdText, isolation: Isolation.COMMITTED };
}

function values(stream: SeenStream): number[] {
  return stream.records.map(({ value }) => Number(value));
}

test('from the earliest record to live, behind the ring and in it', async () => {
  const topic = await topicOf('from-earliest');
  await produce(topic.name, 0, 5000);
  const fanOut = bench();
  const early = fanOut.connect();
  const earlyStream = early.stream(fanOut.attach(early, options(topic)).streamId);
  for (let from = 5000; from < 8000; from += 300) await produce(topic.name, from, 300);
  await soon(() => expect(earlyStream.position).toBe(8000));
  expect(values(earlyStream)).toEqual(Array.from({ length: 8000 }, (_, i) => i));
  expect(earlyStream.caughtUp.length).toBeGreaterThanOrEqual(1);
  fanOut.close();
});

test('records deleted below a cursor are a gap with exact bounds', async () => {
  const topic = await topicOf('deleted-below');
  await produce(topic.name, 0, 3000);
  await admin.deleteRecords(topic.name, 0, 700);
  const fanOut = bench();
  const reader = fanOut.connect();
  fanOut.attach(reader, { ...options(topic), startOffset: 50 });
  await soon(() => expect(reader.outcomes).toEqual([{ kind: 'GAP', lostFrom: 50, lostTo: 700 }]));
  fanOut.close();
});

test('a topic made again is seen by those who follow it', async () => {
  const topic = await topicOf('made-again');
  await produce(topic.name, 0, 10);
  const fanOut = bench();
  const reader = fanOut.connect();
  const stream = reader.stream(fanOut.attach(reader, options(topic)).streamId);
  await soon(() => expect(stream.position).toBe(10));
  const heard: (string | undefined)[] = [];
  await upstream.topic(topic.name);
  const stopWatching = upstream.watchTopic(topic.name, (now) => heard.push(now?.topicIdText));
  await admin.deleteTopics([topic.name]);
  const again = await topicOf(topic.name);
  await soon(() =>
    expect(reader.outcomes).toEqual([
      { kind: 'RECREATED', startOffset: 0, topicId: again.topicIdText },
    ]),
  );
  await soon(() => expect(heard).toContain(again.topicIdText));
  stopWatching();
  fanOut.close();
});

test('a broker that is killed and comes back costs nothing', async () => {
  const topic = await topicOf('killed');
  const fanOut = bench();
  const reader = fanOut.connect();
  const stream = reader.stream(fanOut.attach(reader, options(topic)).streamId);
  await produce(topic.name, 0, 100);
  await soon(() => expect(stream.position).toBe(100));
  await broker.kill();
  await broker.resume();
  await produce(topic.name, 100, 100);
  await soon(() => expect(stream.position).toBe(200));
  expect(values(stream)).toEqual(Array.from({ length: 200 }, (_, i) => i));
  fanOut.close();
});

test('questions about the cluster', async () => {
  const topic = await topicOf('questions');
  await produce(topic.name, 0, 20);
  const { name } = topic;
  expect(await upstream.bounds(name, 0, Isolation.COMMITTED)).toMatchObject({
    logStart: 0,
    end: 20,
    highWatermark: 20,
  });
  expect(await upstream.offsetForTime(name, 0, 0, Isolation.COMMITTED)).toMatchObject({
    offset: 0,
  });
  expect(await upstream.offsetForTime(name, 0, 4e12, Isolation.COMMITTED)).toBeNull();
  expect((await upstream.epochEnd(name, 0, 0)).endOffset).toBe(20);
  expect((await upstream.topicById(topic.topicId))?.name).toBe(name);
  expect(await upstream.topic('no-such-topic')).toBeNull();
  expect(await upstream.isCompacted(name)).toBe(false);
  const position = { partition: 0, offset: 7, leaderEpoch: 0 };
  expect(await upstream.commitOffsets('gw.t.s.n', name, [position])).toEqual(new Map([[0, 0]]));
  expect((await upstream.committedOffsets('gw.t.s.n', name, [0])).get(0)?.offset).toBe(7);
  await expect(upstream.bounds('no-such-topic', 0, 0)).rejects.toMatchObject({ code: 120 });
});

test('a group with members takes no commits', async () => {
  const topic = await topicOf('members');
  const member = new Consumer({ bootstrapServers: broker.bootstrap, groupId: 'gw.t.s.members' });
  member.subscribe([topic.name]);
  await eventually('the group has a member', WAIT_MS, async () => {
    await member.poll(100);
    return member.assignment.length > 0;
  });
  const position = { partition: 0, offset: 0, leaderEpoch: -1 };
  await expect(
    upstream.commitOffsets('gw.t.s.members', topic.name, [position]),
  ).rejects.toMatchObject({ code: 140 });
  await member.close();
});

test('a publish is appended, or says why not', async () => {
  const topic = await topicOf('publish');
  const record = { topic: topic.name, partition: null, acks: 'all', timestampMs: 5 } as const;
  const more = { key: Buffer.from('k'), value: Buffer.from('v'), headers: [] };
  const publish = (input: PublishInput) => upstream.producer().send(input);
  expect(await publish({ ...record, ...more })).toMatchObject({ partition: 0, offset: 0 });
  await expect(publish({ ...record, ...more, partition: 9 })).rejects.toMatchObject({ code: 107 });
  const large = { ...more, value: Buffer.alloc(2 << 20) };
  await expect(publish({ ...record, ...large })).rejects.toMatchObject({ code: 130 });
});

test('a record that the cluster refuses is nobody else’s mistake, and changes no order', async () => {
  const topic = await topicOf('mixed', { 'cleanup.policy': 'compact' });
  const send = (acks: PublishInput['acks'], timestampMs: number, key: Uint8Array | null) =>
    upstream.producer().send({
      ...{ topic: topic.name, partition: 0, acks, timestampMs, key },
      value: Buffer.alloc(500),
      headers: [],
    });
  const nowMs = Date.now();
  for (const acks of ['all', 'leader'] as const) {
    const sending = Array.from({ length: 300 }, (_, at) =>
      send(acks, nowMs, at % 50 === 7 ? null : Buffer.from(`${at}`)),
    );
    const results = await Promise.allSettled(sending);
    const codes = results.map((result) => (result.status === 'rejected' ? result.reason.code : 0));
    expect(codes).toEqual(codes.map((_, at) => (at % 50 === 7 ? ErrorCode.INVALID_RECORD : 0)));
    const offsets = results.flatMap((result) =>
      result.status === 'fulfilled' ? [result.value.offset] : [],
    );
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
  }
});

test('whoever looks for topics by ids that are not there asks the cluster once a second', async () => {
  const listTopics = vi.spyOn(Admin.prototype, 'listTopics');
  const ids = Array.from({ length: 50 }, (_, at) => new Uint8Array(16).fill(at + 1));
  const found = await Promise.all(ids.map((id) => upstream.topicById(id)));
  expect(found).toEqual(ids.map(() => null));
  expect(listTopics.mock.calls.length).toBeLessThanOrEqual(1);
  listTopics.mockRestore();
});
