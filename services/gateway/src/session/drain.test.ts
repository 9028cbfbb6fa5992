import {
  CloseCode,
  CONTROL_FRAME_BYTES_MAX,
  ErrorCode,
  encodeFrame,
  encodeJsonFrame,
  type FrameOf,
} from '@millrace/gateway-protocol';
import { describe, expect, test } from 'vitest';
import { SessionRig } from './testing/session-rig.ts';

test('C47: Goaway with Progress before it, delivery until the end, last Progress, 4001', async () => {
  const rig = new SessionRig(['gateway.drain.spread.ms=1000']);
  rig.upstream.create('t');
  const client = await rig.welcomed();
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 't' });
  await rig.settle();
  client.clear();
  const [cursor] = rig.fanOut.cursors;
  if (cursor === undefined) throw new Error('nothing is attached');
  cursor.silentOffset = 5;
  let isDone = false;
  void rig.sessions.drain().then(() => {
    isDone = true;
  });
  expect(rig.upgrade({})).toBe(503);
  await rig.advance(1100);
  expect(client.kinds()).toEqual(['progress', 'goaway']);
  expect(client.take('progress').streams).toEqual([
    { stream: cursor.streamId, offset: 5n, epoch: -1 },
  ]);
  const goaway = client.take('goaway');
  expect(goaway).toMatchObject({ code: ErrorCode.GOING_AWAY, closesInMs: 5000 });
  expect(goaway.reconnectAfterMs).toBeLessThan(1000);
  expect(goaway.tokens.map(({ sub }) => sub)).toEqual([1]);

  client.send({ kind: 'subscribe', req: 2, sub: 2, topic: 't', lane: 1 });
  client.send({ kind: 'publish', seq: 1n, topic: 't' });
  await rig.settle();
  expect(client.take('error')).toMatchObject({ id: 2, code: ErrorCode.GOING_AWAY });
  expect(client.take('pubResult').code).toBe(ErrorCode.GOING_AWAY);
  expect(cursor.deliver(8)).toBe(true);
  cursor.silentOffset = 9;
  await rig.advance(6000);
  const progresses = client.frames().filter(({ kind }) => kind === 'progress');
  expect(progresses.at(-1)).toMatchObject({ streams: [{ offset: 9n }] });
  expect(client.closeCode).toBe(CloseCode.GOING_AWAY);
  expect(isDone).toBe(true);
});

describe.each([
  ['binary', false],
  ['JSON', true],
])('C47: what goes with a token stays a control frame, %s', (_, isText) => {
  const sizeOf = (frame: FrameOf<'goaway' | 'unsubscribed'>): number =>
    isText ? encodeJsonFrame(frame).length : encodeFrame(frame).length;

  /** A client with streams for so many subscriptions, of so many partitions each. */
  async function clientWith(rig: SessionRig, subscriptions: number, partitions: number) {
    rig.upstream.create('t', partitions);
    const client = await rig.welcomed({ isText });
    for (let at = 0; at < subscriptions; at++) {
      const sub = 4_000_000_000 + at;
      client.send({
        kind: 'subscribe',
        req: sub,
        sub,
        topic: 't',
        lane: at % 4,
        projection: at >> 2,
      });
    }
    await rig.settle();
    client.clear();
    return client;
  }

  test('Goaway of 15 to 60 subscriptions has all tokens or none', async () => {
    const counts: number[] = [];
    for (let subscriptions = 15; subscriptions <= 60; subscriptions += 3) {
      const rig = new SessionRig(['gateway.drain.spread.ms=0']);
      const client = await clientWith(rig, subscriptions, 1);
      void rig.sessions.drain();
      await rig.advance(100);
      const goaway = client.take('goaway');
      counts.push(goaway.tokens.length - subscriptions);
      expect(sizeOf(goaway)).toBeLessThanOrEqual(CONTROL_FRAME_BYTES_MAX);
    }
    expect(counts.filter((missing) => missing === 0).length).toBeGreaterThan(3);
    expect(counts.at(-1)).toBe(-60);
  });

  test('Unsubscribed and Goaway of one with 170 to 200 partitions', async () => {
    const withToken: number[] = [];
    for (let partitions = 170; partitions <= 200; partitions += 3) {
      const rig = new SessionRig(['gateway.drain.spread.ms=0']);
      const client = await clientWith(rig, 1, partitions);
      client.send({ kind: 'unsubscribe', req: 4_000_000_001, sub: 4_000_000_000 });
      await rig.settle();
      const frame = client.take('unsubscribed');
      expect(sizeOf(frame)).toBeLessThanOrEqual(CONTROL_FRAME_BYTES_MAX);
      if (frame.resume !== null) withToken.push(partitions);
    }
    expect(withToken).toContain(170);
    expect(withToken).not.toContain(200);
  });
});

