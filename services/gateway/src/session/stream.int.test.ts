import { Admin, OffsetSpec, Producer } from '@millrace/client';
import {
  CloseCode,
  ErrorCode,
  GapReason,
  OnLoss,
  Outcome,
  PackedRecordsReader,
  type Records,
  StartKind,
  type StreamInfo,
} from '@millrace/gateway-protocol';
import { eventually, FrameClient, startTestBroker, type TestBroker } from '@millrace/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunningGateway } from '../gateway.ts';
import { gatewayOver } from './testing/gateway-over.ts';

let broker: TestBroker;
let gateway: RunningGateway;
let producer: Producer;
let admin: Admin;

beforeAll(async () => {
  broker = await startTestBroker();
  gateway = await gatewayOver(broker.bootstrap, [
    'gateway.drain.spread.ms=200',
    'gateway.drain.close.after.ms=200',
    'gateway.drain.deadline.ms=5000',
  ]);
  producer = new Producer({ bootstrapServers: broker.bootstrap });
  admin = new Admin({ bootstrapServers: broker.bootstrap });
});

afterAll(async () => {
  producer?.abort();
  admin?.close();
  await gateway?.close();
  await broker?.stop();
});

/** Subscriptions to one topic that a connection may have. */
const LANES = 4;

const text = (bytes: Uint8Array | null) =>
  bytes === null ? null : new TextDecoder().decode(bytes);

function valuesOf(frame: Records): (string | null)[] {
  const reader = new PackedRecordsReader(frame.payload ?? new Uint8Array(0), {
    count: frame.count,
    fromOffset: Number(frame.fromOffset),
    nextOffset: Number(frame.nextOffset),
    baseTimestamp: Number(frame.baseTimestamp),
  });
  const values: (string | null)[] = [];
  while (reader.next()) values.push(text(reader.value));
  return values;
}

async function welcomed(isText = false): Promise<FrameClient> {
  const client = await FrameClient.open(gateway.port, isText);
  client.send({ kind: 'hello', caps: 31 });
  await client.take('welcome');
  return client;
}

/** The one stream of a Subscribe; on a busy machine its position may come after Subscribed. */
async function placed(client: FrameClient): Promise<StreamInfo> {
  let [stream] = (await client.take('subscribed')).streams;
  if (stream?.outcome === Outcome.PENDING) [stream] = (await client.take('streamStates')).streams;
  return stream as StreamInfo;
}

/** Waits until the gateway has read all that was sent before. */
async function answered(client: FrameClient): Promise<void> {
  client.send({ kind: 'ping', nonce: 7 });
  await client.take('pong');
}

/** Takes records until there are `count`, checking that no offset is missing between frames. */
async function read(client: FrameClient, count: number, from: bigint): Promise<(string | null)[]> {
  const values: (string | null)[] = [];
  let position = from;
  while (values.length < count) {
    const frame = await client.take('records');
    expect(frame.fromOffset).toBe(position);
    position = frame.nextOffset;
    values.push(...valuesOf(frame));
  }
  return values;
}

