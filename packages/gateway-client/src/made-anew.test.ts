// Where the partitions of a topic begin that was deleted and made again while nobody was connected.
import { Outcome, StartKind } from '@millrace/gateway-protocol';
import { expect, test } from 'vitest';
import { filled, stream } from './fake-consumer.test-server.ts';
import type { FakeTopic } from './fake-gateway.test-server.ts';
import { log, Scene } from './fake-scene.test-server.ts';

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
