import { CloseCode, ErrorCode, StartKind } from '@millrace/gateway-protocol';
import { expect, test } from 'vitest';
import { SessionRig, testToken } from './testing/session-rig.ts';

const minute = 60_000;
const reading = (...topics: string[]) => ({ v: 1, read: topics.map((topic) => ({ topic })) });

test('C41: TokenExpiring comes a minute before, once; without refresh 4005', async () => {
  const rig = new SessionRig();
  const exp = rig.clock.nowMs() + 3 * minute;
  const client = await rig.welcomed({ as: { exp } });
  const live = async (ms: number) => {
    for (let left = ms; left > 0; left -= 20_000) {
      await rig.advance(Math.min(left, 20_000));
      client.send({ kind: 'pong', nonce: 0 });
    }
  };
  await live(2 * minute - 1500);
  expect(client.kinds()).not.toContain('tokenExpiring');
  await live(3000);
  expect(client.take('tokenExpiring').tokenExpiresMs).toBe(BigInt(exp));
  await live(30_000);
  expect(client.kinds()).not.toContain('tokenExpiring');
  await live(30_000);
  expect(client.closeCode).toBe(CloseCode.TOKEN_EXPIRED);
  expect(client.take('error').code).toBe(ErrorCode.TOKEN_EXPIRED);
});

test('C41: a refresh that narrows rights ends the lost subscriptions only', async () => {
  const rig = new SessionRig();
  rig.upstream.create('kept', 1, 1);
  rig.upstream.create('lost', 1, 2);
  const client = await rig.welcomed({ as: { mr: reading('kept', 'lost') } });
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 'kept' });
  client.send({ kind: 'subscribe', req: 2, sub: 2, topic: 'lost' });
  await rig.settle();
  client.clear();
  client.send({ kind: 'auth', req: 3, token: testToken({ mr: reading('kept') }) });
  await rig.settle();
  expect(client.kinds()).toEqual(['authOk', 'unsubscribed']);
  expect(client.take('unsubscribed')).toMatchObject({ sub: 2, code: ErrorCode.FORBIDDEN, req: 0 });
  expect(rig.fanOut.cursors.map(({ isDetached }) => isDetached)).toEqual([false, true]);
});

test('C41, C42: a grant for another topic keeps no right that the token loses', async () => {
  const rig = new SessionRig();
  rig.upstream.create('lost');
  const client = await rig.welcomed({ as: { mr: reading('lost') } });
  const grant = testToken({ mr: reading('other') });
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 'lost', grant });
  await rig.settle();
  client.clear();
  client.send({ kind: 'auth', req: 2, token: testToken({ mr: reading('kept') }) });
  await rig.settle();
  expect(client.kinds()).toEqual(['authOk', 'unsubscribed']);
  expect(client.take('unsubscribed')).toMatchObject({ sub: 1, code: ErrorCode.FORBIDDEN });
});

const zeroOnly = { v: 1, read: [{ topic: 't', partitions: [0] }], commit: ['*'] };

test('C41: a right to named partitions is less than one to all, also where no others exist yet', async () => {
  const rig = new SessionRig();
  rig.upstream.create('t');
  const client = await rig.welcomed({ as: { mr: reading('t') } });
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 't' });
  client.send({ kind: 'subscribe', req: 2, sub: 2, topic: 't', lane: 1, partitions: [0] });
  await rig.settle();
  client.clear();
  client.send({ kind: 'auth', req: 3, token: testToken({ mr: zeroOnly }) });
  await rig.settle();
  expect(client.take('unsubscribed')).toMatchObject({ sub: 1, code: ErrorCode.FORBIDDEN });
  expect(client.kinds()).toEqual(['authOk']);
});

