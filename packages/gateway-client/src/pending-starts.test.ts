import { type FrameOf, Outcome, StartKind } from '@millrace/gateway-protocol';
import { expect, test } from 'vitest';
import { filled, read, stream } from './fake-consumer.test-server.ts';
import { FakeGateway, type FakeTopic, type Peer } from './fake-gateway.test-server.ts';
import type { FakeLog } from './fake-log.test-server.ts';

const onlyPeer = (gateway: FakeGateway): Peer => [...gateway.peers.values()][0] as Peer;
const log = (topic: FakeTopic, partition: number): FakeLog => topic.logs[partition] as FakeLog;

/** One more record in each partition. */
async function grow(gateway: FakeGateway, { logs }: FakeTopic): Promise<void> {
  for (const one of logs) one.append('more');
  gateway.pump();
  await gateway.run(100);
}

test('a partition that had no place yet begins where the start says, after a reconnect too', async () => {
  const gateway = new FakeGateway();
  const topic = filled(gateway, 't', 20, 2);
  log(topic, 1).hasLeader = false;
  const { seen } = read(gateway.client().subscribe('t', { start: 'latest' }));
  await gateway.run(100);
  expect(gateway.got('subscribe')).toHaveLength(1);
  gateway.dropAll();
  // One that is new: its records are all newer than the start.
  filled(gateway, 'other', 2);
  topic.logs.push(log(gateway.topics.get('other') as FakeTopic, 0));
  log(topic, 1).hasLeader = true;
  log(topic, 0).append('meanwhile');
  await gateway.run(2_000);
  await grow(gateway, topic);
  expect(seen.sort()).toEqual(['0/20', '0/21', '1/20', '2/0', '2/1', '2/2']);
});

test('the others do not wait for it, and it joins when the gateway has found its start', async () => {
  const gateway = new FakeGateway();
  const topic = filled(gateway, 't', 20, 2);
  log(topic, 1).hasLeader = false;
  const subscription = gateway.client().subscribe('t', { start: { last: 3 } });
  const { seen } = read(subscription);
  await gateway.run(100);
  gateway.dropAll();
  await gateway.run(1_000);
  await grow(gateway, topic);
  expect(seen).toEqual(['0/17', '0/18', '0/19', '0/20']);
  const probe = gateway.got('subscribe').find(({ start }) => start === StartKind.LAST_N);
  expect(probe).toMatchObject({ partitions: [1], lastN: 3, credit: 1 });
  log(topic, 1).hasLeader = true;
  const streams = [stream({ stream: 99, partition: 1, startOffset: 18n })];
  gateway.send(onlyPeer(gateway), { kind: 'streamStates', sub: probe?.sub ?? 0, streams });
  await gateway.run(100);
  expect(seen).toEqual(['0/17', '0/18', '0/19', '0/20', '1/18', '1/19', '1/20']);
  expect(subscription.state).toBe('live');
  // What was asked for apart is given back, and what was in two parts.
  expect(gateway.got('unsubscribe').map(({ sub }) => sub)).toHaveLength(2);
  expect(onlyPeer(gateway).subs.size).toBe(1);
});

test('a list that the line cut off is asked for again', async () => {
  const gateway = new FakeGateway();
  const topic = filled(gateway, 't', 20, 2);
  let isFirst = true;
  gateway.intercept = (peer, frame) => {
    if (frame.kind !== 'subscribe' || !isFirst) return false;
    isFirst = false;
    const streams = [stream({ startOffset: 20n })];
    const { req, sub } = frame;
    gateway.send(peer, { kind: 'subscribed', req, sub, topicId: topic.id, more: true, streams });
    return true;
  };
  const { seen } = read(gateway.client().subscribe('t', { start: 'latest' }));
  await gateway.run(50);
  gateway.dropAll();
  await gateway.run(1_000);
  await grow(gateway, topic);
  expect(seen.sort()).toEqual(['0/20', '1/20']);
});

test('with no place at all the start is asked for again, of the same topic', async () => {
  const gateway = new FakeGateway();
  const topic = filled(gateway, 't', 20);
  log(topic, 0).hasLeader = false;
  const { seen } = read(gateway.client().subscribe('t', { start: 'latest' }));
  await gateway.run(50);
  gateway.dropAll();
  log(topic, 0).hasLeader = true;
  await gateway.run(1_000);
  expect(gateway.got('subscribe')).toMatchObject([{ start: StartKind.LATEST, topicId: topic.id }]);
  await grow(gateway, topic);
  expect(seen).toEqual(['0/20']);
});

