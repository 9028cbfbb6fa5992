import { FilterOp, Outcome, Policy, StartKind } from '@millrace/gateway-protocol';
import { expect, test } from 'vitest';
// The client loads them when they are needed; here they are there already.
import './filter-plan.ts';
import './json-format.ts';
import { GatewayError } from './errors.ts';
import { FakeGateway } from './fake-gateway.test-server.ts';
import type { ResumeStore } from './options.ts';
import type { RecordBlock } from './record-block.ts';
import type { Subscription } from './subscription.ts';

/** Reads in the background; `seen` grows, `ended` says how it ended. */
function read(subscription: Subscription): {
  seen: string[];
  blocks: RecordBlock[];
  ended: Promise<unknown>;
} {
  const seen: string[] = [];
  const blocks: RecordBlock[] = [];
  const loop = async (): Promise<void> => {
    for await (const block of subscription) {
      blocks.push(block);
      for (const record of block) seen.push(`${block.partition}/${record.offset}`);
    }
  };
  return { seen, blocks, ended: loop().catch((error: unknown) => error) };
}

function filled(gateway: FakeGateway, name: string, records: number, partitions = 1) {
  const topic = gateway.topic(name, partitions);
  for (const log of topic.logs)
    for (let i = 0; i < records; i++) log.append(`value ${i}`, `key ${i}`);
  return topic;
}

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

test('credit: a consumer that stops gets its window and no more, and all of it when it goes on', async () => {
  const gateway = new FakeGateway();
  gateway.blockRecords = 1;
  filled(gateway, 't', 200);
  const subscription = gateway.client().subscribe('t', { start: 'earliest', windowBytes: 500 });
  const iterator = subscription[Symbol.asyncIterator]();
  const first = iterator.next();
  await gateway.run(50);
  expect((await first).value?.fromOffset).toBe(0);
  await gateway.run(5_000);
  const sub = [...gateway.peers.values()][0]?.subs.values().next().value;
  expect(sub?.credit).toBeLessThanOrEqual(0);
  expect(gateway.got('credit')).toHaveLength(0);
  for (let offset = 1; offset < 200; offset++) {
    const next = iterator.next();
    await gateway.run(3);
    expect((await next).value?.fromOffset).toBe(offset);
  }
  // Returned in few frames, for the subscription and for the connection.
  await gateway.run(100);
  const returned = gateway.got('credit').filter(({ sub: id }) => id !== 0);
  expect(returned.length).toBeLessThan(70);
});

test('leaving the loop unsubscribes; what was in hand is not finished', async () => {
  const gateway = new FakeGateway();
  filled(gateway, 't', 30);
  const subscription = gateway.client().subscribe('t', { start: 'earliest' });
  const loop = (async () => {
    for await (const block of subscription) if (block.fromOffset === 10) break;
  })();
  await gateway.run(50);
  await loop;
  expect(subscription.state).toBe('closed');
  expect(gateway.got('unsubscribe')).toHaveLength(1);
  expect(subscription.position()).toEqual([{ partition: 0, offset: 10, leaderEpoch: 0 }]);
});

test('a consumer that throws closes its subscription and no other', async () => {
  const gateway = new FakeGateway();
  filled(gateway, 't', 30);
  const client = gateway.client();
  const other = read(client.subscribe('t', { start: 'earliest', lane: 1 }));
  const bad = client.subscribe('t', { start: 'earliest' });
  const loop = (async () => {
    for await (const _ of bad.records()) throw new Error('mine');
  })();
  const failed = expect(loop).rejects.toThrow('mine');
  await gateway.run(50);
  await failed;
  expect(bad.state).toBe('closed');
  expect(other.seen).toHaveLength(30);
});

test('an abort signal closes quietly, before and after', async () => {
  const gateway = new FakeGateway();
  filled(gateway, 't', 30);
  const client = gateway.client();
  const early = client.subscribe('t', { signal: AbortSignal.abort() });
  expect(early.state).toBe('closed');
  expect(client.state).toBe('idle');
  const controller = new AbortController();
  const { seen, ended } = read(
    client.subscribe('t', { start: 'earliest', signal: controller.signal }),
  );
  await gateway.run(50);
  controller.abort();
  await gateway.run(50);
  expect(await ended).toBeUndefined();
  expect(seen).toHaveLength(30);
  expect(gateway.got('unsubscribe')).toHaveLength(1);
});

