// Groups and offsets after a kill -9, and after __consumer_offsets was compacted.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createTopicsApi, deleteGroupsApi, leaveGroupApi } from '@millrace/protocol';
import { eventually, type TempFolder, tempFolder } from '@millrace/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { KillableBroker } from './testing/killable-broker.ts';
import { RawClient } from './testing/raw-client.ts';
import { RawConsumer } from './testing/raw-consumer.ts';

const ROUNDS = 4;
/** Commits of each group that are acknowledged before the broker is killed. */
const ROUND_ACKS = 50;
const GROUPS = ['g0', 'g1', 'g2'];
const LOADING = 14;
const WAIT_MS = 60_000;
/** Commits of a group in a row. */
const COMMITS = 300;
/** What one of them takes in the log, at least. */
const COMMIT_BYTES = 100;

let folder: TempFolder;
let broker: KillableBroker;
let overrides: string[];

beforeEach(async () => {
  folder = tempFolder('groups-recovery');
  overrides = [
    `log.dirs=${folder.path}`,
    'offsets.topic.num.partitions=1',
    'offsets.topic.segment.bytes=8192',
    'group.initial.rebalance.delay.ms=0',
    'log.cleaner.backoff.ms=100',
    'log.segment.delete.delay.ms=0',
  ];
  broker = await KillableBroker.start(...overrides);
  const admin = await RawClient.connect(broker.port);
  await admin.call(createTopicsApi, 5, {
    topics: [{ name: 't', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
    timeoutMs: 10_000,
    validateOnly: false,
  });
  admin.close();
});

afterEach(async () => {
  await broker.end('SIGTERM');
  folder.remove();
});

/** A member of a group that outlives the connections it speaks through. */
class Committer {
  readonly group: string;
  memberId = '';
  generation = -1;
  acknowledged = 0;
  attempted = 0;

  constructor(group: string) {
    this.group = group;
  }

  async connect(): Promise<RawConsumer> {
    const consumer = new RawConsumer(await RawClient.connect(broker.port), this.group);
    consumer.memberId = this.memberId;
    consumer.generation = this.generation;
    return consumer;
  }

  async join(): Promise<void> {
    const consumer = await this.connect();
    expect(await consumer.findCoordinator()).toBe(0);
    const { errorCode } = await consumer.join();
    expect(errorCode).toBe(0);
    await consumer.sync(new Map([[consumer.memberId, 'all']]));
    ({ memberId: this.memberId, generation: this.generation } = consumer);
    consumer.client.close();
  }

  /** Commits one offset after the other until the connection breaks. */
  async run(): Promise<void> {
    const consumer = await this.connect();
    try {
      for (;;) {
        const errorCode = await consumer.commit('t', 0, ++this.attempted);
        if (errorCode === 0) this.acknowledged = this.attempted;
        else expect(errorCode).toBe(LOADING);
      }
    } catch (error) {
      if (!consumer.client.isClosed) throw error;
    }
  }

  /** What the broker holds for the group, once it is loaded. */
  async found(): Promise<number> {
    const consumer = await this.connect();
    const offset = await eventually(`${this.group} is loaded`, WAIT_MS, async () => {
      const errorCode = await consumer.heartbeat();
      return errorCode === 0 && (await consumer.committed('t', 0));
    });
    consumer.client.close();
    return offset;
  }
}

it('keeps every acknowledged commit, and the members, across kill -9', async () => {
  const committers = GROUPS.map((group) => new Committer(group));
  for (const committer of committers) await committer.join();
  for (let round = 0; round < ROUNDS; round++) {
    const running = Promise.all(committers.map((committer) => committer.run()));
    const goals = committers.map(({ attempted }) => attempted + ROUND_ACKS);
    await eventually('every group got further', WAIT_MS, () =>
      committers.every(({ acknowledged }, i) => acknowledged >= (goals[i] ?? 0)),
    );
    await broker.end('SIGKILL');
    await running;
    broker = await KillableBroker.start(...overrides);
    for (const committer of committers) {
      const found = await committer.found();
      const { acknowledged, attempted } = committer;
      expect([acknowledged, attempted]).toContain(found);
    }
  }
});

const offsetsBytes = (): number => {
  const log = join(folder.path, '__consumer_offsets-0');
  const files = readdirSync(log).filter((name) => name.endsWith('.log'));
  return files.reduce((sum, name) => sum + statSync(join(log, name)).size, 0);
};

it('loads groups from a compacted log, after a clean stop and after kill -9', async () => {
  const committers = GROUPS.map((group) => new Committer(group));
  for (const committer of committers) await committer.join();
  const gone = new Committer('gone');
  await gone.join();
  const leaving = await gone.connect();
  expect(await leaving.commit('t', 0, 7)).toBe(0);
  const work = async () => {
    const commits = committers.map(async (committer) => {
      const consumer = await committer.connect();
      for (let i = 0; i < COMMITS; i++) {
        expect(await consumer.commit('t', 0, ++committer.attempted)).toBe(0);
      }
      committer.acknowledged = committer.attempted;
      consumer.client.close();
    });
    await Promise.all(commits);
  };
  await work();
  await leave(leaving);
  expect(await deleteGroup(leaving, 'gone')).toBe(0);
  await work();
  // The cleaner is at work all the time; without it every commit would still stand there.
  const written = 2 * COMMITS * GROUPS.length * COMMIT_BYTES;
  await eventually('the log is compacted', WAIT_MS, () => offsetsBytes() < written / 4);
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await broker.end(signal);
    broker = await KillableBroker.start(...overrides);
    for (const committer of committers) {
      expect(await committer.found()).toBe(committer.acknowledged);
    }
    const asked = new RawConsumer(await RawClient.connect(broker.port), 'gone');
    expect(await asked.committed('t', 0)).toBe(-1);
    asked.client.close();
  }
});

async function leave(consumer: RawConsumer): Promise<void> {
  const { errorCode } = await consumer.client.call(leaveGroupApi, 1, {
    groupId: consumer.group,
    memberId: consumer.memberId,
    members: [],
  });
  expect(errorCode).toBe(0);
}

async function deleteGroup(consumer: RawConsumer, group: string): Promise<number | undefined> {
  const response = await consumer.client.call(deleteGroupsApi, 1, { groupsNames: [group] });
  return response.results[0]?.errorCode;
}
