import { CloseCode, ErrorCode } from '@millrace/gateway-protocol';
import { describe, expect, test } from 'vitest';
import { SessionRig, testToken } from './testing/session-rig.ts';

describe.each([false, true])('the handshake (JSON: %s)', (isText) => {
  test('welcomes with limits, heartbeat and publish credit', async () => {
    const rig = new SessionRig();
    const client = rig.open(isText);
    client.send({ kind: 'hello', caps: 3, token: testToken() });
    await rig.settle();
    const welcome = client.take('welcome');
    expect(welcome).toMatchObject({
      protocol: 1,
      caps: 3,
      pingIntervalMs: 25_000,
      pongGraceMs: 8000,
      publishRecords: 64,
      publishBytes: 262_144,
      sessionLastSeq: -1n,
      limits: { messageBytes: 65_536, frames: 64, subscriptions: 64, streams: 1024 },
    });
  });

  test('C03: without Hello the connection ends at 5 s', async () => {
    const rig = new SessionRig();
    const client = rig.open(isText);
    await rig.advance(4500);
    expect(client.closeCode).toBeNull();
    await rig.advance(1000);
    expect(client.closeCode).toBe(CloseCode.HELLO_TIMEOUT);
    expect(client.take('error').code).toBe(ErrorCode.BAD_REQUEST);
  });

  test('a gateway that stood still reads the Hello before it judges', async () => {
    const rig = new SessionRig();
    const client = rig.open(isText);
    rig.clock.standStill(7000);
    client.send({ kind: 'hello', token: testToken() });
    await rig.advance(1000);
    expect(client.kinds()).toEqual(['welcome']);
    const silent = rig.open(isText);
    rig.clock.standStill(7000);
    await rig.advance(200);
    expect(silent.closeCode).toBe(CloseCode.HELLO_TIMEOUT);
  });

  test('C03: another frame first, or a second Hello, is 4501', async () => {
    const rig = new SessionRig();
    const early = rig.open(isText);
    early.send({ kind: 'ping', nonce: 1 });
    expect(early.closeCode).toBe(CloseCode.BAD_FRAME);
    const twice = await rig.welcomed({ isText });
    twice.send({ kind: 'hello', token: testToken() });
    expect(twice.closeCode).toBe(CloseCode.BAD_FRAME);
  });

  test('a message of the wrong kind is 4501', async () => {
    const rig = new SessionRig();
    const client = rig.open(isText);
    client.raw.send(Buffer.from('{}'), !isText);
    expect(client.closeCode).toBe(CloseCode.BAD_FRAME);
  });

  test('another protocol version is 4506', async () => {
    const rig = new SessionRig();
    const client = rig.open(isText);
    client.send({ kind: 'hello', protocol: 2, token: testToken() });
    await rig.settle();
    expect(client.closeCode).toBe(CloseCode.PROTOCOL_VERSION);
  });

  test('no token is 4503', async () => {
    const rig = new SessionRig();
    const client = rig.open(isText);
    client.send({ kind: 'hello' });
    await rig.settle();
    expect(client.closeCode).toBe(CloseCode.UNAUTHENTICATED);
    expect(client.take('error').retryable).toBe(false);
  });
});

test('a token may come as a subprotocol; a different one in Hello is 4503', async () => {
  const rig = new SessionRig();
  const bearer = `millrace.bearer.${Buffer.from(testToken()).toString('base64url')}`;
  const headers = { 'sec-websocket-protocol': `millrace.v1.fb, ${bearer}` };
  const client = rig.open(false, { headers });
  client.send({ kind: 'hello' });
  await rig.settle();
  expect(client.kinds()).toEqual(['welcome']);
  const other = rig.open(false, { headers });
  other.send({ kind: 'hello', token: testToken({ sub: 'bob' }) });
  await rig.settle();
  expect(other.closeCode).toBe(CloseCode.UNAUTHENTICATED);
});

test('C48: nobody new is welcomed while memory is short', async () => {
  const rig = new SessionRig();
  const old = await rig.welcomed();
  rig.memoryRatio = 0.9;
  await rig.advance(1100);
  const client = rig.open();
  client.send({ kind: 'hello', token: testToken() });
  await rig.settle();
  expect(client.closeCode).toBe(CloseCode.OVERLOADED);
  const error = client.take('error');
  expect(error.code).toBe(ErrorCode.OVERLOADED);
  expect(error.retryAfterMs).toBeGreaterThan(0);
  expect(old.closeCode).toBeNull();
});

test('C48: when memory is nearly gone, the heaviest connection is sent away', async () => {
  const rig = new SessionRig(['gateway.drain.close.after.ms=1000']);
  const light = await rig.welcomed();
  const heavy = await rig.welcomed();
  heavy.raw.stopReading(10);
  heavy.send({ kind: 'ping', nonce: 1 });
  rig.memoryRatio = 0.96;
  await rig.advance(1000);
  rig.memoryRatio = 0.5;
  heavy.raw.read(10_000);
  await rig.settle();
  expect(heavy.take('goaway')).toMatchObject({ code: ErrorCode.OVERLOADED, closesInMs: 1000 });
  expect(light.kinds()).not.toContain('goaway');
  expect(heavy.closeCode).toBeNull();
  await rig.advance(2000);
  expect(heavy.closeCode).toBe(CloseCode.SLOW_CONSUMER);
  expect(light.closeCode).toBeNull();
});

test('C48: where nobody holds unsent bytes, who lags most is the heaviest', async () => {
  const rig = new SessionRig();
  rig.upstream.create('t');
  const clients = await Promise.all([1, 2, 3].map(() => rig.welcomed()));
  for (const client of clients) client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 't' });
  await rig.settle();
  rig.fanOut.cursors.forEach(({ target }, at) => {
    rig.fanOut.lags.set(target, at === 1 ? 1000 : 10);
  });
  rig.memoryRatio = 0.96;
  await rig.advance(1000);
  rig.memoryRatio = 0.5;
  expect(clients.map((client) => client.kinds().includes('goaway'))).toEqual([false, true, false]);
});

test('a principal has so many connections and no more', async () => {
  const rig = new SessionRig(['gateway.connections.per.principal=2']);
  const first = await rig.welcomed();
  await rig.welcomed();
  const third = rig.open();
  third.send({ kind: 'hello', token: testToken() });
  await rig.settle();
  expect(third.closeCode).toBe(CloseCode.CONNECTION_LIMIT);
  first.raw.close(1000);
  await rig.welcomed();
  await rig.welcomed({ as: { sub: 'bob' } });
});

test('a message above 8 KiB before Welcome is 4501', async () => {
  const rig = new SessionRig();
  const client = rig.open();
  client.raw.send(new Uint8Array(8200));
  expect(client.closeCode).toBe(CloseCode.BAD_FRAME);
});