test('a partition that cannot start ends the subscription, though only asked for apart', async () => {
  const gateway = new FakeGateway();
  const topic = filled(gateway, 't', 20, 2);
  log(topic, 1).hasLeader = false;
  const { ended } = read(gateway.client().subscribe('t', { start: 'latest' }));
  await gateway.run(50);
  gateway.dropAll();
  await gateway.run(1_000);
  const probe = gateway.got('subscribe')[1];
  const streams = [stream({ stream: 99, partition: 1, outcome: Outcome.FAILED, code: 103 })];
  gateway.send(onlyPeer(gateway), { kind: 'streamStates', sub: probe?.sub ?? 0, streams });
  await gateway.run(100);
  expect(await ended).toMatchObject({ code: 103 });
  expect(onlyPeer(gateway).subs.size).toBe(0);
});

/** A subscription to two partitions, reconnected: partition 0 flows, partition 1 is asked for apart. */
async function probing(): Promise<{
  gateway: FakeGateway;
  topic: FakeTopic;
  seen: string[];
  probe: FrameOf<'subscribe'>;
}> {
  const gateway = new FakeGateway();
  const topic = filled(gateway, 't', 20, 2);
  log(topic, 1).hasLeader = false;
  const { seen } = read(gateway.client().subscribe('t', { start: 'latest' }));
  await gateway.run(50);
  gateway.dropAll();
  await gateway.run(1_000);
  return { gateway, topic, seen, probe: gateway.got('subscribe')[1] as FrameOf<'subscribe'> };
}

test('refused what was asked for apart, the rest is given back before it is asked for again', async () => {
  const { gateway, topic, seen, probe } = await probing();
  const peer = onlyPeer(gateway);
  const [main] = gateway.got('subscribe');
  log(topic, 1).hasLeader = true;
  peer.subs.delete(probe.sub);
  gateway.send(peer, { kind: 'unsubscribed', sub: probe.sub, code: 111, retryable: true });
  await grow(gateway, topic);
  await gateway.run(2_000);
  await grow(gateway, topic);
  expect(gateway.sockets).toHaveLength(2);
  expect(gateway.got('unsubscribe').map(({ sub }) => sub)).toContain(main?.sub);
  expect(seen.sort()).toEqual(['0/20', '0/21', '1/21']);
  expect(peer.subs.size).toBe(1);
});

test('a list asked for again may name what is read already, further on', async () => {
  const gateway = new FakeGateway();
  const topic = filled(gateway, 't', 20, 2);
  let asked = 0;
  gateway.intercept = (peer, frame) => {
    if (frame.kind !== 'subscribe') return false;
    // It comes between the answers to the two parts.
    if (++asked === 3) log(topic, 0).append('meanwhile');
    if (asked > 1) return false;
    const { req, sub } = frame;
    const streams = [stream({})];
    gateway.send(peer, { kind: 'subscribed', req, sub, topicId: topic.id, more: true, streams });
    return true;
  };
  const { seen } = read(gateway.client().subscribe('t', { start: 'latest' }));
  await gateway.run(50);
  gateway.dropAll();
  await gateway.run(1_000);
  await grow(gateway, topic);
  expect(gateway.sockets).toHaveLength(2);
  expect(seen.sort()).toEqual(['0/20', '0/21', '1/20']);
});

test('a topic that is made again names no start to what was asked for apart', async () => {
  const { gateway, topic, seen, probe } = await probing();
  const streams = [
    stream({ stream: 99, partition: 1, outcome: Outcome.RECREATED, startOffset: -1n }),
  ];
  gateway.send(onlyPeer(gateway), { kind: 'streamStates', sub: probe.sub, streams });
  await grow(gateway, topic);
  expect(gateway.sockets).toHaveLength(2);
  expect(seen).toEqual(['0/20']);
});

test('one that fails as soon as it begins is asked for ever less often', async () => {
  const gateway = new FakeGateway();
  const topic = filled(gateway, 't', 20);
  let asked = 0;
  gateway.intercept = (peer, frame) => {
    if (frame.kind !== 'subscribe') return false;
    asked++;
    const { req, sub } = frame;
    const streams = [stream({ outcome: Outcome.FAILED, code: 100 })];
    gateway.send(peer, { kind: 'subscribed', req, sub, topicId: topic.id, streams });
    return true;
  };
  gateway.client().subscribe('t', { start: 'latest' });
  await gateway.run(20_000);
  expect(asked).toBeGreaterThan(2);
  expect(asked).toBeLessThan(20);
});
