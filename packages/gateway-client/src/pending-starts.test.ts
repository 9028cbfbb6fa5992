import { Outcome, StartKind } from '@millrace/gateway-protocol';
import { expect, test } from 'vitest';
import { filled, stream } from './fake-consumer.test-server.ts';
import type { FakeTopic } from './fake-gateway.test-server.ts';
import { log, Scene } from './fake-scene.test-server.ts';

test('a partition that had no place yet begins where the start says, after a reconnect too', async () => {
  const scene = new Scene(2, [0]);
  const { gateway, topic } = scene;
  await gateway.run(100);
  expect(gateway.got('subscribe')).toHaveLength(1);
  gateway.dropAll();
  // One that is new: its records are all newer than the start.
  filled(gateway, 'other', 2);
  topic.logs.push(log(gateway.topics.get('other') as FakeTopic, 0));
  log(topic, 1).hasLeader = true;
  log(topic, 0).append('meanwhile');
  await gateway.run(2_000);
  await scene.grow();
  expect(scene.seen.sort()).toEqual(['0/20', '0/21', '1/20', '2/0', '2/1', '2/2']);
});

test('the others do not wait for it, and it joins when the gateway has found its start', async () => {
  const scene = new Scene(2, [0], { start: { last: 3 } });
  const { gateway, seen } = scene;
  await scene.reconnect();
  await scene.grow();
  expect(seen).toEqual(['0/17', '0/18', '0/19', '0/20']);
  expect(scene.probe).toMatchObject({ start: StartKind.LAST_N, partitions: [1], lastN: 3 });
  log(scene.topic, 1).hasLeader = true;
  await scene.found({ startOffset: 18n });
  expect(seen).toEqual(['0/17', '0/18', '0/19', '0/20', '1/18', '1/19', '1/20']);
  expect(scene.subscription.state).toBe('live');
  // What was asked for apart is given back, and what was in two parts.
  expect(gateway.got('unsubscribe').map(({ sub }) => sub)).toHaveLength(2);
  expect(scene.peer.subs.size).toBe(1);
});

test('of several that wait, one that is found begins before the others are', async () => {
  const scene = new Scene(4, [0]);
  const { gateway, topic, seen } = scene;
  await scene.reconnect();
  const { sub } = scene.probe;
  for (const partition of [1, 2]) {
    log(topic, partition).hasLeader = true;
    await scene.found({ stream: 90 + partition, partition });
  }
  await gateway.run(500);
  await scene.grow();
  expect(seen.sort()).toEqual(['0/20', '1/20', '2/20']);
  // Both joined in one go, and the last one stays asked for.
  expect(gateway.got('subscribe')).toHaveLength(3);
  expect(scene.probe.sub).toBe(sub);
  log(topic, 3).hasLeader = true;
  await scene.found({ stream: 93, partition: 3 });
  await scene.grow();
  expect(seen.sort()).toEqual(['0/20', '0/21', '1/20', '1/21', '2/20', '2/21', '3/20', '3/21']);
  expect(scene.peer.subs.size).toBe(1);
});

test('a list that the line cut off is asked for again', async () => {
  const scene = new Scene(2, [0, 1]);
  scene.cutList(stream({}));
  await scene.reconnect();
  await scene.grow();
  expect(scene.seen.sort()).toEqual(['0/20', '1/20']);
});

test('with no place at all the start is asked for again, of the same topic', async () => {
  const scene = new Scene(1, []);
  const { gateway, topic } = scene;
  await gateway.run(50);
  gateway.dropAll();
  log(topic, 0).hasLeader = true;
  await gateway.run(1_000);
  expect(gateway.got('subscribe')).toMatchObject([{ start: StartKind.LATEST, topicId: topic.id }]);
  await scene.grow();
  expect(scene.seen).toEqual(['0/20']);
});

test('a partition that cannot start ends the subscription, though only asked for apart', async () => {
  const scene = new Scene(2, [0]);
  await scene.reconnect();
  await scene.found({ outcome: Outcome.FAILED, code: 103 });
  expect(await scene.ended).toMatchObject({ code: 103 });
  expect(scene.peer.subs.size).toBe(0);
});

