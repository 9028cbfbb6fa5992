import { ErrorCode, Outcome } from '@millrace/gateway-protocol';
import { expect, test } from 'vitest';
// The client loads them when they are needed; here they are there already.
import './filter-plan.ts';
import './json-format.ts';
import { filled, read, stream } from './fake-consumer.test-server.ts';
import { FakeGateway, type Peer } from './fake-gateway.test-server.ts';
import type { ResumeStore } from './options.ts';

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

test('an Unsubscribe that is refused for now is said again; what comes until then is dropped', async () => {
  const gateway = new FakeGateway();
  const { logs } = filled(gateway, 't', 30);
  const client = gateway.client();
  const bad = read(client.subscribe('t', { start: 'earliest', lane: 1 }));
  const subscription = client.subscribe('t', { start: 'earliest' });
  read(subscription);
  await gateway.run(50);
  let refusals = 3;
  gateway.intercept = (peer, frame) => {
    if (frame.kind !== 'unsubscribe' || refusals-- <= 0) return false;
    const { req } = frame;
    const code = ErrorCode.OVERLOADED;
    gateway.send(peer, { kind: 'error', id: req, code, retryable: true, retryAfterMs: 1_000 });
    return true;
  };
  let isClosed = false;
  void subscription.close().then(() => {
    isClosed = true;
  });
  await gateway.run(2_500);
  logs[0]?.append('for the other');
  await gateway.run(100);
  expect(client.state).toBe('ready');
  expect(isClosed).toBe(false);
  await gateway.run(1_000);
  expect(isClosed).toBe(true);
  expect(gateway.got('unsubscribe')).toHaveLength(4);
  expect(bad.seen).toHaveLength(31);
  // The connection's end is the end of it as well.
  refusals = 1_000;
  const last = client.subscribe('t', { start: 'earliest' });
  read(last);
  await gateway.run(50);
  const closed = last.close();
  await gateway.run(500);
  gateway.dropAll();
  await gateway.run(5);
  await closed;
});

test('C52: a consumer that throws closes its subscription and no other', async () => {
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

test('C17: a token of one client goes on exactly in another', async () => {
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

test('C52: a store that throws is reported and ignored', async () => {
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
  expect(subscription.position()).toEqual([{ partition: 0, offset: 20 }]);
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

test('an epoch that is unknown where Progress or a Gap leads to is not the one from before', async () => {
  const gateway = new FakeGateway();
  filled(gateway, 't', 10);
  const subscription = gateway.client().subscribe('t', { start: 'earliest' });
  read(subscription);
  await gateway.run(50);
  expect(subscription.position()).toEqual([{ partition: 0, offset: 10, leaderEpoch: 0 }]);
  const peer = [...gateway.peers.values()][0] as Peer;
  gateway.send(peer, { kind: 'progress', streams: [{ stream: 1, offset: 15n, epoch: -1 }] });
  await gateway.run(50);
  expect(subscription.position()).toEqual([{ partition: 0, offset: 15 }]);
});
