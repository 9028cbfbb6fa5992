import { type FrameOf, Outcome, StartKind, type StreamInfo } from '@millrace/gateway-protocol';
import { expect, test } from 'vitest';
import type { GatewayError } from './errors.ts';
import { filled, read, stream } from './fake-consumer.test-server.ts';
import { FakeGateway, type FakeTopic, type Peer } from './fake-gateway.test-server.ts';
import type { FakeLog } from './fake-log.test-server.ts';
import type { SubscribeOptions } from './options.ts';
import type { Subscription } from './subscription.ts';

const log = (topic: FakeTopic, partition: number): FakeLog => topic.logs[partition] as FakeLog;

/** A subscription to topic `t`, which has offsets 0 … 19 in each partition. */
class Scene {
  readonly gateway = new FakeGateway();
  readonly topic: FakeTopic;
  readonly subscription: Subscription;
  readonly seen: string[];
  readonly ended: Promise<unknown>;
  readonly errors: GatewayError[] = [];

  /** @param places partitions that have a place; the others of `partitions` have no leader. */
  constructor(partitions: number, places: readonly number[], options: SubscribeOptions = {}) {
    this.topic = filled(this.gateway, 't', 20, partitions);
    for (const [partition, one] of this.topic.logs.entries())
      one.hasLeader = places.includes(partition);
    const client = this.gateway.client();
    this.subscription = client.subscribe('t', { start: 'latest', ...options });
    this.subscription.on('error', (error) => this.errors.push(error));
    ({ seen: this.seen, ended: this.ended } = read(this.subscription));
  }

  get peer(): Peer {
    return [...this.gateway.peers.values()][0] as Peer;
  }

  /** Begins, loses its connection, and has another one. */
  async reconnect(): Promise<void> {
    await this.gateway.run(50);
    this.gateway.dropAll();
    await this.gateway.run(1_000);
  }

  /** Answers the first Subscribe with these streams, and a list that goes on. */
  cutList(...streams: StreamInfo[]): void {
    let isFirst = true;
    this.gateway.intercept = (peer, frame) => {
      if (frame.kind !== 'subscribe' || !isFirst) return false;
      isFirst = false;
      const { req, sub } = frame;
      const { id: topicId } = this.topic;
      this.gateway.send(peer, { kind: 'subscribed', req, sub, topicId, more: true, streams });
      return true;
    };
  }

  /** What was asked for apart, the last time. */
  get probe(): FrameOf<'subscribe'> {
    return this.gateway
      .got('subscribe')
      .filter(({ projection }) => projection === 0)
      .at(-1) as FrameOf<'subscribe'>;
  }

  /** The gateway has an answer for what was asked for apart. */
  async found(facts: Partial<StreamInfo>, runMs = 100): Promise<void> {
    const streams = [stream({ stream: 99, partition: 1, ...facts })];
    this.gateway.send(this.peer, { kind: 'streamStates', sub: this.probe.sub, streams });
    await this.gateway.run(runMs);
  }

  /** The gateway ends what was asked for apart. */
  refuse(code: number, retryable: boolean): void {
    const { sub } = this.probe;
    this.peer.subs.delete(sub);
    this.gateway.send(this.peer, { kind: 'unsubscribed', sub, code, retryable });
  }

  /** One more record in each partition. */
  async grow(): Promise<void> {
    for (const one of this.topic.logs) one.append('more');
    this.gateway.pump();
    await this.gateway.run(100);
  }
}

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

test('a topic made again with fewer partitions is followed by those that it has, and by new ones', async () => {
  const scene = new Scene(3, [0, 1], { onRecreated: 'nearest' });
  const { gateway, topic, seen } = scene;
  let recreated = 0;
  scene.subscription.on('recreated', () => recreated++);
  await gateway.run(50);
  gateway.dropAll();
  gateway.topics.delete('t');
  const anew = filled(gateway, 't', 2, 1);
  anew.id.fill(9);
  await gateway.run(1_000);
  // It was asked for by its partitions, as one still waited for its start.
  expect(gateway.got('subscribe')[0]?.partitions).toEqual([0, 1]);
  expect(recreated).toBe(1);
  expect(gateway.got('subscribe').at(-1)?.partitions).toEqual([]);
  expect(seen).toEqual(['0/0', '0/1']);
  expect(scene.subscription.position()).toMatchObject([{ partition: 0, offset: 2 }]);
  expect(scene.subscription.state).toBe('live');
  gateway.dropAll();
  anew.logs.push(log(topic, 2));
  log(anew, 1).hasLeader = true;
  await gateway.run(2_000);
  expect(gateway.sockets).toHaveLength(3);
  expect(seen.filter((place) => place.startsWith('1/'))).toHaveLength(20);
});