test('pause holds back what is here and what would come', async () => {
  const gateway = new FakeGateway();
  const { logs } = filled(gateway, 't', 5);
  const subscription = gateway.client().subscribe('t', { start: 'earliest' });
  const { seen } = read(subscription);
  await gateway.run(50);
  subscription.pause();
  await gateway.run();
  expect(subscription.state).toBe('paused');
  logs[0]?.append('x');
  gateway.pump();
  await gateway.run(100);
  expect(seen).toHaveLength(5);
  gateway.dropAll();
  await gateway.run(1_000);
  expect(gateway.got('pause')).toHaveLength(1);
  expect(seen).toHaveLength(5);
  subscription.resume();
  await gateway.run(100);
  expect(seen).toHaveLength(6);
  expect(subscription.state).toBe('live');
});

test('a token of one client goes on exactly in another', async () => {
  const gateway = new FakeGateway();
  filled(gateway, 't', 35, 3);
  const filter = { key: { prefix: 'key' } };
  const first = gateway.client().subscribe('t', { start: 'earliest', filter });
  const seen: string[] = [];
  const loop = (async () => {
    for await (const block of first) {
      if (seen.length >= 50) break;
      for (const { offset } of block) seen.push(`${block.partition}/${offset}`);
    }
  })();
  await gateway.run(50);
  await loop;
  const second = read(
    gateway.client().subscribe('t', { start: { resume: first.resumeToken() }, filter }),
  );
  await gateway.run(50);
  const all = [...seen, ...second.seen];
  expect(all).toHaveLength(105);
  expect(new Set(all).size).toBe(105);
});

class MapStore implements ResumeStore {
  readonly saved = new Map<string, string>();
  isBroken = false;

  async load(key: string): Promise<string | null> {
    if (this.isBroken) throw new Error('broken store');
    return this.saved.get(key) ?? null;
  }

  async save(key: string, token: string): Promise<void> {
    if (this.isBroken) throw new Error('broken store');
    this.saved.set(key, token);
  }
}

test('a resume key begins at latest, then where the page left off', async () => {
  const gateway = new FakeGateway();
  const { logs } = filled(gateway, 't', 5);
  const resumeStore = new MapStore();
  const client = gateway.client({ resumeStore });
  const first = read(client.subscribe('t', { start: { resumeKey: 'k' } }));
  await gateway.run(50);
  logs[0]?.append('a');
  gateway.pump();
  await gateway.run(50);
  expect(first.seen).toEqual(['0/5']);
  // The page is gone without a word: what was saved within a second holds.
  await gateway.run(1_500);
  gateway.socket.isCut = true;
  logs[0]?.append('b');
  const second = read(
    gateway.client({ resumeStore }).subscribe('t', { start: { resumeKey: 'k' } }),
  );
  await gateway.run(50);
  expect(second.seen).toEqual(['0/6']);
});

test('a store that throws is reported and ignored', async () => {
  const gateway = new FakeGateway();
  const { logs } = filled(gateway, 't', 5);
  const resumeStore = new MapStore();
  resumeStore.isBroken = true;
  const client = gateway.client({ resumeStore });
  const errors: string[] = [];
  client.on('error', (error) => errors.push(error.message));
  const { seen } = read(client.subscribe('t', { start: { resumeKey: 'k' } }));
  await gateway.run(50);
  logs[0]?.append('a');
  gateway.pump();
  await gateway.run(2_000);
  expect(seen).toEqual(['0/5']);
  expect(errors.length).toBeGreaterThan(1);
  expect(new Set(errors)).toEqual(new Set(['the resume store failed']));
});

test('what is refused for good throws to its consumer', async () => {
  const gateway = new FakeGateway();
  const { ended } = read(gateway.client().subscribe('nothing'));
  await gateway.run(50);
  expect(await ended).toMatchObject({ name: 'GatewayError', code: 103, codeName: 'forbidden' });
});

test('what may be retried is, and the consumer only hears of it', async () => {
  const gateway = new FakeGateway();
  filled(gateway, 't', 5);
  let refusals = 2;
  gateway.intercept = (peer, frame) => {
    if (frame.kind !== 'subscribe' || refusals-- <= 0) return false;
    const { req } = frame;
    gateway.send(peer, { kind: 'error', id: req, code: 111, retryable: true, retryAfterMs: 700 });
    return true;
  };
  const subscription = gateway.client().subscribe('t', { start: 'earliest' });
  const errors: number[] = [];
  subscription.on('error', ({ code }) => errors.push(code));
  const { seen } = read(subscription);
  await gateway.run(1_000);
  expect(seen).toHaveLength(0);
  await gateway.run(2_000);
  expect(errors).toEqual([111, 111]);
  expect(seen).toHaveLength(5);
});

