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

test('a batch beyond the credit of a busy gateway waits for the rest of it, before it is sent and after', async () => {
  const gateway = topicGateway();
  const batches: FrameOf<'publishBatch'>[] = [];
  gateway.intercept = (_, frame) => frame.kind === 'publishBatch' && batches.push(frame) > 0;
  const client = gateway.client();
  const records = Array.from({ length: 20 }, () => ({ value: 'x' }));
  const large = Array.from({ length: 65 }, () => ({ value: 'x' }));
  const sent = client.publishBatch('t', 0, records);
  await gateway.run(20);
  expect(batches).toHaveLength(1);
  // It comes back to the same process, which is busy now.
  gateway.sessions.set(onlyPeer(gateway).session, { last: 20, results: new Map() });
  gateway.welcome = { publishRecords: 8 };
  gateway.dropAll();
  await gateway.run(1_000);
  const later = client.publishBatch('t', 0, records);
  const never = expect(client.publishBatch('t', 0, large)).rejects.toMatchObject({ code: 130 });
  await gateway.run(20);
  expect(batches).toHaveLength(1);
  gateway.send(onlyPeer(gateway), { kind: 'pubCredit', addRecords: 56 });
  await gateway.run(20);
  expect(batches).toMatchObject([{ retry: false }, { retry: true, firstSeq: 1n }, { count: 20 }]);
  for (const { firstSeq: seq, count } of batches.slice(1))
    gateway.send(onlyPeer(gateway), { kind: 'pubResult', seq, count, baseOffset: seq });
  await gateway.run(20);
  expect([(await sent).offset, (await later).offset]).toEqual([1, 21]);
  await never;
});