test('of named partitions, those that went with the old topic are not asked for any more', async () => {
  const partitions = [0, 2];
  const scene = new Scene(3, [0, 1, 2], { partitions, onRecreated: 'nearest' });
  const { gateway } = scene;
  await gateway.run(50);
  gateway.dropAll();
  gateway.topics.delete('t');
  filled(gateway, 't', 2, 2).id.fill(9);
  await gateway.run(1_000);
  expect(gateway.got('subscribe')[0]?.partitions).toEqual([0, 2]);
  gateway.dropAll();
  await gateway.run(2_000);
  expect(gateway.got('subscribe').map((frame) => frame.partitions)).toEqual([[0]]);
  expect(scene.seen).toEqual(['0/0', '0/1']);
});

test('a partition that a broken-off list of the new topic left out begins there all the same', async () => {
  const scene = new Scene(2, [0, 1], { onRecreated: 'nearest' });
  const { gateway, seen } = scene;
  await gateway.run(50);
  gateway.dropAll();
  gateway.topics.delete('t');
  filled(gateway, 't', 2, 2).id.fill(9);
  scene.topic.id.fill(9);
  scene.cutList(stream({ outcome: Outcome.RECREATED, startOffset: 0n }));
  await gateway.run(1_000);
  await scene.reconnect();
  await gateway.run(1_000);
  expect(gateway.sockets).toHaveLength(3);
  expect(seen.sort()).toEqual(['0/0', '0/1', '1/0', '1/1']);
});

/** The topic is made again while nobody is connected, with 20 records in each partition. */
function makeAnew(scene: Scene, partitions: number, places: readonly number[]): FakeTopic {
  const { gateway } = scene;
  gateway.dropAll();
  gateway.topics.delete('t');
  const anew = filled(gateway, 't', 20, partitions);
  anew.id.fill(9);
  for (const [partition, one] of anew.logs.entries()) one.hasLeader = places.includes(partition);
  return anew;
}

test.each([
  ['some partitions of it', [0]],
  ['all of it', []],
])(
  'what a topic that was made again skips is skipped after a reconnect too, though %s had no leader',
  async (_, places) => {
    const scene = new Scene(2, [0, 1], { onRecreated: 'latest' });
    const { gateway, seen } = scene;
    const gaps: unknown[] = [];
    scene.subscription.on('gap', (gap) => gaps.push(gap));
    await gateway.run(50);
    const anew = makeAnew(scene, 2, places);
    await gateway.run(1_000);
    expect(gateway.sockets).toHaveLength(2);
    gateway.dropAll();
    for (const one of anew.logs) one.hasLeader = true;
    await gateway.run(1_000);
    for (const one of anew.logs) one.append('more');
    gateway.pump();
    await gateway.run(1_000);
    expect(seen.sort()).toEqual(['0/20', '1/20']);
    const whole = { from: 0, to: 20, reason: 'reset' };
    expect(gaps).toEqual([0, 1].map((partition) => ({ partition, ...whole })));
    expect(gateway.sockets).toHaveLength(3);
    expect(scene.subscription.state).toBe('live');
  },
);

test('one that is found while the others are read is skipped to the end as well', async () => {
  const scene = new Scene(2, [0, 1], { start: 'earliest', onRecreated: 'latest' });
  const { gateway } = scene;
  await gateway.run(50);
  const anew = makeAnew(scene, 2, [0]);
  await gateway.run(1_000);
  await scene.reconnect();
  expect(scene.probe).toMatchObject({ start: StartKind.LATEST, partitions: [1] });
  log(anew, 1).hasLeader = true;
  await scene.found({ startOffset: 20n, logStart: 0n });
  log(anew, 1).append('more');
  gateway.pump();
  await gateway.run(100);
  expect(scene.seen.filter((place) => place.startsWith('1/')).at(-1)).toBe('1/20');
  expect(scene.seen).toHaveLength(41);
});

test('a topic made again before any place was known is read from its beginning, as it was asked for', async () => {
  const scene = new Scene(1, [], { onRecreated: 'nearest' });
  const { gateway } = scene;
  await gateway.run(50);
  const anew = makeAnew(scene, 1, []);
  await gateway.run(1_000);
  gateway.dropAll();
  log(anew, 0).hasLeader = true;
  await gateway.run(1_000);
  expect(scene.seen).toHaveLength(20);
});

test('of named partitions of a topic made again, those without a leader stay asked for, those that are gone do not', async () => {
  const partitions = [0, 1, 2];
  const scene = new Scene(3, partitions, { partitions, onRecreated: 'nearest' });
  const { gateway } = scene;
  await gateway.run(50);
  const anew = makeAnew(scene, 2, [0]);
  await gateway.run(1_000);
  gateway.dropAll();
  log(anew, 1).hasLeader = true;
  await gateway.run(1_000);
  expect(gateway.got('subscribe').map((frame) => frame.partitions)).toEqual([[0, 1]]);
  expect(scene.seen).toHaveLength(40);
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
