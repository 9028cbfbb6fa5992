import { CloseCode, Codec, recordsFrame } from '@millrace/gateway-protocol';
import { expect, test } from 'vitest';
import { FakeGateway, type Peer } from './fake-gateway.test-server.ts';
import type { Subscription } from './subscription.ts';

function filled(records: number, partitions = 1): FakeGateway {
  const gateway = new FakeGateway();
  for (const log of gateway.topic('t', partitions).logs)
    for (let i = 0; i < records; i++) log.append(`${i}`);
  return gateway;
}

function offsets(subscription: Subscription): number[] {
  const seen: number[] = [];
  const loop = async (): Promise<void> => {
    for await (const { offset } of subscription.records()) seen.push(offset);
  };
  loop().catch(() => undefined);
  return seen;
}

function onlyPeer(gateway: FakeGateway): Peer {
  const [peer, ...others] = gateway.peers.values();
  if (peer === undefined || others.length > 0) throw new Error(`${gateway.peers.size} connections`);
  return peer;
}

const upTo = (end: number): number[] => Array.from({ length: end }, (_, i) => i);

test('the same subscription goes on after the line broke, exactly', async () => {
  const gateway = filled(25);
  const client = gateway.client();
  const states: string[] = [];
  client.on('state', (state) => states.push(state));
  const subscription = client.subscribe('t', { start: 'earliest' });
  const subscriptionStates: string[] = [];
  subscription.on('state', (state) => subscriptionStates.push(state));
  const seen = offsets(subscription);
  await gateway.run(50);
  gateway.dropAll();
  for (const log of gateway.topics.get('t')?.logs ?? []) log.append('25');
  await gateway.run(1_000);
  expect(seen).toEqual(upTo(26));
  expect(states).toEqual(['connecting', 'ready', 'reconnecting', 'ready']);
  expect(subscriptionStates).toEqual([
    'subscribing',
    'catchingUp',
    'live',
    'reconnecting',
    'catchingUp',
    'live',
  ]);
});

test('what was received and not finished is kept, and counts against the new window', async () => {
  const gateway = filled(100);
  const subscription = gateway.client().subscribe('t', { start: 'earliest', windowBytes: 1_000 });
  const iterator = subscription[Symbol.asyncIterator]();
  await gateway.run(50);
  const [before] = gateway.got('subscribe');
  const held = 1_000 - (onlyPeer(gateway).subs.get(before?.sub ?? 0)?.credit ?? 0);
  expect(held).toBeGreaterThan(1_000);
  gateway.dropAll();
  await gateway.run(1_000);
  // Over its window: it does not even ask until the consumer has made room.
  expect(gateway.got('subscribe')).toHaveLength(0);
  const seen: number[] = [];
  for (let left = 10; left > 0; left--) {
    const next = iterator.next();
    await gateway.run(100);
    for (const { offset } of (await next).value ?? []) seen.push(offset);
  }
  expect(seen).toEqual(upTo(100));
  expect(gateway.got('subscribe')[0]?.credit).toBeLessThan(1_000);
});

test('half a block that the line cut off gives its credit back', async () => {
  const gateway = filled(10);
  const client = gateway.client();
  const subscription = client.subscribe('t', { start: 'earliest', windowBytes: 1_000 });
  const seen = offsets(subscription);
  await gateway.run(50);
  const facts = { stream: 1, count: 20, fromOffset: 10, nextOffset: 30, highWatermark: 30 };
  const block = { baseTimestamp: 1, leaderEpoch: 0, flags: 0, codec: Codec.NONE, rawSize: 2_000 };
  const half = { ...facts, ...block, part: 0, parts: 2 };
  onlyPeer(gateway).socket.deliverRaw(recordsFrame(half, new Uint8Array(1_000)));
  gateway.dropAll();
  for (const log of gateway.topics.get('t')?.logs ?? []) log.append('10');
  await gateway.run(1_000);
  expect(subscription.state).toBe('live');
  expect(seen).toEqual(upTo(11));
  expect(gateway.got('subscribe')[0]?.credit).toBe(1_000);
  expect(gateway.got('hello').at(-1)?.credit).toBe(16 << 20);
});

test('waits grow with full jitter, up to the cap, and begin small after a good connection', async () => {
  const gateway = filled(0);
  gateway.admit = (socket) => socket.drop();
  const client = gateway.client();
  client.subscribe('t');
  const starts: number[] = [];
  let count = 0;
  for (let ms = 0; ms < 120_000; ms += 10) {
    await gateway.clock.advanceAsync(10);
    if (gateway.sockets.length > count) starts.push(ms);
    count = gateway.sockets.length;
  }
  const waits = starts.slice(1).map((at, i) => at - (starts[i] ?? 0));
  for (const [n, wait] of waits.entries())
    expect(wait).toBeLessThanOrEqual(Math.min(20_000, 250 * 2 ** n) + 30);
  expect(Math.max(...waits)).toBeGreaterThan(5_000);
  gateway.admit = (socket) => socket.accept();
  await gateway.run(30_000);
  expect(client.state).toBe('ready');
  gateway.dropAll();
  await gateway.run(300);
  expect(client.state).toBe('ready');
});

