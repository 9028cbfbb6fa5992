import { Reader, Writer, ZERO_UUID } from '@millrace/bytes';
import {
  type ApiCodec,
  deleteGroupsApi,
  describeGroupsApi,
  ErrorCode,
  findCoordinatorApi,
  heartbeatApi,
  joinGroupApi,
  leaveGroupApi,
  listGroupsApi,
  offsetCommitApi,
  offsetDeleteApi,
  offsetFetchApi,
  syncGroupApi,
} from '@millrace/protocol';
import { describe, expect, it } from 'vitest';
import { GroupHarness, subscription } from '../coordinator/testing/group-harness.ts';
import { offsetCommitHandler } from './08-offset-commit.ts';
import { offsetFetchHandler } from './09-offset-fetch.ts';
import { findCoordinatorHandler } from './10-find-coordinator.ts';
import { joinGroupHandler } from './11-join-group.ts';
import { heartbeatHandler } from './12-heartbeat.ts';
import { leaveGroupHandler } from './13-leave-group.ts';
import { syncGroupHandler } from './14-sync-group.ts';
import { describeGroupsHandler } from './15-describe-groups.ts';
import { listGroupsHandler } from './16-list-groups.ts';
import { deleteGroupsHandler } from './42-delete-groups.ts';
import { offsetDeleteHandler } from './47-offset-delete.ts';
import type { ApiHandler, RequestContext } from './api-handler.ts';

const topicId = 'AAAAAAAAAAAAAAAAAAAAAg';
const topics = [
  { name: 't', id: topicId, partitionCount: 2 },
  { name: 'u', id: 'AAAAAAAAAAAAAAAAAAAAAw', partitionCount: 1 },
];
const image = {
  topic: (name: string) => topics.find((topic) => topic.name === name),
  topicById: (id: string) => topics.find((topic) => topic.id === id),
};

/** Sends a request through the handler as it would go over the wire, in one version. */
async function call<Req, ReqInput, Res, ResInput>(
  harness: GroupHarness,
  handler: ApiHandler<Req, ResInput>,
  codec: ApiCodec<Req, Res, ReqInput, ResInput>,
  version: number,
  request: ReqInput,
): Promise<Res> {
  const writer = new Writer();
  codec.encodeRequest(writer, request, version);
  const decoded = handler.decode(new Reader(writer.finishBytes().slice()), version);
  const context: RequestContext = {
    apiKey: handler.key,
    apiVersion: version,
    correlationId: 1,
    clientId: 'app',
    connection: {
      id: 1,
      remoteAddress: '10.0.0.9',
      remotePort: 5,
      localAddress: '10.0.0.1',
      localPort: 9092,
      listener: 'PLAINTEXT',
    },
    receivedAtMs: harness.clock.nowMs(),
    principal: 'User:ANONYMOUS',
  };
  const answer = Promise.resolve(handler.handle(decoded, context));
  await harness.settle();
  await harness.advance(3000);
  const response = await answer;
  if (response === undefined) throw new Error('no answer');
  writer.reset();
  handler.encode(writer, response, version);
  const reader = new Reader(writer.finishBytes().slice());
  const result = codec.decodeResponse(reader, version);
  reader.finish();
  return result;
}

function versions(range: { readonly minVersion: number; readonly maxVersion: number }): number[] {
  return Array.from(
    { length: range.maxVersion - range.minVersion + 1 },
    (_, i) => range.minVersion + i,
  );
}

async function join(harness: GroupHarness, version: number, memberId = '') {
  const handler = joinGroupHandler({ groups: harness.coordinator });
  return call(harness, handler, joinGroupApi, version, {
    groupId: 'g',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 60_000,
    memberId,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: subscription(['t']) }],
  });
}

const joinVersions = versions(joinGroupHandler({ groups: new GroupHarness().coordinator }));

