import { encodeJsonFrame } from '@millrace/gateway-protocol';
import { expect, test } from 'vitest';
import { SessionRig } from './testing/session-rig.ts';

test('answers do not stand in line with the records of others: the session sends them itself', async () => {
  const rig = new SessionRig();
  rig.upstream.create('t');
  const client = await rig.welcomed();
  // The delivery loop has much to do and comes by nobody.
  rig.fanOut.wake = () => {};
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 't' });
  await rig.settle();
  expect(client.kinds()).toContain('subscribed');
  client.send({ kind: 'ping', nonce: 7 });
  await rig.settle();
  expect(client.take('pong').nonce).toBe(7);
});

test('what a socket does not take is left to the delivery loop, in order', async () => {
  const rig = new SessionRig();
  rig.upstream.create('t');
  const client = await rig.welcomed();
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 't' });
  await rig.settle();
  client.raw.stopReading(0);
  const wake = rig.fanOut.wake.bind(rig.fanOut);
  let wakes = 0;
  rig.fanOut.wake = (target) => {
    wakes++;
    wake(target);
  };
  client.send({ kind: 'ping', nonce: 1 });
  await rig.settle();
  expect(wakes).toBeGreaterThan(0);
});

test('answers to a client that does not read stay below its unsent bytes, headers of their messages included (P3)', async () => {
  const rig = new SessionRig();
  rig.upstream.create('t');
  const client = await rig.welcomed({ isText: true });
  client.raw.stopReading(0);
  const refusedSeq = 2n ** 60n;
  const publish = (at: number) =>
    encodeJsonFrame({ kind: 'publish', seq: refusedSeq + BigInt(at), topic: 't' });
  for (let batch = 0; batch < 24; batch++) {
    const frames = Array.from({ length: 64 }, (_, at) => publish(64 * batch + at));
    client.raw.send(Buffer.from(frames.join('\n')), true);
    await rig.advance(1100);
  }
  const { value } = rig.metrics.unsentBytesMax.with();
  expect(value).toBeGreaterThan(60_000);
  expect(value).toBeLessThanOrEqual(65_536);
});