test('C47: connections go at moments of their own', async () => {
  const rig = new SessionRig(['gateway.drain.spread.ms=10000', 'gateway.drain.deadline.ms=60000']);
  const names = Array.from({ length: 100 }, (_, at) => `user-${at}`);
  const clients = await Promise.all(names.map((sub) => rig.welcomed({ as: { sub } })));
  void rig.sessions.drain();
  const gone = () => clients.filter((client) => client.kinds().includes('goaway')).length;
  let before = 0;
  for (let second = 1; second <= 10; second++) {
    await rig.advance(1000);
    for (const client of clients) client.send({ kind: 'pong', nonce: 0 });
    expect(gone() - before).toBeLessThan(25);
    before = gone();
  }
  await rig.advance(200);
  expect(gone()).toBe(100);
});

test('C47: what is published before has its result, or after ten seconds an unknown one', async () => {
  const rig = new SessionRig(['gateway.drain.spread.ms=0', 'gateway.drain.deadline.ms=60000']);
  rig.upstream.create('t');
  rig.upstream.publishOutcome = () => new Promise(() => {});
  const client = await rig.welcomed();
  client.send({ kind: 'publish', seq: 7n, topic: 't' });
  await rig.settle();
  void rig.sessions.drain();
  await rig.advance(5000 + 9000);
  expect(client.closeCode).toBeNull();
  client.send({ kind: 'pong', nonce: 0 });
  await rig.advance(2000);
  expect(client.take('pubResult')).toMatchObject({ seq: 7n, code: ErrorCode.UNKNOWN_OUTCOME });
  expect(client.closeCode).toBe(CloseCode.GOING_AWAY);
});

test('C47: the deadline ends what is left', async () => {
  const rig = new SessionRig([
    'gateway.drain.spread.ms=1000',
    'gateway.drain.close.after.ms=1000',
    'gateway.drain.deadline.ms=3000',
  ]);
  rig.upstream.create('t');
  rig.upstream.publishOutcome = () => new Promise(() => {});
  const client = await rig.welcomed();
  client.send({ kind: 'publish', seq: 1n, topic: 't' });
  let isDone = false;
  void rig.sessions.drain().then(() => {
    isDone = true;
  });
  await rig.advance(2900);
  expect(isDone).toBe(false);
  await rig.advance(200);
  expect(client.take('pubResult')).toMatchObject({ seq: 1n, code: ErrorCode.UNKNOWN_OUTCOME });
  expect(client.closeCode).toBe(CloseCode.GOING_AWAY);
  expect(isDone).toBe(true);
  expect(rig.clock.pendingCount).toBe(0);
});

test('the end of a lifetime is a Goaway 102, then 4007', async () => {
  const rig = new SessionRig(['gateway.connection.lifetime.ms=10000']);
  const client = await rig.welcomed();
  await rig.advance(11_100);
  expect(client.take('goaway').code).toBe(ErrorCode.LIFETIME);
  await rig.advance(5100);
  expect(client.closeCode).toBe(CloseCode.LIFETIME);
});