describe('a member through its life, in every version', () => {
  it.each(joinVersions)('JoinGroup %i and the versions of its time', async (version) => {
    const harness = new GroupHarness();
    const rooms = { groups: harness.coordinator };
    let joined = await join(harness, version);
    if (version >= 4) {
      expect(joined).toMatchObject({ errorCode: 79, generationId: -1, leader: '' });
      expect(joined.memberId).toMatch(/^app-/);
      joined = await join(harness, version, joined.memberId);
    }
    expect(joined).toMatchObject({ errorCode: 0, generationId: 1, protocolName: 'range' });
    expect(joined.protocolType).toBe(version >= 7 ? 'consumer' : null);
    expect(joined.members).toHaveLength(1);

    const { memberId } = joined;
    const old = Math.min(version, 5);
    const synced = await call(harness, syncGroupHandler(rooms), syncGroupApi, old, {
      groupId: 'g',
      generationId: 1,
      memberId,
      assignments: [{ memberId, assignment: Uint8Array.of(7) }],
      ...(old >= 5 ? { protocolType: 'consumer', protocolName: 'range' } : {}),
    });
    expect([synced.errorCode, ...synced.assignment]).toEqual([0, 7]);

    const beat = { groupId: 'g', generationId: 1, memberId };
    const beatVersion = Math.min(version, 4);
    const heart = await call(harness, heartbeatHandler(rooms), heartbeatApi, beatVersion, beat);
    expect(heart.errorCode).toBe(0);

    const described = await call(
      harness,
      describeGroupsHandler(rooms),
      describeGroupsApi,
      Math.min(version, 6),
      { groups: ['g', 'none'], includeAuthorizedOperations: version >= 3 },
    );
    expect(described.groups[0]).toMatchObject({
      errorCode: 0,
      groupState: 'Stable',
      protocolData: 'range',
      authorizedOperations: version >= 3 ? 0b1101_0100_1000 : -2147483648,
    });
    expect(described.groups[0]?.members[0]).toMatchObject({ clientHost: '/10.0.0.9', memberId });
    expect(described.groups[1]).toMatchObject({
      groupState: 'Dead',
      errorCode: version >= 6 ? ErrorCode.GROUP_ID_NOT_FOUND : 0,
    });

    const left = await call(harness, leaveGroupHandler(rooms), leaveGroupApi, old, {
      groupId: 'g',
      memberId: old < 3 ? memberId : '',
      members: old < 3 ? [] : [{ memberId }, { memberId: 'x' }],
    });
    expect(left.errorCode).toBe(0);
    if (old >= 3) expect(left.members.map((each) => each.errorCode)).toEqual([0, 25]);
    expect(harness.coordinator.find('g')?.state).toBe('Empty');
  });

  it('an error of JoinGroup has no null before v7', async () => {
    for (const version of joinVersions) {
      const harness = new GroupHarness();
      const answer = await join(harness, version, 'stranger');
      expect(answer).toMatchObject({ errorCode: 25, memberId: 'stranger', leader: '' });
      expect(answer.protocolName).toBe(version >= 7 ? null : '');
    }
  });
});

describe('offsets, in every version', () => {
  const commitVersions = versions(
    offsetCommitHandler({ groups: new GroupHarness().coordinator, image }),
  );
  const partition = (partitionIndex: number, committedOffset = 5) => ({
    partitionIndex,
    committedOffset,
    committedMetadata: 'm',
  });

  it.each(commitVersions)('OffsetCommit %i, then OffsetFetch', async (version) => {
    const harness = new GroupHarness();
    const rooms = { groups: harness.coordinator, image };
    const byId = version >= 10;
    const topic = (name: string, id: string, partitions: ReturnType<typeof partition>[]) => ({
      name: byId ? '' : name,
      topicId: byId ? id : ZERO_UUID,
      partitions,
    });
    const committed = await call(harness, offsetCommitHandler(rooms), offsetCommitApi, version, {
      groupId: 'g',
      memberId: '',
      topics: [
        topic('none', 'AAAAAAAAAAAAAAAAAAAACA', [partition(0)]),
        topic('t', topicId, [partition(0), partition(2), partition(1, 6)]),
      ],
    });
    const codes = committed.topics.map((each) => each.partitions.map((row) => row.errorCode));
    expect(codes).toEqual([[byId ? 100 : 3], [0, 3, 0]]);

    const fetch = version >= 8 ? version : Math.max(1, Math.min(version, 7));
    const wanted = [{ name: byId ? '' : 't', topicId: byId ? topicId : ZERO_UUID }];
    const fetched = await call(harness, offsetFetchHandler(rooms), offsetFetchApi, fetch, {
      groupId: fetch < 8 ? 'g' : '',
      topics: fetch < 8 ? [{ name: 't', partitionIndexes: [1, 0, 9] }] : [],
      groups:
        fetch < 8
          ? []
          : [
              {
                groupId: 'g',
                topics: wanted.map((each) => ({ ...each, partitionIndexes: [1, 0, 9] })),
              },
              { groupId: 'none', topics: null },
              { groupId: 'g', topics: null },
            ],
    });
    const answers = fetch < 8 ? fetched.topics : (fetched.groups[0]?.topics ?? []);
    const rows = answers.flatMap((each) =>
      each.partitions.map((row) => [row.committedOffset, row.metadata, row.errorCode]),
    );
    expect(rows).toEqual([
      [6, 'm', 0],
      [5, 'm', 0],
      [-1, '', 0],
    ]);
    if (fetch >= 8) {
      expect(fetched.groups[1]).toMatchObject({ topics: [], errorCode: 0 });
      expect(fetched.groups[2]?.topics[0]?.partitions).toHaveLength(2);
      expect(fetched.groups[2]?.topics[0]?.[byId ? 'topicId' : 'name']).toBe(byId ? topicId : 't');
    }
  });

  it('OffsetFetch of everything, v2-7', async () => {
    const harness = new GroupHarness();
    harness.commit({ offset: 3 });
    await harness.settle();
    const handler = offsetFetchHandler({ groups: harness.coordinator, image });
    for (const version of [2, 3, 4, 5, 6, 7]) {
      const answer = await call(harness, handler, offsetFetchApi, version, {
        groupId: 'g',
        topics: null,
        groups: [],
      });
      expect(answer.topics[0]?.partitions[0]?.committedOffset).toBe(3);
    }
  });

  it('a loading group answers at every partition in v1, at the top from v2, per group from v8', async () => {
    const harness = new GroupHarness();
    harness.commit();
    await harness.settle();
    harness.coordinator.close();
    const next = new GroupHarness({ topic: harness.topic, clock: harness.clock });
    const handler = offsetFetchHandler({ groups: next.coordinator, image });
    const request = { groupId: 'g', topics: [{ name: 't', partitionIndexes: [0] }], groups: [] };
    const group = { groupId: 'g', memberId: null, memberEpoch: -1, topics: null };
    // The partition is being read: everything must be asked in this turn.
    const [v1, v2, v8] = await Promise.all(
      [1, 2, 8].map((apiVersion) =>
        handler.handle(
          { ...request, requireStable: false, groups: apiVersion < 8 ? [] : [group] },
          { apiVersion } as RequestContext,
        ),
      ),
    );
    expect(v1?.topics?.[0]?.partitions[0]?.errorCode).toBe(14);
    expect([v2?.errorCode, v2?.topics?.length]).toEqual([14, 0]);
    expect(v8?.groups?.[0]?.errorCode).toBe(14);
  });

  it('OffsetDelete', async () => {
    const harness = new GroupHarness();
    harness.commit();
    await harness.settle();
    const handler = offsetDeleteHandler({ groups: harness.coordinator, image });
    const partitions = [{ partitionIndex: 9 }, { partitionIndex: 0 }, { partitionIndex: 1 }];
    const answer = await call(harness, handler, offsetDeleteApi, 0, {
      groupId: 'g',
      topics: [
        { name: 'none', partitions: [{ partitionIndex: 0 }] },
        { name: 't', partitions },
      ],
    });
    const codes = answer.topics.map((each) => each.partitions.map((row) => row.errorCode));
    expect(codes).toEqual([[3], [3, 0, 0]]);
    expect(harness.committed()).toBe(-1);
  });
});