test('C41: a refresh that narrows rights while a Subscribe is looked at refuses it', async () => {
  const rig = new SessionRig();
  rig.upstream.create('t');
  let found: () => void = () => {};
  rig.upstream.committedOffsets = () =>
    new Promise((resolve) => {
      found = () => resolve(new Map());
    });
  const client = await rig.welcomed();
  const start = StartKind.COMMITTED;
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 't', start, name: 'n' });
  await rig.settle();
  client.send({ kind: 'auth', req: 2, token: testToken({ mr: zeroOnly }) });
  await rig.settle();
  found();
  await rig.advance(100);
  expect(client.take('error')).toMatchObject({ id: 1, code: ErrorCode.FORBIDDEN });
  expect(client.kinds()).toEqual(['authOk']);
});

test('C41: a token of somebody else is 103, and a bad one; both change nothing', async () => {
  const rig = new SessionRig();
  const client = await rig.welcomed();
  client.send({ kind: 'auth', req: 1, token: testToken({ sub: 'bob' }) });
  client.send({ kind: 'auth', req: 2, token: 'nonsense' });
  await rig.settle();
  expect(client.take('error')).toMatchObject({ id: 1, code: ErrorCode.FORBIDDEN });
  expect(client.take('error')).toMatchObject({ id: 2, code: ErrorCode.FORBIDDEN });
  expect(client.closeCode).toBeNull();
});

test('C41: a refresh in time keeps the connection', async () => {
  const rig = new SessionRig();
  const client = await rig.welcomed({ as: { exp: rig.clock.nowMs() + 10_000 } });
  client.send({
    kind: 'auth',
    req: 1,
    token: testToken({ exp: rig.clock.nowMs() + 100 * minute }),
  });
  await rig.advance(20_000);
  expect(client.closeCode).toBeNull();
});

test('C41: a revoked token is 4508 at once', async () => {
  const rig = new SessionRig();
  const client = await rig.welcomed({ as: { jti: 'j1' } });
  const other = await rig.welcomed({ as: { jti: 'j2' } });
  rig.revoke('j1');
  expect(client.closeCode).toBe(CloseCode.REVOKED);
  expect(other.closeCode).toBeNull();
});

test('C42: a subscription brings its own grant; foreign or with two entries it is 103', async () => {
  const rig = new SessionRig();
  rig.upstream.create('t');
  const client = await rig.welcomed({ as: { mr: { v: 1 } } });
  const grants = [
    testToken({ mr: reading('t') }),
    testToken({ mr: reading('t'), sub: 'bob' }),
    testToken({ mr: reading('t', 'u') }),
  ];
  for (const [at, grant] of grants.entries())
    client.send({ kind: 'subscribe', req: at + 1, sub: at + 1, topic: 't', lane: at, grant });
  client.send({ kind: 'subscribe', req: 4, sub: 4, topic: 't' });
  await rig.advance(100);
  expect(client.take('subscribed').sub).toBe(1);
  for (const id of [2, 3, 4])
    expect(client.take('error')).toMatchObject({ id, code: ErrorCode.FORBIDDEN });
});

test('C42: a grant that expires or is revoked ends its subscription only', async () => {
  const rig = new SessionRig();
  rig.upstream.create('t');
  const client = await rig.welcomed();
  const exp = rig.clock.nowMs() + 5000;
  const [short, revoked] = [
    testToken({ mr: reading('t'), exp }),
    testToken({ mr: reading('t'), jti: 'g' }),
  ];
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 't', grant: short });
  client.send({ kind: 'subscribe', req: 2, sub: 2, topic: 't', lane: 1, grant: revoked });
  client.send({ kind: 'subscribe', req: 3, sub: 3, topic: 't', lane: 2 });
  await rig.advance(6100);
  expect(client.take('unsubscribed')).toMatchObject({ sub: 1, code: ErrorCode.TOKEN_EXPIRED });
  rig.revoke('g');
  await rig.settle();
  expect(client.take('unsubscribed')).toMatchObject({ sub: 2, code: ErrorCode.FORBIDDEN });
  expect(client.kinds()).not.toContain('unsubscribed');
  expect(client.closeCode).toBeNull();
});