test('a slow consumer that asked for it is disconnected with its token', async () => {
  const gateway = new FakeGateway();
  filled(gateway, 't', 5);
  const subscription = gateway.client().subscribe('t', { start: 'earliest', policy: 'disconnect' });
  const { ended } = read(subscription);
  await gateway.run(50);
  const [peer] = gateway.peers.values();
  if (peer !== undefined)
    gateway.send(peer, { kind: 'unsubscribed', sub: 1, code: 113, retryable: true });
  await gateway.run(50);
  expect(await ended).toMatchObject({ code: 113, retryable: true });
  expect(subscription.resumeToken()).not.toBe('');
});

test('two subscriptions that would share a stream get lanes of their own', async () => {
  const gateway = new FakeGateway();
  filled(gateway, 't', 5);
  const client = gateway.client();
  for (let i = 0; i < 3; i++) client.subscribe('t');
  client.subscribe('t', { filter: { key: { eq: 'a' } } });
  await gateway.run(50);
  expect(gateway.got('subscribe').map(({ lane }) => lane)).toEqual([0, 1, 2, 0]);
});

test('one consumer only', () => {
  const subscription = new FakeGateway().client().subscribe('t');
  subscription[Symbol.asyncIterator]();
  expect(() => subscription[Symbol.asyncIterator]()).toThrow('one consumer');
});

test('events stand in line with blocks, and progress moves the position', async () => {
  const gateway = new FakeGateway();
  filled(gateway, 't', 10);
  const subscription = gateway.client().subscribe('t', { start: 'earliest' });
  const order: string[] = [];
  subscription.on('gap', ({ to }) => order.push(`gap to ${to}`));
  subscription.on('caughtUp', ({ offset }) => order.push(`caught up ${offset}`));
  const iterator = subscription[Symbol.asyncIterator]();
  await gateway.run(20);
  const [peer] = gateway.peers.values();
  const stream = 1;
  if (peer !== undefined)
    gateway.send(
      peer,
      { kind: 'progress', streams: [{ stream, offset: 15n, epoch: 0 }] },
      { kind: 'progress', streams: [{ stream, offset: 17n, epoch: 0 }] },
      { kind: 'gap', stream, fromOffset: 17n, toOffset: 20n, reason: 1 },
    );
  await gateway.run(20);
  expect(order).toEqual([]);
  expect((await iterator.next()).value?.nextOffset).toBe(10);
  await gateway.run(20);
  expect(order).toEqual([]);
  expect(subscription.position()).toEqual([{ partition: 0, offset: 0, leaderEpoch: 0 }]);
  void iterator.next();
  await gateway.run(20);
  expect(order).toEqual(['caught up 10', 'gap to 20']);
  expect(subscription.position()).toEqual([{ partition: 0, offset: 20, leaderEpoch: 0 }]);
});

test('a partition without a leader comes when it is ready', async () => {
  const gateway = new FakeGateway();
  gateway.topic('t');
  gateway.intercept = (peer, frame) => {
    if (frame.kind !== 'subscribe') return false;
    const streams = [stream({}), stream({ partition: 1, stream: 0, outcome: Outcome.PENDING })];
    const { req, sub } = frame;
    gateway.send(
      peer,
      { kind: 'subscribed', req, sub, topicId: new Uint8Array(16), streams },
      { kind: 'caughtUp', stream: 1, offset: 20n },
    );
    return true;
  };
  const subscription = gateway.client().subscribe('t');
  await gateway.run(20);
  expect(subscription.state).toBe('catchingUp');
  expect(subscription.position()).toHaveLength(1);
  const [peer] = gateway.peers.values();
  if (peer !== undefined)
    gateway.send(
      peer,
      { kind: 'streamStates', sub: 1, streams: [stream({ partition: 1, stream: 2 })] },
      { kind: 'caughtUp', stream: 2, offset: 20n },
    );
  await gateway.run(20);
  expect(subscription.state).toBe('live');
  expect(subscription.position()).toHaveLength(2);
});

/** A stream that starts at 20, but for `facts`. */
function stream(facts: object) {
  return {
    stream: 1,
    partition: 0,
    outcome: Outcome.EXACT,
    code: 0,
    leaderEpoch: 0,
    startOffset: 20n,
    logStart: 0n,
    highWatermark: 20n,
    lostFrom: -1n,
    lostTo: -1n,
    ...facts,
  };
}