test('after so many failures in a row the client closes, with everything in it', async () => {
  const gateway = filled(0);
  gateway.admit = (socket) => socket.drop();
  const client = gateway.client({ reconnect: { attempts: 3, baseMs: 10 } });
  const subscription = client.subscribe('t');
  const next = subscription[Symbol.asyncIterator]().next();
  const failed = expect(next).rejects.toMatchObject({ code: 1006 });
  await gateway.run(5_000);
  await failed;
  expect(gateway.sockets).toHaveLength(3);
  expect(client.state).toBe('closed');
  expect(() => client.subscribe('t')).toThrow('the connection ended');
});

test('C52: the network coming back or a look at the page ends the wait, once a second', async () => {
  const gateway = filled(0);
  gateway.admit = (socket) => socket.drop();
  const client = gateway.client({ reconnect: { baseMs: 1_000_000, capMs: 1_000_000 } });
  client.subscribe('t');
  await gateway.run(2_000);
  const before = gateway.sockets.length;
  gateway.admit = (socket) => socket.accept();
  for (let i = 0; i < 5; i++) gateway.wake();
  await gateway.run(10);
  expect(gateway.sockets).toHaveLength(before + 1);
  expect(client.state).toBe('ready');
});

test('an attempt that hangs is given up, sooner when the network comes back', async () => {
  const gateway = filled(0);
  gateway.admit = () => undefined;
  const client = gateway.client();
  client.subscribe('t');
  await gateway.run(9_000);
  expect(gateway.sockets).toHaveLength(1);
  await gateway.run(3_000);
  expect(gateway.sockets.length).toBeGreaterThan(1);
  gateway.admit = (socket) => socket.accept();
  await gateway.run(1_100);
  gateway.wake();
  await gateway.run(20);
  expect(client.state).toBe('ready');
});

test('a gateway that is silent is left; one that answers a Ping is not', async () => {
  const gateway = filled(5);
  const client = gateway.client();
  const seen = offsets(client.subscribe('t', { start: 'earliest' }));
  await gateway.run(20_000);
  gateway.socket.isCut = true;
  await gateway.run(20_000);
  expect(gateway.sockets).toHaveLength(2);
  expect(gateway.sockets[0]?.closeCode).toBe(CloseCode.NO_PONG);
  expect(seen).toEqual(upTo(5));
});

test('C52: after ten minutes of sleep it asks before it gives up', async () => {
  const gateway = filled(5);
  const client = gateway.client();
  client.subscribe('t');
  await gateway.run(50);
  gateway.sleep(600_000);
  await gateway.run(40_000);
  expect(gateway.sockets).toHaveLength(1);
  expect(gateway.got('ping')).toHaveLength(1);
  expect(client.state).toBe('ready');
  gateway.sleep(600_000);
  gateway.socket.isCut = true;
  await gateway.run(45_000);
  expect(gateway.sockets).toHaveLength(2);
  expect(client.state).toBe('ready');
});

test('a look at the page finds a dead connection within the grace', async () => {
  const gateway = filled(5);
  const client = gateway.client();
  client.subscribe('t');
  await gateway.run(26_000);
  gateway.socket.isCut = true;
  for (let i = 0; i < 3; i++) gateway.wake();
  await gateway.run(6_900);
  expect(gateway.sockets).toHaveLength(1);
  await gateway.run(2_000);
  expect(gateway.sockets).toHaveLength(2);
});

test('Goaway: delivery goes on, the next connection comes when the gateway said', async () => {
  const gateway = filled(5);
  const client = gateway.client();
  const seen = offsets(client.subscribe('t', { start: 'earliest' }));
  await gateway.run(50);
  const notices: unknown[] = [];
  client.on('goaway', (notice) => notices.push(notice));
  gateway.send(onlyPeer(gateway), {
    kind: 'goaway',
    code: 101,
    reconnectAfterMs: 3_000,
    closesInMs: 5_000,
  });
  await gateway.run(10);
  const late = offsets(client.subscribe('t', { start: 'earliest' }));
  gateway.topics.get('t')?.logs[0]?.append('5');
  gateway.pump();
  await gateway.run(2_900);
  expect(seen).toEqual(upTo(6));
  expect(gateway.sockets).toHaveLength(1);
  await gateway.run(200);
  expect(gateway.sockets.map(({ closeCode }) => closeCode)).toEqual([1000, 0]);
  await gateway.run(50);
  expect(late).toEqual(upTo(6));
  expect(notices).toEqual([{ code: 101, reconnectAfterMs: 3_000, closesInMs: 5_000 }]);
  expect(seen).toEqual(upTo(6));
});

