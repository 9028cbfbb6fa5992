// What many clients together could make a broker hold: members of groups, answers that nobody takes.
import { findCoordinatorApi, joinGroupApi, metadataApi } from '@millrace/protocol';
import { eventually, MillraceProcess } from '@millrace/testing';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { Canary, createTopic } from '../hostile/canary.ts';
import { Peer, requestOf } from '../hostile/peer.ts';
import { MIB, rssBytes } from '../hostile/process-facts.ts';

const GROUP_SIZE_MAX = 50;
/** As short as Apache Kafka's own lower bound is by default. */
const SESSION_MS = 6_000;
const MEMBER_ID_REQUIRED = 79;
const GROUP_MAX_SIZE_REACHED = 81;
/** `pendingMemberCountMax` of the coordinator: ids handed out in one group and not used. */
const PENDING_MAX = 10_000;
/** Unsent answers of all connections, above which the largest holders are closed. */
const UNSENT_BYTES_MAX = 256 * MIB;

let broker: MillraceProcess;
let canary: Canary;
let peers: Peer[] = [];

beforeAll(async () => {
  broker = await MillraceProcess.start({
    overrides: {
      'group.max.size': String(GROUP_SIZE_MAX),
      'offsets.topic.num.partitions': '1',
    },
  });
  canary = await Canary.open(broker.port, 'canary');
});

afterEach(() => {
  for (const peer of peers) peer.close();
  peers = [];
});

afterAll(async () => {
  canary?.close();
  const said = broker.output;
  await broker.stop();
  expect(said.split('\n').filter((line) => line.includes('ERROR'))).toEqual([]);
});

async function crowd(count: number): Promise<Peer[]> {
  const some = await Peer.crowd(broker.port, count);
  peers.push(...some);
  return some;
}

const joinOf = (groupId: string, memberId = '', sessionTimeoutMs = SESSION_MS) => ({
  groupId,
  sessionTimeoutMs,
  rebalanceTimeoutMs: 1_000,
  memberId,
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: new Uint8Array(200) }],
});

async function findCoordinator(peer: Peer, key: string): Promise<void> {
  await eventually('there is a coordinator', 10_000, async () => {
    const request = { key, keyType: 0, coordinatorKeys: [] };
    return (await peer.call(findCoordinatorApi, 2, request)).errorCode === 0;
  });
}

it('hands out ten thousand member ids of a group, and takes them back when nobody comes', async () => {
  const before = rssBytes(broker.pid);
  const some = await crowd(20);
  const [first] = some as [Peer];
  await findCoordinator(first, 'flooded');
  const counts = new Map<number, number>();
  const each = async (peer: Peer) => {
    for (let i = 0; i < 600; i++) {
      const { errorCode } = await peer.call(joinGroupApi, 4, joinOf('flooded'));
      counts.set(errorCode, (counts.get(errorCode) ?? 0) + 1);
    }
  };
  await Promise.all(some.map(each));
  expect(Object.fromEntries(counts)).toEqual({
    [MEMBER_ID_REQUIRED]: PENDING_MAX,
    [GROUP_MAX_SIZE_REACHED]: 20 * 600 - PENDING_MAX,
  });
  expect((rssBytes(broker.pid) - before) / MIB).toBeLessThan(64);
  expect(await canary.sing()).toBeLessThan(1_000);
  const member = await eventually('ids are handed out again', 4 * SESSION_MS, async () => {
    const answer = await first.call(joinGroupApi, 4, joinOf('flooded'));
    return answer.errorCode === MEMBER_ID_REQUIRED && answer.memberId;
  });
  // Ids that nobody uses hold up a rebalance no longer than their session.
  const joined = await first.call(joinGroupApi, 4, joinOf('flooded', member));
  expect(joined.errorCode).toBe(0);
});

it('lets as many members into a group as group.max.size says, and serves them', async () => {
  const before = rssBytes(broker.pid);
  const some = await crowd(1_000);
  await findCoordinator(some[0] as Peer, 'full');
  // Version 3 joins at once, so every connection is a member or is refused.
  const answers = await Promise.all(
    some.map(async (peer) => (await peer.call(joinGroupApi, 3, joinOf('full'))).errorCode),
  );
  const refused = answers.filter((code) => code === GROUP_MAX_SIZE_REACHED).length;
  expect(refused).toBe(1_000 - GROUP_SIZE_MAX);
  expect(answers.filter((code) => code === 0)).toHaveLength(GROUP_SIZE_MAX);
  expect((rssBytes(broker.pid) - before) / MIB).toBeLessThan(64);
  expect(await canary.sing()).toBeLessThan(1_000);
});

it('closes the largest of those who take no answers before all of them cost too much', async () => {
  const [setUp] = await crowd(1);
  for (let i = 0; i < 4; i++) await createTopic(setUp as Peer, `wide-${i}`, { partitions: 250 });
  const before = rssBytes(broker.pid);
  const everything = requestOf(metadataApi, 4, {
    topics: null,
    allowAutoTopicCreation: false,
    includeClusterAuthorizedOperations: false,
    includeTopicAuthorizedOperations: false,
  });
  const flood = Buffer.concat(Array.from({ length: 2_000 }, () => everything));
  const deaf = await crowd(32);
  for (const peer of deaf) {
    peer.stopReading();
    peer.send(flood);
  }
  let unsentMax = 0;
  let left = deaf.length;
  await eventually('some are closed', 25_000, async () => {
    const metrics = await (await fetch(`${broker.metricsUrl}/metrics`)).text();
    unsentMax = Math.max(unsentMax, metricOf(metrics, 'millrace_queued_send_bytes'));
    left = metricOf(metrics, 'kafka_server_socket_server_metrics_connection_count');
    return left < deaf.length;
  });
  for (let song = 0; song < 10; song++) expect(await canary.sing()).toBeLessThan(2_000);
  expect(unsentMax).toBeLessThan(UNSENT_BYTES_MAX + 32 * MIB);
  expect((rssBytes(broker.pid) - before) / MIB).toBeLessThan(UNSENT_BYTES_MAX / MIB + 200);
});

function metricOf(metrics: string, name: string): number {
  const found = new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics);
  if (found === null) throw new Error(`no ${name}`);
  return Number(found[1]);
}
