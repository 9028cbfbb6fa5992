import type { FrameOf } from '@millrace/gateway-protocol';
import { expect, test } from 'vitest';
// The client loads it when it is needed; here it is there already.
import './publishing.ts';
import { FakeGateway, type Peer } from './fake-gateway.test-server.ts';

function topicGateway(): FakeGateway {
  const gateway = new FakeGateway();
  gateway.topic('t', 2);
  return gateway;
}

const records = (count: number) => Array.from({ length: count }, () => ({ value: 'x' }));

function onlyPeer(gateway: FakeGateway): Peer {
  return gateway.peers.values().next().value as Peer;
}

test('credit that is added before the first publish counts', async () => {
  const gateway = topicGateway();
  gateway.welcome = { publishRecords: 1 };
  gateway.intercept = (_, frame) => frame.kind === 'publish';
  const client = gateway.client();
  client.subscribe('t');
  await gateway.run(50);
  gateway.send(onlyPeer(gateway), { kind: 'pubCredit', addRecords: 1 });
  await gateway.run(50);
  for (const value of ['a', 'b', 'c']) client.publish('t', { value }).catch(() => undefined);
  await gateway.run(50);
  expect(gateway.got('publish')).toHaveLength(2);
});

test('a batch sent before waits for credit that a busy gateway keeps back', async () => {
  const gateway = topicGateway();
  const batches: FrameOf<'publishBatch'>[] = [];
  gateway.intercept = (_, frame) => frame.kind === 'publishBatch' && batches.push(frame) > 0;
  const client = gateway.client();
  const sent = client.publishBatch('t', 0, records(20));
  await gateway.run(20);
  expect(batches).toHaveLength(1);
  // It comes back to the same process, which is busy now.
  gateway.sessions.set(onlyPeer(gateway).session, { last: 20, results: new Map() });
  gateway.welcome = { publishRecords: 8 };
  gateway.dropAll();
  await gateway.run(1_000);
  expect(batches).toHaveLength(1);
  gateway.send(onlyPeer(gateway), { kind: 'pubCredit', addRecords: 56 });
  await gateway.run(20);
  expect(batches).toMatchObject([{ retry: false }, { retry: true, firstSeq: 1n }]);
  gateway.send(onlyPeer(gateway), { kind: 'pubResult', seq: 1n, count: 20, baseOffset: 1n });
  await gateway.run(20);
  expect((await sent).offset).toBe(1);
});

test.each([16, 500])(
  'a window of %i records takes a batch of as many, and refuses a larger one at once',
  async (window) => {
    const gateway = topicGateway();
    const batches: FrameOf<'publishBatch'>[] = [];
    gateway.intercept = (_, frame) => frame.kind === 'publishBatch' && batches.push(frame) > 0;
    gateway.welcome = { publishRecords: window };
    const client = gateway.client();
    const first = client.publishBatch('t', 0, records(1));
    const larger = expect(client.publishBatch('t', 0, records(window + 1))).rejects.toMatchObject({
      code: 130,
    });
    // It fits, but only when the one before has its result.
    const whole = client.publishBatch('t', 0, records(window));
    await gateway.run(20);
    expect(batches).toMatchObject([{ count: 1 }]);
    gateway.send(onlyPeer(gateway), { kind: 'pubResult', seq: 1n, baseOffset: 7n });
    await gateway.run(20);
    expect(batches).toMatchObject([{ count: 1 }, { count: window, firstSeq: 2n }]);
    await larger;
    gateway.send(onlyPeer(gateway), { kind: 'pubResult', seq: 2n, count: window, baseOffset: 8n });
    await gateway.run(20);
    expect([(await first).offset, (await whole).offset]).toEqual([7, 8]);
  },
);
