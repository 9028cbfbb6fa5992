import { ErrorCode, FilterOp, Outcome, Policy, StartKind } from '@millrace/gateway-protocol';
import { expect, test } from 'vitest';
// The client loads them when they are needed; here they are there already.
import './filter-plan.ts';
import './json-format.ts';
import { GatewayError } from './errors.ts';
import { filled, read, stream } from './fake-consumer.test-server.ts';
import { FakeGateway } from './fake-gateway.test-server.ts';
import type { RecordBlock } from './gateway-record.ts';
import { topicIdText } from './resume.ts';

test.each(['binary', 'json'] as const)(
  'reads from the start and goes on live: %s',
  async (protocol) => {
    const gateway = new FakeGateway();
    const { logs } = filled(gateway, 'orders', 25);
    logs[0]?.append(null, 'gone');
    const client = gateway.client({ protocol });
    const subscription = client.subscribe('orders', { start: 'earliest' });
    const states: string[] = [];
    subscription.on('state', (state) => states.push(state));
    const seen: string[] = [];
    const loop = (async () => {
      for await (const { offset, key, text, value } of subscription.records())
        void [key, text, value, seen.push(`${offset}`)];
    })();
    void loop;
    await gateway.run(80);
    expect(seen).toHaveLength(26);
    expect(subscription.state).toBe('live');
    logs[0]?.append('later');
    gateway.pump();
    await gateway.run(50);
    expect(seen[26]).toBe('26');
    expect(subscription.position()).toEqual([{ partition: 0, offset: 27, leaderEpoch: 0 }]);
    const closed = subscription.close();
    await gateway.run();
    await Promise.all([closed, loop]);
    expect(gateway.got('unsubscribe')).toHaveLength(1);
    expect(states).toEqual(['subscribing', 'catchingUp', 'live', 'closed']);
  },
);

test('records are lazy views: text, JSON, copies', async () => {
  const gateway = new FakeGateway();
  const { logs } = gateway.topic('t');
  logs[0]?.append('{"a":1}', 'k');
  logs[0]?.append(null);
  const { blocks } = read(gateway.client().subscribe('t', { start: 'earliest' }));
  await gateway.run(20);
  const [first, second] = [...(blocks[0] as RecordBlock)];
  expect(first?.json()).toEqual({ a: 1 });
  expect(second?.text()).toBeNull();
  const copy = first?.copy();
  expect(new TextDecoder().decode(copy?.key ?? undefined)).toBe('k');
  expect(copy?.offset).toBe(0);
  expect(copy?.value?.buffer).not.toBe(first?.value?.buffer);
  expect(blocks[0]).toMatchObject({
    topic: 't',
    partition: 0,
    fromOffset: 0,
    nextOffset: 2,
    count: 2,
  });
});

test('what is asked for stands in Subscribe', async () => {
  const gateway = new FakeGateway();
  gateway.topic('t');
  gateway.client().subscribe('t', {
    start: { last: 5 },
    partitions: [0],
    filter: { and: [{ key: { prefix: 'a' } }, { header: { name: 'h', exists: true } }] },
    projection: ['key', 'timestamp'],
    policy: 'conflateKey',
    maxRate: 7,
    lane: 2,
    windowBytes: 1000,
    grant: async () => 'jwt',
  });
  await gateway.run();
  const [frame] = gateway.got('subscribe');
  expect(frame).toMatchObject({
    start: StartKind.LAST_N,
    lastN: 5,
    projection: 9,
    policy: Policy.CONFLATE_KEY,
    lane: 2,
    credit: 1000,
    grant: 'jwt',
    maxRate: 7,
  });
  expect(frame?.filter.map(({ op }) => op)).toEqual([
    FilterOp.KEY_PREFIX,
    FilterOp.HEADER_EXISTS,
    FilterOp.AND,
  ]);
});

test('options that mean nothing are refused at once, a filter when it is looked at', async () => {
  const gateway = new FakeGateway();
  const client = gateway.client();
  const ends = [{ key: { in: [] } }, { and: [{ key: { eq: 'a' } }, { key: { eq: 'b' } }] }].map(
    (filter) => read(client.subscribe('t', { filter })).ended,
  );
  await gateway.run(50);
  for (const end of await Promise.all(ends)) expect(end).toBeInstanceOf(GatewayError);
  expect(() => client.subscribe('t', { start: { resume: '?' } })).toThrow('base64url');
  expect(() => client.subscribe('t', { start: { resumeKey: 'k' } })).toThrow('resumeStore');
  const unsafe = { offsets: [{ partition: 0, offset: 2 ** 53 }] };
  expect(() => client.subscribe('t', { start: unsafe })).toThrow('safe integer');
  for (const timestamp of [Number.NaN, new Date('?'), 2 ** 70, -1])
    expect(() => client.subscribe('t', { start: { timestamp } })).toThrow(GatewayError);
});

