import { expect, test } from 'vitest';
import { SessionRig } from '../session/testing/session-rig.ts';

/** A client that has subscribed to `t` from its beginning. */
async function live() {
  const rig = new SessionRig();
  rig.upstream.create('t');
  const client = await rig.welcomed();
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 't', start: 1 });
  await rig.settle();
  client.take('subscribed');
  return { rig, client };
}

test('a connection that ends lets go of everything', async () => {
  const { rig, client } = await live();
  client.raw.close();
  expect(rig.fanOut.cursors.map(({ isDetached }) => isDetached)).toEqual([true]);
  rig.upstream.changed('t');
  await rig.advance(5000);
  expect(rig.sessions.open).toBe(0);
  expect(rig.metrics.connections.with('READY').value).toBe(0);
});

test('every stream id that was reserved is let go: after the attach, and when there is none', async () => {
  const { rig, client } = await live();
  expect(rig.fanOut.reservations).toBe(0);
  rig.upstream.create('slow');
  client.send({ kind: 'subscribe', req: 2, sub: 2, topic: 'slow', start: 1 });
  client.send({ kind: 'unsubscribe', req: 3, sub: 2 });
  await rig.settle();
  expect(rig.fanOut.reservations).toBe(0);
});
