import { ErrorCode } from '@millrace/gateway-protocol';
import { expect, test } from 'vitest';
import { type RigClient, SessionRig } from '../session/testing/session-rig.ts';

async function subscribed(as = {}): Promise<{ rig: SessionRig; client: RigClient }> {
  const rig = new SessionRig();
  for (const partition of rig.upstream.create('t', 2)) partition.end = 100;
  const client = await rig.welcomed({ as });
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 't' });
  await rig.settle();
  client.take('subscribed');
  return { rig, client };
}

function commit(client: RigClient, req: number, offset: number, name = 'n', partition = 0): void {
  const offsets = [{ partition, offset: BigInt(offset), epoch: 0 }];
  client.send({ kind: 'commit', req, sub: 1, name, offsets });
}

test('C39: one write a second and name, the last value wins, every request is answered', async () => {
  const { rig, client } = await subscribed();
  commit(client, 2, 10);
  await rig.settle();
  expect(client.take('committed')).toMatchObject({ req: 2, code: 0 });
  for (let req = 3; req < 20; req++) commit(client, req, req * 2);
  await rig.advance(500);
  expect(client.kinds()).toEqual([]);
  await rig.advance(600);
  for (let req = 3; req < 20; req++)
    expect(client.take('committed')).toMatchObject({
      code: 0,
      results: [{ partition: 0, code: 0 }],
    });
  expect(rig.upstream.commitWrites).toBe(2);
  const written = rig.upstream.committed.get('gw..ann.n t')?.get(0);
  expect(written).toEqual({ offset: 38, leaderEpoch: 0 });
});

test('C39: the last value wins, however long the check of an earlier one takes', async () => {
  const { rig, client } = await subscribed();
  const { upstream } = rig;
  // Only what was not delivered yet is asked about.
  upstream.partition('t').end = 200;
  const bounds = await upstream.bounds('t', 0, 0);
  let known: () => void = () => {};
  upstream.bounds = () =>
    new Promise((resolve) => {
      known = () => resolve(bounds);
    });
  // Nothing is shared with what was asked before.
  await rig.advance(50);
  commit(client, 2, 110);
  await rig.advance(50);
  upstream.bounds = () => Promise.resolve(bounds);
  commit(client, 3, 120);
  await rig.settle();
  known();
  await rig.advance(2500);
  expect(client.take('committed')).toMatchObject({ req: 2, code: 0 });
  expect(client.take('committed')).toMatchObject({ req: 3, code: 0 });
  expect(upstream.committed.get('gw..ann.n t')?.get(0)?.offset).toBe(120);
});

test('C39: a name without the right is 103, a group with members 140', async () => {
  const mr = { v: 1, read: [{ topic: '*' }], commit: ['{sub}-*'] };
  const { rig, client } = await subscribed({ mr });
  commit(client, 2, 10, 'bob-1');
  expect(client.take('committed')).toMatchObject({ req: 2, code: ErrorCode.FORBIDDEN });
  rig.upstream.groupHasMembers = true;
  commit(client, 3, 10, 'ann-1');
  await rig.settle();
  expect(client.take('committed')).toMatchObject({ req: 3, code: ErrorCode.GROUP_HAS_MEMBERS });
});

test('positions beyond the end are 107, those outside the grant 103, one by one', async () => {
  const mr = { v: 1, read: [{ topic: '*', partitions: [0] }], commit: ['*'] };
  const { rig, client } = await subscribed({ mr });
  const offsets = [
    { partition: 0, offset: 101n, epoch: -1 },
    { partition: 1, offset: 5n, epoch: -1 },
  ];
  client.send({ kind: 'commit', req: 2, sub: 1, name: 'n', offsets });
  await rig.settle();
  const { results } = client.take('committed');
  expect(results).toContainEqual({ partition: 0, code: ErrorCode.BAD_REQUEST });
  expect(results).toContainEqual({ partition: 1, code: ErrorCode.FORBIDDEN });
  expect(rig.upstream.commitWrites).toBe(0);
});

test('positions that were delivered need no question; others take of the principal’s questions a second', async () => {
  const { rig, client } = await subscribed();
  rig.upstream.partition('t').end = 1000;
  rig.upstream.boundsQuestions = 0;
  for (let req = 2; req < 30; req++) commit(client, req, 100);
  await rig.advance(2000);
  for (let req = 2; req < 30; req++)
    expect(client.take('committed').results).toEqual([{ partition: 0, code: 0 }]);
  expect(rig.upstream.boundsQuestions).toBe(0);
  const offsets = Array.from({ length: 50 }, () => ({ partition: 0, offset: 101n, epoch: -1 }));
  client.send({ kind: 'commit', req: 30, sub: 1, name: 'n', offsets });
  await rig.advance(2000);
  expect(rig.upstream.boundsQuestions).toBeGreaterThan(0);
  expect(rig.upstream.boundsQuestions).toBeLessThanOrEqual(20);
});

test('a cluster that cannot be asked is not the client’s mistake', async () => {
  const { rig, client } = await subscribed();
  rig.upstream.partition('t').hasLeader = false;
  commit(client, 2, 101);
  await rig.settle();
  const { results } = client.take('committed');
  expect(results).toEqual([{ partition: 0, code: ErrorCode.LEADER_UNAVAILABLE }]);
});

test('a subscription that is not there is 107; without the capability 108', async () => {
  const { rig, client } = await subscribed();
  client.send({ kind: 'commit', req: 2, sub: 9, name: 'n' });
  await rig.settle();
  expect(client.take('committed').code).toBe(ErrorCode.BAD_REQUEST);
  const plain = await rig.welcomed({ caps: 0 });
  plain.send({ kind: 'commit', req: 2, sub: 9, name: 'n' });
  await rig.settle();
  expect(plain.take('committed').code).toBe(ErrorCode.UNSUPPORTED);
});