test('a position below the log start is a gap with exact bounds', async () => {
  const gateway = new FakeGateway();
  const { logs } = filled(gateway, 't', 20);
  logs[0]?.trim(12);
  const subscription = gateway
    .client()
    .subscribe('t', { start: { offsets: [{ partition: 0, offset: 3 }] } });
  const gaps: unknown[] = [];
  subscription.on('gap', (gap) => gaps.push(gap));
  const { seen } = read(subscription);
  await gateway.run(50);
  expect(gaps).toEqual([{ partition: 0, from: 3, to: 12, reason: 'retention' }]);
  expect(seen[0]).toBe('0/12');
  expect(seen).toHaveLength(8);
});

test('a log that was cut goes on at the divergence, after the event, when that is wanted', async () => {
  const gateway = new FakeGateway();
  const { logs } = filled(gateway, 't', 20);
  const subscription = gateway
    .client()
    .subscribe('t', { start: 'earliest', onDiverged: 'nearest' });
  const events: unknown[] = [];
  subscription.on('diverged', (lost) => events.push(lost));
  const { seen } = read(subscription);
  await gateway.run(50);
  logs[0]?.truncate(14);
  logs[0]?.append('other');
  gateway.dropAll();
  await gateway.run(1_000);
  expect(events).toEqual([{ partition: 0, from: 14, to: 20 }]);
  expect(seen.slice(20)).toEqual(['0/14']);
});

test('without that it ends with the error of the server and keeps its position', async () => {
  const gateway = new FakeGateway();
  const { logs } = filled(gateway, 't', 20);
  const subscription = gateway.client().subscribe('t', { start: 'earliest' });
  const lost: unknown[] = [];
  subscription.on('diverged', (event) => lost.push(event));
  const { ended } = read(subscription);
  await gateway.run(50);
  logs[0]?.truncate(14);
  gateway.intercept = (peer, frame) => {
    if (frame.kind !== 'subscribe') return false;
    gateway.send(
      peer,
      {
        kind: 'subscribed',
        req: frame.req,
        sub: frame.sub,
        topicId: new Uint8Array(16).fill(1),
        streams: [stream({ outcome: Outcome.DIVERGED, lostFrom: 14n, lostTo: 20n })],
      },
      { kind: 'unsubscribed', sub: frame.sub, code: 122 },
    );
    return true;
  };
  gateway.dropAll();
  await gateway.run(1_000);
  expect(await ended).toMatchObject({ code: 122, codeName: 'diverged' });
  expect(lost).toEqual([{ partition: 0, from: 14, to: 20 }]);
  expect(subscription.position()).toMatchObject([{ offset: 20 }]);
  expect(subscription.state).toBe('closed');
});

test('a topic that was made again begins at its start when that is wanted', async () => {
  const gateway = new FakeGateway();
  filled(gateway, 't', 20, 2);
  const subscription = gateway
    .client()
    .subscribe('t', { start: 'earliest', onRecreated: 'nearest' });
  const events: unknown[] = [];
  subscription.on('recreated', (event) => events.push(event));
  const { seen } = read(subscription);
  await gateway.run(50);
  expect(seen).toHaveLength(40);
  gateway.topics.delete('t');
  gateway.topic('u');
  const again = filled(gateway, 't', 3, 2);
  gateway.dropAll();
  await gateway.run(1_000);
  expect(events).toHaveLength(2);
  expect(seen.slice(40).sort()).toEqual(['0/0', '0/1', '0/2', '1/0', '1/1', '1/2']);
  // The token is of the new topic.
  gateway.dropAll();
  await gateway.run(1_000);
  expect(gateway.got('subscribe')[0]?.resume?.slice(8, 24)).toEqual(again.id);
});

test('a topic that is made again while it is read is told once, with its new id', async () => {
  const gateway = new FakeGateway();
  const topic = filled(gateway, 't', 20);
  const subscription = gateway
    .client()
    .subscribe('t', { start: 'earliest', onRecreated: 'nearest' });
  const ids: string[] = [];
  subscription.on('recreated', ({ topicId }) => ids.push(topicId));
  const { seen } = read(subscription);
  await gateway.run(50);
  const [peer] = gateway.peers.values();
  const [sub] = peer?.subs.keys() ?? [];
  const [cursor] = peer?.subs.get(sub ?? 0)?.cursors ?? [];
  if (peer === undefined || sub === undefined || cursor === undefined) throw new Error('no cursor');
  gateway.topics.delete('t');
  gateway.topic('u');
  const again = filled(gateway, 't', 3);
  expect(again.id).not.toEqual(topic.id);
  // What the gateway says when reading the partition shows it, which may be before it knows the new topic.
  const streams = [stream({ stream: cursor.stream, outcome: Outcome.RECREATED, startOffset: 0n })];
  const code = ErrorCode.RECREATED;
  gateway.send(
    peer,
    { kind: 'streamStates', sub, more: false, streams },
    { kind: 'unsubscribed', req: 0, sub, code, retryable: false, retryAfterMs: 0, resume: null },
  );
  await gateway.run(5_000);
  expect(seen.slice(20)).toEqual(['0/0', '0/1', '0/2']);
  expect(ids).toEqual([topicIdText(again.id)]);
});
