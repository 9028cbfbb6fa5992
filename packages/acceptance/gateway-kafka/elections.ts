// C13, C15: leaders that are lost, and what the cluster lost with them. These need three nodes.
import assert from 'node:assert/strict';
import { Producer } from '@millrace/client';
import { ErrorCode, OnLoss, Outcome, StartKind } from '@millrace/gateway-protocol';
import { eventually } from '@millrace/testing';
import { codeName, connect, Listener } from './listener.ts';
import { newTopic, type Stage } from './stage.ts';

/** A node that is killed is noticed after seconds, and a Java process starts in some more. */
const ELECTION_MS = 120_000;
/** Records that every replica has, and those that are lost with the leader. */
const KEPT = 100;
const LOST = 100;
const NEW = 250;
/** Blocks hold a few records only, so that a reader without credit stands below the cut. */
const VALUE_CHARS = 1_500;

function paddedValue(kind: string, n: number): string {
  return `${kind}-${n}-`.padEnd(VALUE_CHARS, '.');
}

async function produce(
  stage: Stage,
  topic: string,
  kind: string,
  from: number,
  count: number,
): Promise<void> {
  // A producer of its own: an election it did not see is no business of its sequence numbers.
  const producer = new Producer({ bootstrapServers: stage.bootstrap, retryBackoffMs: 50 });
  const sends = Array.from({ length: count }, async (_, i) => {
    const value = paddedValue(kind, from + i);
    const { offset } = await producer.send({ topic, partition: 0, value });
    assert.equal(offset, from + i);
  });
  await Promise.all(sends);
  await producer.close();
}

/** Waits until the partition is led by that node, or by none (-1). */
async function ledBy(
  { admin }: Stage,
  topic: string,
  partition: number,
  id: number,
): Promise<void> {
  await eventually(`${topic}-${partition} is led by ${id}`, ELECTION_MS, async () => {
    const [found] = await admin.lookUpTopics([topic]);
    return found?.partitions[partition]?.leaderId === id;
  });
}

/** Waits until that node alone is in sync. */
async function aloneInSync({ admin }: Stage, topic: string, id: number): Promise<void> {
  await eventually(`${topic}: only ${id} is in sync`, ELECTION_MS, async () => {
    const [found] = await admin.lookUpTopics([topic]);
    const { isrNodes = [] } = found?.partitions[0] ?? {};
    return isrNodes.length === 1 && isrNodes[0] === id;
  });
}

function clusterOf({ cluster }: Stage): NonNullable<Stage['cluster']> {
  assert.ok(cluster, 'there are three nodes');
  return cluster;
}

/** Node 3 follows node 2, misses what comes while it is down, and is elected when node 2 dies. */
async function truncate(stage: Stage, topic: string, whileBothAreThere: () => Promise<void>) {
  const cluster = clusterOf(stage);
  await cluster.kill(3);
  await aloneInSync(stage, topic, 2);
  await produce(stage, topic, 'lost', KEPT, LOST);
  await whileBothAreThere();
  await cluster.kill(2);
  await ledBy(stage, topic, 0, -1);
  await cluster.resume(3);
  await ledBy(stage, topic, 0, 3);
}

const values = (listener: Listener): (string | null)[] =>
  listener.only.records.map(({ value }) => value);
const range = (kind: string, from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => paddedValue(kind, from + i));