describe('lists, deletion, and who coordinates', () => {
  it('ListGroups filters by state and type without regard to case', async () => {
    const harness = new GroupHarness();
    await harness.stableGroup(1, { sessionTimeoutMs: 1_000_000 });
    harness.commit({}, { groupId: 'h' });
    await harness.settle();
    const handler = listGroupsHandler({ groups: harness.coordinator });
    for (const version of versions(handler)) {
      const list = await call(harness, handler, listGroupsApi, version, {
        statesFilter: version >= 4 ? ['stable'] : [],
        typesFilter: version >= 5 ? ['Classic'] : [],
      });
      expect(list.groups.map((group) => group.groupId)).toEqual(version >= 4 ? ['g'] : ['g', 'h']);
      if (version >= 4) expect(list.groups[0]?.groupState).toBe('Stable');
      if (version >= 5) expect(list.groups[0]?.groupType).toBe('classic');
    }
    const none = { statesFilter: [], typesFilter: ['consumer'] };
    expect((await call(harness, handler, listGroupsApi, 5, none)).groups).toEqual([]);
  });

  it('DeleteGroups', async () => {
    const harness = new GroupHarness();
    const handler = deleteGroupsHandler({ groups: harness.coordinator });
    for (const version of versions(handler)) {
      harness.commit();
      await harness.settle();
      const groupsNames = ['g', 'none'];
      const answer = await call(harness, handler, deleteGroupsApi, version, { groupsNames });
      expect(answer.results.map((each) => each.errorCode)).toEqual([0, 69]);
      const messages = answer.results.map((each) => each.errorMessage);
      expect(messages).toEqual([null, version >= 3 ? 'Group none not found.' : null]);
    }
  });

  it('FindCoordinator', async () => {
    const harness = new GroupHarness();
    let isAvailable = true;
    const handler = findCoordinatorHandler({
      brokerId: 3,
      endpointFor: ({ localAddress, localPort }) => ({ host: localAddress, port: localPort }),
      ensureGroupTopic: () => (isAvailable ? Promise.resolve() : Promise.reject(new Error('no'))),
    });
    const ask = async (version: number, keyType: number) => {
      const answer = await call(harness, handler, findCoordinatorApi, version, {
        key: version < 4 ? 'k' : '',
        keyType,
        coordinatorKeys: version < 4 ? [] : ['k', 'l'],
      });
      const rows = version < 4 ? [answer] : answer.coordinators;
      return rows.map(({ nodeId, host, port, errorCode }) => [nodeId, host, port, errorCode]);
    };
    for (const version of versions(handler)) {
      const count = version < 4 ? 1 : 2;
      expect(await ask(version, 0)).toEqual(Array(count).fill([3, '10.0.0.1', 9092, 0]));
      if (version === 0) continue;
      expect(await ask(version, 1)).toEqual(Array(count).fill([-1, '', -1, 53]));
      expect(await ask(version, 2)).toEqual(Array(count).fill([-1, '', -1, 42]));
    }
    isAvailable = false;
    expect(await ask(2, 0)).toEqual([[-1, '', -1, 15]]);
  });
});