describe.each([false, true])('over the network (JSON: %s)', (isText) => {
  const topic = `stream-${isText}`;

  test('streams from the beginning, then live, and resumes exactly with the final token', async () => {
    for (let i = 0; i < 50; i++) await producer.send({ topic, key: 'k', value: `v${i}` });
    const client = await welcomed(isText);
    client.send({ kind: 'subscribe', req: 1, sub: 1, topic, start: StartKind.EARLIEST });
    const stream = await placed(client);
    expect(stream).toMatchObject({ partition: 0, outcome: 0, startOffset: 0n });
    const expected = Array.from({ length: 50 }, (_, i) => `v${i}`);
    expect(await read(client, 50, 0n)).toEqual(expected);
    await client.take('caughtUp');
    await producer.send({ topic, key: 'k', value: 'live' });
    expect(await read(client, 1, 50n)).toEqual(['live']);

    client.send({ kind: 'unsubscribe', req: 2, sub: 1 });
    const { resume, code } = await client.take('unsubscribed');
    expect(code).toBe(0);
    client.socket.close();
    await producer.send({ topic, key: 'k', value: 'missed' });
    const again = await welcomed(isText);
    again.send({ kind: 'subscribe', req: 1, sub: 1, topic, start: StartKind.RESUME, resume });
    expect(await placed(again)).toMatchObject({ startOffset: 51n });
    expect(await read(again, 1, 51n)).toEqual(['missed']);
    again.socket.close();
  });

  test('publishes, and delivers what it published', async () => {
    const client = await welcomed(isText);
    const name = `${topic}-publish`;
    await producer.send({ topic: name, value: 'first' });
    client.send({ kind: 'subscribe', req: 1, sub: 1, topic: name, start: StartKind.LATEST });
    await placed(client);
    const value = Buffer.from('hello');
    client.send({ kind: 'publish', seq: 1n, topic: name, key: Buffer.from('k'), value });
    const result = await client.take('pubResult');
    expect(result).toMatchObject({ seq: 1n, code: 0, partition: 0, baseOffset: 1n });
    expect(await read(client, 1, 1n)).toEqual(['hello']);
    client.socket.close();
  });

  test('C39: commits, and starts where it committed', async () => {
    const client = await welcomed(isText);
    const subscribe = { kind: 'subscribe', topic, start: StartKind.COMMITTED, name: 'n' } as const;
    client.send({ ...subscribe, req: 1, sub: 1 });
    await client.take('subscribed');
    const offsets = [{ partition: 0, offset: 7n, epoch: -1 }];
    client.send({ kind: 'commit', req: 2, sub: 1, name: 'n', offsets });
    expect(await client.take('committed')).toMatchObject({ req: 2, code: 0 });
    client.send({ ...subscribe, req: 3, sub: 2, lane: 1 });
    expect(await placed(client)).toMatchObject({ startOffset: 7n });
    client.socket.close();
  });
});

test('an unknown topic is 103', async () => {
  const client = await welcomed();
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 'no-such-topic' });
  expect(await client.take('error')).toMatchObject({ id: 1, code: ErrorCode.FORBIDDEN });
  client.socket.close();
});

test.each([false, true])('says why before it closes (JSON: %s)', async (isText) => {
  const silent = await FrameClient.open(gateway.port, isText);
  silent.send({ kind: 'ping', nonce: 1 });
  expect((await silent.take('error')).code).toBe(ErrorCode.BAD_REQUEST);
  expect(await silent.closed()).toBe(CloseCode.BAD_FRAME);
  const client = await welcomed(isText);
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 'stream-false' });
  await client.take('subscribed');
  client.socket.send(isText ? '[]' : new Uint8Array(24));
  expect((await client.take('error')).code).toBe(ErrorCode.BAD_REQUEST);
  expect(await client.closed()).toBe(CloseCode.BAD_FRAME);
});

/** The high watermark of partition 0, as the leader says it. */
async function endOf(topic: string): Promise<number> {
  return (await admin.listOffset(topic, 0, OffsetSpec.latest)).offset;
}