async function uncleanElection(stage: Stage): Promise<void> {
  const topic = await newTopic(stage, 'unclean', {
    replicas: [[2, 3]],
    configs: { 'unclean.leader.election.enable': 'true', 'min.insync.replicas': '1' },
  });
  await produce(stage, topic, 'kept', 0, KEPT);
  const { port } = stage.gateway;
  const start = { topic, sub: 1, start: StartKind.EARLIEST };
  const listen = async (isText: boolean, ask: Partial<Parameters<typeof Listener.on>[1]>) =>
    Listener.on(await connect(port, isText), { ...start, ...ask });
  const cut = KEPT;
  const before = KEPT + LOST;

  // Above the cut: one that gives up, two that go on.
  const failing = await listen(false, {});
  const nearest = await listen(true, { onDiverged: OnLoss.NEAREST });
  const latest = await listen(false, { onDiverged: OnLoss.LATEST });
  // Below it: without credit after its first block.
  const below = await listen(false, { credit: 1 });
  await below.until(() => below.only.records.length > 0);
  // At it: not a record yet, and paused before the first could come.
  const at = await connect(port, true);
  const offsets = [{ partition: 0, offset: BigInt(cut), epoch: -1 }];
  const asked = Listener.on(at, { topic, sub: 1, start: StartKind.OFFSETS, offsets });
  at.send({ kind: 'pause', sub: 1 });
  const paused = await asked;
  let token: Uint8Array | null = null;
  await truncate(stage, topic, async () => {
    await Promise.all([failing, nearest, latest].map((listener) => listener.upTo(before)));
    // Above it, and away: only the token knows.
    const away = await listen(false, {});
    await away.upTo(before);
    token = await away.leave();
    away.client.socket.close();
  });

  await failing.until(() => failing.endCode !== null);
  assert.equal(failing.endCode, ErrorCode.DIVERGED, codeName(failing.endCode));
  await Promise.all(
    [nearest, latest].map((listener) => listener.until(() => listener.only.outcomes.length > 1)),
  );
  for (const listener of [failing, nearest, latest]) {
    const { outcome, lostFrom, lostTo } = listener.only.info;
    assert.deepEqual([outcome, lostFrom, lostTo], [Outcome.DIVERGED, BigInt(cut), BigInt(before)]);
  }
  const resumed = await listen(false, { start: StartKind.RESUME, resume: token });
  await resumed.until(() => resumed.endCode !== null);
  const { outcome, lostFrom, lostTo } = resumed.only.info;
  assert.deepEqual([outcome, lostFrom, lostTo], [Outcome.DIVERGED, BigInt(cut), BigInt(before)]);
  assert.equal(resumed.endCode, ErrorCode.DIVERGED, codeName(resumed.endCode));

  await produce(stage, topic, 'new', cut, NEW);
  const end = cut + NEW;
  below.client.send({ kind: 'credit', sub: 1, add: 8_000_000 });
  at.send({ kind: 'resume', sub: 1 });
  const later = await listen(true, {});
  const all = [nearest, latest, below, paused, later];
  await Promise.all(all.map((listener) => listener.upTo(end)));
  const newOnes = range('new', cut, end);
  const log = [...range('kept', 0, cut), ...newOnes];
  assert.deepEqual(values(nearest), [
    ...log.slice(0, cut),
    ...range('lost', cut, before),
    ...newOnes,
  ]);
  assert.deepEqual(values(latest), values(nearest));
  assert.deepEqual(values(below), log);
  assert.deepEqual(values(paused), newOnes);
  assert.deepEqual(values(later), log);
  for (const listener of [below, paused, later]) assert.equal(listener.only.outcomes.length, 1);
  for (const listener of all) {
    assert.deepEqual(listener.only.gaps, []);
    listener.client.socket.close();
  }
  assert.deepEqual(
    (await stage.oracle.read(topic)).map(({ value }) => value),
    log,
  );
}

/** Six that subscribe from the start, and after how many ms the quickest had the first two partitions live. */
async function startSix(
  { gateway }: Stage,
  topic: string,
): Promise<{ listeners: Listener[]; quickestMs: number }> {
  const listeners: Listener[] = [];
  let quickestMs = Number.POSITIVE_INFINITY;
  for (const isText of [false, true, false, true, false, true]) {
    const client = await connect(gateway.port, isText);
    const began = performance.now();
    const listener = await Listener.on(client, { sub: 1, topic, start: StartKind.EARLIEST });
    const isLive = (partition: number): boolean => listener.of(partition).caughtUpAt.length > 0;
    await listener.until(() => isLive(0) && isLive(1));
    quickestMs = Math.min(quickestMs, performance.now() - began);
    listeners.push(listener);
  }
  return { listeners, quickestMs };
}

/** One of three partitions has no leader when a client comes; it is ready when its leader is. */
async function oneWithoutLeader(stage: Stage): Promise<void> {
  const cluster = clusterOf(stage);
  await Promise.all([cluster.resume(2), cluster.resume(3)]);
  const topic = await newTopic(stage, 'leaderless', { replicas: [[1], [2], [3]] });
  const { producer } = stage;
  const usual = await startSix(stage, await newTopic(stage, 'led', { replicas: [[1], [2]] }));
  for (const { client } of usual.listeners) client.socket.close();
  for (const partition of [0, 1, 2])
    await producer.send({ topic, partition, value: `before ${partition}` });
  await cluster.kill(3);
  await ledBy(stage, topic, 2, -1);
  const { listeners, quickestMs } = await startSix(stage, topic);
  for (const listener of listeners) {
    assert.equal(listener.of(2).info.outcome, Outcome.PENDING);
    assert.equal(listener.of(2).position, -1, 'the third is still PENDING');
  }
  // The best of several, and on a slow machine beside what a whole topic takes: only the gateway's own time counts.
  const allowedMs = Math.max(1_000, 5 * usual.quickestMs);
  assert.ok(quickestMs < allowedMs, `two partitions were live after ${Math.round(quickestMs)} ms`);
  for (const partition of [0, 1]) await producer.send({ topic, partition, value: 'meanwhile' });
  for (const listener of listeners)
    await listener.until(() => [0, 1].every((p) => listener.of(p).records.length === 2));
  await cluster.resume(3);
  await producer.send({ topic, partition: 2, value: 'after' });
  for (const listener of listeners) {
    await listener.until(() => listener.of(2).records.length === 2);
    const { outcomes, records } = listener.of(2);
    assert.deepEqual(outcomes, [Outcome.PENDING, Outcome.EXACT]);
    assert.deepEqual(
      records.map(({ value }) => value),
      ['before 2', 'after'],
    );
    listener.client.socket.close();
  }
}

/** Row → what it does before three nodes; the last of a stage, for they leave nodes behind that have just started. */
export const electionChecks = {
  'C13: an unclean election: only cursors above the cut diverge, with its offset': uncleanElection,
  'C15: one partition of three without a leader: PENDING, the others live, then ready':
    oneWithoutLeader,
};
