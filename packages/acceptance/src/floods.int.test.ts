// What many clients together could make a broker hold: members of groups, answers that nobody takes.
import { findCoordinatorApi, joinGroupApi, leaveGroupApi, metadataApi } from '@millrace/protocol';
import { eventually, MillraceProcess } from '@millrace/testing';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { Canary, createTopic } from '../hostile/canary.ts';
import { Peer, requestOf } from '../hostile/peer.ts';
import { MIB, rssBytes } from '../hostile/process-facts.ts';

const GROUP_SIZE_MAX = 50;
/** As short as Apache Kafka's own lower bound is by default. */
const SHORT_SESSION_MS = 6_000;
/** Of ids that are taken back soon, yet not before hundreds more were asked for on a busy machine. */
const LASTING_SESSION_MS = 30_000;
/** Of what must not run out, however busy the machine is. */
const LONG_MS = 120_000;
const SONG_MS_MAX = 1_000;
/** What the heap may grow by before V8 finds it worth collecting. */
const SLACK_MIB = 96;
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
  const said = broker?.output ?? '';
  await broker?.stop();
  expect(said.split('\n').filter((line) => line.includes('ERROR'))).toEqual([]);
});

async function crowd(count: number): Promise<Peer[]> {
  const some = await Peer.crowd(broker.port, count);
  peers.push(...some);
  return some;
}

const joinOf = (groupId: string, memberId = '', sessionTimeoutMs = LONG_MS) => ({
  groupId,
  sessionTimeoutMs,
  rebalanceTimeoutMs: LONG_MS,
  memberId,
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: new Uint8Array(200) }],
});

async function findCoordinator(peer: Peer, key: string): Promise<void> {
  await eventually('there is a coordinator', LONG_MS / 2, async () => {
    const request = { key, keyType: 0, coordinatorKeys: [] };
    return (await peer.call(findCoordinatorApi, 2, request)).errorCode === 0;
  });
}

/** How often each peer's answers said what, over `count` joins of each. */
async function joinAll(
  some: readonly Peer[],
  count: number,
  sessionMs: number,
): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  const each = async (peer: Peer) => {
    for (let i = 0; i < count; i++) {
      const { errorCode } = await peer.call(joinGroupApi, 4, joinOf('flooded', '', sessionMs));
      counts[errorCode] = (counts[errorCode] ?? 0) + 1;
    }
  };
  await Promise.all(some.map(each));
  return counts;
}

it('hands out ten thousand member ids of a group, and takes them back when nobody comes', async () => {
  const before = rssBytes(broker.pid);
  const some = await crowd(20);
  const [first] = some as [Peer];
  await findCoordinator(first, 'flooded');
  // The last few hundred only are taken back soon, so that it does not matter how long the others take.
  const [long, short] = [480, PENDING_MAX / 20 - 480];
  expect(await joinAll(some, long, LONG_MS)).toEqual({ [MEMBER_ID_REQUIRED]: 20 * long });
  expect(await joinAll(some, short, LASTING_SESSION_MS)).toEqual({
    [MEMBER_ID_REQUIRED]: 20 * short,
  });
  expect(await joinAll(some, 5, LONG_MS)).toEqual({ [GROUP_MAX_SIZE_REACHED]: 20 * 5 });
  expect((rssBytes(broker.pid) - before) / MIB).toBeLessThan(SLACK_MIB);
  expect((await canary.sings(5)).medianMs).toBeLessThan(SONG_MS_MAX);
  await eventually('ids are handed out again', LONG_MS / 2, async () => {
    const answer = await first.call(joinGroupApi, 4, joinOf('flooded'));
    return answer.errorCode === MEMBER_ID_REQUIRED;
  });
});

it('waits for ids that nobody uses no longer than their session', async () => {
  const [first] = (await crowd(1)) as [Peer];
  await findCoordinator(first, 'abandoned');
  const ids = [];
  for (let i = 0; i < 10; i++) {
    // The first one is used, however late.
    const sessionMs = i === 0 ? LONG_MS : SHORT_SESSION_MS;
    const request = joinOf('abandoned', '', sessionMs);
    ids.push((await first.call(joinGroupApi, 4, request)).memberId);
  }
  const joined = await first.call(joinGroupApi, 4, joinOf('abandoned', ids[0]));
  expect(joined.errorCode).toBe(0);
});

it('lets as many members into a group as group.max.size says, and serves them', async () => {
  const before = rssBytes(broker.pid);
  const [first, ...others] = (await crowd(1_000)) as [Peer, ...Peer[]];
  await findCoordinator(first, 'full');
  // Version 3 joins at once, so every connection is a member or is refused.
  const { errorCode, memberId } = await first.call(joinGroupApi, 3, joinOf('full'));
  expect(errorCode).toBe(0);
  let refused = 0;
  const answers = others.map(async (peer) => {
    const answer = await peer.call(joinGroupApi, 3, joinOf('full'));
    if (answer.errorCode === GROUP_MAX_SIZE_REACHED) refused++;
    return answer.errorCode;
  });
  // As many as may be in wait for the first to join again, and go on when it leaves instead.
  const surplus = others.length - GROUP_SIZE_MAX;
  await eventually('the rest is refused', LONG_MS / 2, () => refused === surplus);
  await first.call(leaveGroupApi, 1, { groupId: 'full', memberId, members: [] });
  const codes = await Promise.all(answers);
  expect(codes.filter((code) => code === 0)).toHaveLength(GROUP_SIZE_MAX);
  expect(refused).toBe(surplus);
  expect((rssBytes(broker.pid) - before) / MIB).toBeLessThan(SLACK_MIB);
  expect((await canary.sings(5)).medianMs).toBeLessThan(SONG_MS_MAX);
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
  await eventually('some are closed', LONG_MS / 2, async () => {
    const metrics = await (await fetch(`${broker.metricsUrl}/metrics`)).text();
    unsentMax = Math.max(unsentMax, metricOf(metrics, 'millrace_queued_send_bytes'));
    left = metricOf(metrics, 'kafka_server_socket_server_metrics_connection_count');
    return left < deaf.length;
  });
  expect((await canary.sings(10)).medianMs).toBeLessThan(SONG_MS_MAX);
  expect(unsentMax).toBeLessThan(UNSENT_BYTES_MAX + 32 * MIB);
  expect((rssBytes(broker.pid) - before) / MIB).toBeLessThan(UNSENT_BYTES_MAX / MIB + 200);
});

function metricOf(metrics: string, name: string): number {
  const found = new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics);
  if (found === null) throw new Error(`no ${name}`);
  return Number(found[1]);
}