test('C10: LATEST under constant produce begins at what is the end then, and misses nothing from there on', async () => {
  const topic = 'latest';
  await producer.send({ topic, value: '0' });
  let isOver = false;
  const producing = (async () => {
    for (let sent = 1; !isOver; sent++) await producer.send({ topic, value: String(sent) });
  })();
  const client = await welcomed();
  for (let round = 0; round < 10; round++) {
    const starts = new Map<number, number>();
    // One right after the other: what was answered to one is not good for the next.
    for (let lane = 0; lane < LANES; lane++) {
      const [sub, end] = [round * LANES + lane + 1, await endOf(topic)];
      client.send({ kind: 'subscribe', req: sub, sub, topic, lane });
      const { stream, startOffset } = await placed(client);
      const start = Number(startOffset);
      starts.set(stream, start);
      expect(start).toBeGreaterThanOrEqual(end);
      expect(start).toBeLessThanOrEqual(await endOf(topic));
    }
    const positions = new Map(starts);
    while ([...starts].some(([stream, start]) => Number(positions.get(stream)) < start + 10)) {
      const frame = await client.take('records');
      const from = Number(frame.fromOffset);
      expect(from).toBe(positions.get(frame.stream));
      expect(valuesOf(frame)).toEqual(Array.from({ length: frame.count }, (_, i) => `${from + i}`));
      positions.set(frame.stream, Number(frame.nextOffset));
    }
    for (let lane = 0; lane < LANES; lane++) {
      client.send({ kind: 'unsubscribe', req: 1000, sub: round * LANES + lane + 1 });
      await client.take('unsubscribed');
    }
    client.frames.length = 0;
  }
  isOver = true;
  await producing;
  client.socket.close();
});

test('C16: a partition that is added joins at its beginning', async () => {
  const topic = 'grows';
  await producer.send({ topic, value: 'a' });
  const client = await welcomed();
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic });
  await placed(client);
  await admin.createPartitions(topic, 2);
  const { streams } = await client.take('streamStates');
  expect(streams).toMatchObject([{ partition: 1, startOffset: 0n }]);
  const fresh = new Producer({ bootstrapServers: broker.bootstrap });
  await fresh.send({ topic, partition: 1, value: 'b' });
  await fresh.close();
  const frame = await client.take('records');
  expect([frame.stream, valuesOf(frame)]).toEqual([streams[0]?.stream, ['b']]);
  client.socket.close();
});

describe('C11: a start below the log start', () => {
  const topic = 'begins-late';
  const lost = { lostFrom: 5n, lostTo: 10n };
  beforeAll(async () => {
    for (let i = 0; i < 20; i++) await producer.send({ topic, value: `${i}` });
    await admin.deleteRecords(topic, 0, 10);
  });

  async function subscribed(onGap: number): Promise<FrameClient> {
    const client = await welcomed();
    const offsets = [{ partition: 0, offset: 5n, epoch: -1 }];
    const start = StartKind.OFFSETS;
    client.send({ kind: 'subscribe', req: 1, sub: 1, topic, start, offsets, onGap });
    expect(await placed(client)).toMatchObject(lost);
    return client;
  }

  test.each([
    ['NEAREST', OnLoss.NEAREST, 10n, GapReason.RETENTION],
    ['LATEST', OnLoss.LATEST, 20n, GapReason.RESET],
  ])('on_gap %s: an exact gap, then on', async (_, onGap, toOffset, reason) => {
    const client = await subscribed(onGap);
    expect(await client.take('gap')).toMatchObject({ fromOffset: 5n, toOffset, reason });
    const rest = 20 - Number(toOffset);
    expect(await read(client, rest, toOffset)).toHaveLength(rest);
    client.socket.close();
  });

  test('on_gap FAIL: 125', async () => {
    const client = await subscribed(OnLoss.FAIL);
    expect((await client.take('unsubscribed')).code).toBe(ErrorCode.GAP);
    client.socket.close();
  });
});