test.each([
  [106, false],
  [119, false],
  [111, true],
])(
  'no room for what is asked for apart (%i): it is asked for again, and the rest goes on',
  async (code, retryable) => {
    const scene = new Scene(2, [0]);
    const { gateway, topic, seen } = scene;
    await scene.reconnect();
    const { sub } = scene.probe;
    scene.refuse(code, retryable);
    log(topic, 1).hasLeader = true;
    await scene.grow();
    expect(seen).toEqual(['0/20']);
    expect(gateway.got('unsubscribe')).toEqual([]);
    await gateway.run(2_000);
    await scene.grow();
    expect(scene.probe.sub).toBeGreaterThan(sub);
    expect(scene.errors.map((error) => error.code)).toContain(code);
    expect(seen.sort()).toEqual(['0/20', '0/21', '1/21']);
    expect(scene.peer.subs.size).toBe(1);
  },
);

test('no room in the answer itself is waited for as well', async () => {
  const scene = new Scene(2, [0]);
  const { gateway } = scene;
  let refusals = 0;
  gateway.intercept = (peer, { kind, ...frame }) => {
    if (kind !== 'subscribe' || !('projection' in frame) || frame.projection !== 0) return false;
    if (refusals === 2) return false;
    refusals++;
    log(scene.topic, 1).hasLeader = true;
    gateway.send(peer, { kind: 'error', id: frame.req, code: 106, message: 'too many' });
    return true;
  };
  await scene.reconnect();
  await gateway.run(2_000);
  await scene.grow();
  expect(refusals).toBe(2);
  expect(scene.seen.sort()).toEqual(['0/20', '1/20']);
});

test('what is asked for apart names more than the gateway takes: the subscription ends with an error', async () => {
  const scene = new Scene(30, [0], { grant: 'g'.repeat(10) });
  const { gateway } = scene;
  // All partitions go without their names; of those that wait each is named.
  gateway.welcome = { limits: { messageBytes: 230 } as never };
  await scene.reconnect();
  expect(gateway.got('subscribe')).toHaveLength(1);
  expect(await scene.ended).toMatchObject({ code: 106, retryable: false });
  await gateway.run(100);
  expect(scene.peer.subs.size).toBe(0);
});

test('refused for another reason, it takes the rest with it before that is asked for again', async () => {
  const scene = new Scene(2, [0], { onRecreated: 'nearest' });
  const { gateway, topic } = scene;
  await scene.reconnect();
  const [main] = gateway.got('subscribe');
  log(topic, 1).hasLeader = true;
  scene.refuse(123, false);
  await gateway.run(2_000);
  await scene.grow();
  expect(gateway.sockets).toHaveLength(2);
  expect(gateway.got('unsubscribe').map(({ sub }) => sub)).toContain(main?.sub);
  expect(scene.seen.sort()).toEqual(['0/20', '1/20']);
  expect(scene.peer.subs.size).toBe(1);
});

test('a list asked for again may name what is read already, further on', async () => {
  const scene = new Scene(2, [0, 1]);
  scene.cutList(stream({}));
  const { gateway } = scene;
  const cut = gateway.intercept;
  gateway.intercept = (peer, frame) => {
    // It comes between the answers to the two parts.
    if (frame.kind === 'subscribe' && frame.projection === 0) log(scene.topic, 0).append('between');
    return cut(peer, frame);
  };
  await scene.reconnect();
  await scene.grow();
  expect(gateway.sockets).toHaveLength(2);
  expect(scene.seen.sort()).toEqual(['0/20', '0/21', '1/20']);
});

test('a topic that is made again names no start to what was asked for apart', async () => {
  const scene = new Scene(2, [0]);
  await scene.reconnect();
  await scene.found({ outcome: Outcome.RECREATED, startOffset: -1n });
  await scene.grow();
  expect(scene.gateway.sockets).toHaveLength(2);
  expect(scene.seen).toEqual(['0/20']);
});

test('one that fails as soon as it begins is asked for ever less often', async () => {
  const scene = new Scene(1, [0]);
  const { gateway, topic } = scene;
  let asked = 0;
  gateway.intercept = (peer, frame) => {
    if (frame.kind !== 'subscribe') return false;
    asked++;
    const { req, sub } = frame;
    const streams = [stream({ outcome: Outcome.FAILED, code: 100 })];
    gateway.send(peer, { kind: 'subscribed', req, sub, topicId: topic.id, streams });
    return true;
  };
  await gateway.run(20_000);
  expect(asked).toBeGreaterThan(2);
  expect(asked).toBeLessThan(20);
});