test('Goaway: a gateway that closes early is not asked again before the time', async () => {
  const gateway = filled(5);
  gateway.client().subscribe('t');
  await gateway.run(50);
  const url = 'ws://quiet/v1/ws';
  gateway.send(onlyPeer(gateway), { kind: 'goaway', code: 111, reconnectAfterMs: 4_000, url });
  await gateway.run(1_000);
  gateway.dropAll(CloseCode.GOING_AWAY);
  await gateway.run(2_500);
  expect(gateway.sockets).toHaveLength(1);
  await gateway.run(1_000);
  expect(gateway.sockets.map((socket) => socket.url)).toEqual(['ws://gateway/v1/ws', url]);
});

test('another gateway is tried after a failure; a named one never over a weaker way', async () => {
  const gateway = filled(5);
  const url = ['wss://a/v1/ws', 'wss://b/v1/ws'];
  gateway.admit = (socket) => (socket.url === url[0] ? socket.drop() : socket.accept());
  gateway.client({ url }).subscribe('t');
  await gateway.run(1_000);
  gateway.send(onlyPeer(gateway), { kind: 'goaway', code: 101, url: 'ws://evil/v1/ws' });
  await gateway.run(1_000);
  expect(gateway.sockets.map((socket) => socket.url)).toEqual([url[0], url[1], url[1]]);
});

test('overload: not before the time the gateway names', async () => {
  const gateway = filled(5);
  let refusals = 1;
  gateway.intercept = (peer, frame) => {
    if (frame.kind !== 'hello' || refusals-- <= 0) return false;
    gateway.send(peer, {
      kind: 'error',
      scope: 3,
      code: 111,
      retryable: true,
      retryAfterMs: 9_000,
    });
    peer.socket.drop(CloseCode.OVERLOADED);
    return true;
  };
  const client = gateway.client();
  client.subscribe('t');
  await gateway.run(8_900);
  expect(gateway.sockets).toHaveLength(1);
  await gateway.run(300);
  expect(client.state).toBe('ready');
});

test('a Hello that the network kept for too long is said again', async () => {
  const gateway = filled(5);
  let losses = 2;
  gateway.intercept = (peer, frame) => {
    if (frame.kind !== 'hello' || losses-- <= 0) return false;
    peer.socket.drop(CloseCode.HELLO_TIMEOUT);
    return true;
  };
  const client = gateway.client();
  const seen = offsets(client.subscribe('t', { start: 'earliest' }));
  await gateway.run(60_000);
  expect(client.state).toBe('ready');
  expect(seen).toEqual(upTo(5));
});

test.each([CloseCode.FORBIDDEN, CloseCode.ABUSE, CloseCode.REVOKED])(
  'close code %i is the end',
  async (code) => {
    const gateway = filled(5);
    const client = gateway.client();
    const subscription = client.subscribe('t', { start: 'earliest' });
    const iterator = subscription[Symbol.asyncIterator]();
    await gateway.run(50);
    gateway.dropAll(code);
    await gateway.run(60_000);
    expect(gateway.sockets).toHaveLength(1);
    expect(client.state).toBe('closed');
    // What had come is still handed out.
    expect((await iterator.next()).value?.count).toBe(5);
    await expect(iterator.next()).rejects.toMatchObject({ code });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  },
);

test('C52: close in every state leaves no timer, no socket and no open loop', async () => {
  for (const afterMs of [0, 1, 2, 3, 4, 5, 50, 500]) {
    for (const isBroken of [false, true]) {
      const gateway = filled(30);
      const client = gateway.client();
      const subscription = client.subscribe('t', { start: 'earliest' });
      const loop = (async () => {
        for await (const _ of subscription);
      })();
      if (afterMs > 0) await gateway.run(afterMs);
      if (isBroken) gateway.dropAll();
      if (isBroken) await gateway.run(2);
      const closed = client.close();
      await gateway.run(5);
      await closed;
      await loop;
      expect([client.state, subscription.state]).toEqual(['closed', 'closed']);
      await gateway.run(20);
      expect(gateway.clock.pendingCount).toBe(0);
      for (const { readyState } of gateway.sockets) expect(readyState).toBe(3);
      await expect(client.publish('t', { value: 'x' })).rejects.toThrow('closed');
    }
  }
});

test('a subscription that was closed is never asked for again', async () => {
  const gateway = filled(5);
  const client = gateway.client();
  const one = client.subscribe('t');
  client.subscribe('t');
  await gateway.run(50);
  gateway.dropAll();
  await gateway.run(2);
  await one.close();
  await gateway.run(1_000);
  expect(gateway.got('subscribe')).toHaveLength(1);
});