test('C12: records deleted under a paused cursor are an exact gap when it goes on', async () => {
  const topic = 'trimmed';
  // More than a feed reaches back for, so the ring never holds what the paused cursor stands at.
  const count = 3000;
  const logStart = 2950;
  const values = Array.from({ length: count }, (_, i) => `${i}`.padEnd(1000));
  await Promise.all(values.map((value) => producer.send({ topic, partition: 0, value })));
  const client = await welcomed();
  const start = StartKind.EARLIEST;
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic, start, credit: 1 });
  await client.take('subscribed');
  const first = await client.take('records');
  client.send({ kind: 'pause', sub: 1 });
  for (const sub of [0, 1]) client.send({ kind: 'credit', sub, add: 8_000_000 });
  await answered(client);
  await admin.deleteRecords(topic, 0, logStart);
  expect(client.frames.filter(({ kind }) => kind === 'records' || kind === 'gap')).toEqual([]);

  client.send({ kind: 'resume', sub: 1 });
  const gap = await client.take('gap');
  const told = [first];
  while (told.at(-1)?.nextOffset !== BigInt(count)) told.push(await client.take('records'));
  const delivered = told.flatMap(valuesOf);
  // What was read ahead before the deletion may still be delivered; the gap begins where that ends.
  const cursor = Number(gap.fromOffset);
  expect(cursor).toBeGreaterThanOrEqual(Number(first.nextOffset));
  expect(cursor).toBeLessThan(logStart);
  expect(gap).toMatchObject({ toOffset: BigInt(logStart), reason: GapReason.RETENTION });
  expect(delivered).toEqual([...values.slice(0, cursor), ...values.slice(logStart)]);
  client.socket.close();
});

test('C14: a topic that is made anew is RECREATED, then 123', async () => {
  const topic = 'anew';
  await producer.send({ topic, value: 'old' });
  const client = await welcomed();
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic, start: StartKind.EARLIEST });
  await client.take('subscribed');
  await read(client, 1, 0n);
  await admin.deleteTopics([topic]);
  await admin.createTopics([{ name: topic, partitionCount: 1 }]);
  expect((await client.take('unsubscribed')).code).toBe(ErrorCode.RECREATED);
  client.socket.close();
});

/** Deletes and creates a topic, and waits until the broker says so: its metadata may follow its controller. */
async function madeAnew(topic: string): Promise<void> {
  const lookUp = async () => (await admin.lookUpTopics([topic]))[0];
  const before = await lookUp();
  await admin.deleteTopics([topic]);
  await admin.createTopics([{ name: topic, partitionCount: 1 }]);
  await eventually('the broker knows the new topic', 30_000, async () => {
    const now = await lookUp();
    return now?.errorCode === 0 && now.topicId !== before?.topicId;
  });
}

test('C14: made anew between disconnect and resume is RECREATED, then 123, at once', async () => {
  const topic = 'anew-meanwhile';
  await admin.createTopics([{ name: topic, partitionCount: 1 }]);
  const client = await welcomed();
  for (let round = 1; round <= 10; round++) {
    await producer.send({ topic, value: 'old' });
    const start = StartKind.EARLIEST;
    client.send({ kind: 'subscribe', req: round, sub: round, topic, start });
    await placed(client);
    await read(client, 1, 0n);
    client.send({ kind: 'unsubscribe', req: 1, sub: round });
    const { resume } = await client.take('unsubscribed');
    const again = { kind: 'subscribe', topic, start: StartKind.RESUME, resume } as const;
    // Somebody asks right before; what is answered then is not good for whoever asks right after.
    client.send({ ...again, req: 100 + round, sub: 100 + round });
    expect(await placed(client)).toMatchObject({ outcome: Outcome.EXACT, startOffset: 1n });
    client.send({ kind: 'unsubscribe', req: 2, sub: 100 + round });
    await client.take('unsubscribed');
    await madeAnew(topic);
    client.send({ ...again, req: 200 + round, sub: 200 + round });
    expect(await placed(client)).toMatchObject({ outcome: Outcome.RECREATED, startOffset: 0n });
    expect((await client.take('unsubscribed')).code).toBe(ErrorCode.RECREATED);
    client.frames.length = 0;
  }
  client.socket.close();
});

test('C47: closing says Goaway with tokens, then 4001', async () => {
  const client = await welcomed();
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 'latest' });
  await placed(client);
  const closing = gateway.close();
  const goaway = await client.take('goaway');
  expect(goaway.tokens).toHaveLength(1);
  expect(await client.closed()).toBe(CloseCode.GOING_AWAY);
  await closing;
});
