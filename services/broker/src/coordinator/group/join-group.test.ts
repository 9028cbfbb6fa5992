import { ErrorCode } from '@millrace/protocol';
import { describe, expect, it } from 'vitest';
import { coordinatorLimits } from '../limits.ts';
import { GroupHarness, resultOf } from '../testing/group-harness.ts';
import { GroupState } from './group-state.ts';

describe('the first rebalance', () => {
  it('waits the initial delay and is extended by each newcomer (T76)', async () => {
    const harness = new GroupHarness();
    const first = harness.join();
    await harness.advance(2900);
    const second = harness.join();
    await harness.advance(200);
    expect(first.result).toBeNull();
    await harness.advance(2700);
    expect(first.result).toBeNull();
    await harness.advance(300);
    expect(resultOf(first).generation).toBe(1);
    expect(resultOf(second).generation).toBe(1);
  });

  it('is extended no longer than the rebalance timeout', async () => {
    const harness = new GroupHarness();
    const first = harness.join({ rebalanceTimeoutMs: 8000 });
    for (let i = 0; i < 4; i++) {
      await harness.advance(1900);
      harness.join({ rebalanceTimeoutMs: 8000 });
    }
    expect(first.result).toBeNull();
    await harness.advance(400);
    expect(resultOf(first).generation).toBe(1);
  });

  it('gives the member list to the leader only (T77)', async () => {
    const harness = new GroupHarness();
    const [leader, follower] = await harness.stableGroup(2);
    expect(leader?.leaderId).toBe(leader?.memberId);
    expect(leader?.members.map((each) => each.memberId)).toEqual([
      leader?.memberId,
      follower?.memberId,
    ]);
    expect(follower?.leaderId).toBe(leader?.memberId);
    expect(follower?.members).toEqual([]);
  });
});

describe('member ids (T75)', () => {
  it('v4 sends a newcomer back with an id, and takes it in with that id', async () => {
    const harness = new GroupHarness();
    const refused = resultOf(harness.join({ version: 4, clientId: 'app' }));
    expect(refused.errorCode).toBe(ErrorCode.MEMBER_ID_REQUIRED);
    expect(refused.memberId).toBe('app-uuid-1');
    const join = harness.join({ version: 4, memberId: refused.memberId });
    await harness.advance(6000);
    expect(resultOf(join)).toMatchObject({ errorCode: 0, memberId: 'app-uuid-1', generation: 1 });
  });

  it('v0-3 join at once, static members never get 79', async () => {
    const harness = new GroupHarness();
    const old = harness.join({ version: 3 });
    const fixed = harness.join({ version: 9, instanceId: 'i1' });
    await harness.advance(6000);
    expect(resultOf(old).errorCode).toBe(0);
    expect(resultOf(fixed).errorCode).toBe(0);
  });

  it('a handed-out id is good for one session time, then the group is forgotten', async () => {
    const harness = new GroupHarness();
    const { memberId } = resultOf(harness.join({ version: 4 }));
    expect(harness.coordinator.groupCount).toBe(1);
    await harness.advance(10_001);
    expect(harness.coordinator.groupCount).toBe(0);
    const late = harness.join({ version: 4, memberId });
    expect(resultOf(late).errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
  });

  it('a rebalance waits for a pending member', async () => {
    const harness = new GroupHarness();
    const [leader] = await harness.stableGroup(1);
    const { memberId } = resultOf(harness.join({ version: 4 }));
    const again = harness.join({ memberId: leader?.memberId ?? '' });
    await harness.settle();
    expect(again.result).toBeNull();
    harness.join({ version: 4, memberId });
    expect(resultOf(again).generation).toBe(2);
  });
});

describe('what a join is refused for', () => {
  const refusals = [
    ['empty group id', { group: '' }, ErrorCode.INVALID_GROUP_ID],
    ['session too short', { sessionTimeoutMs: 5999 }, ErrorCode.INVALID_SESSION_TIMEOUT],
    ['session too long', { sessionTimeoutMs: 1_800_001 }, ErrorCode.INVALID_SESSION_TIMEOUT],
    ['no protocols', { protocols: [] }, ErrorCode.INCONSISTENT_GROUP_PROTOCOL],
    ['no protocol type', { protocolType: '' }, ErrorCode.INCONSISTENT_GROUP_PROTOCOL],
    ['an id nobody gave out', { memberId: 'x' }, ErrorCode.UNKNOWN_MEMBER_ID],
  ] as const;
  it.each(refusals)('%s', (_, options, errorCode) => {
    const harness = new GroupHarness();
    expect(resultOf(harness.join(options))).toMatchObject({ errorCode, generation: -1 });
    expect(harness.coordinator.groupCount).toBe(0);
  });

  it('another protocol type, or no common protocol (T77)', async () => {
    const harness = new GroupHarness();
    await harness.stableGroup(1, { protocols: ['range', 'sticky'] });
    const errors = [
      harness.join({ protocolType: 'connect' }),
      harness.join({ protocols: ['roundrobin'] }),
    ].map((join) => resultOf(join).errorCode);
    expect(errors).toEqual([23, 23]);
    expect(harness.join({ protocols: ['sticky'] }).result).toBeNull();
  });

  it('more members than group.max.size', async () => {
    const harness = new GroupHarness({ settings: { memberCountMax: 2 } });
    await harness.stableGroup(2);
    expect(resultOf(harness.join()).errorCode).toBe(ErrorCode.GROUP_MAX_SIZE_REACHED);
  });
});

describe('bounds', () => {
  it('pending members of one group', async () => {
    const harness = new GroupHarness();
    for (let i = 0; i < coordinatorLimits.pendingMemberCountMax; i++) harness.join({ version: 4 });
    expect(resultOf(harness.join({ version: 4 })).errorCode).toBe(81);
    await harness.advance(10_001);
    expect(resultOf(harness.join({ version: 4 })).errorCode).toBe(79);
  });

  it('subscription bytes of one member, and of all together', async () => {
    const harness = new GroupHarness();
    const { memberMetadataBytesMax, memberBytesTotalMax } = coordinatorLimits;
    const join = (group: string, bytes: number) =>
      harness.join({ group, metadata: new Uint8Array(bytes) });
    expect(resultOf(join('g', memberMetadataBytesMax + 1)).errorCode).toBe(81);
    const count = Math.floor(memberBytesTotalMax / memberMetadataBytesMax);
    const joins = Array.from({ length: count }, (_, i) => join(`g${i}`, memberMetadataBytesMax));
    expect(joins.filter((each) => each.result !== null).length).toBe(1);
    await harness.advance(3000);
    harness.leave(joins[0]?.result?.memberId ?? '', null, 'g0');
    expect(join('h', memberMetadataBytesMax).result).toBeNull();
  });

  it('groups of the broker; one that holds nothing takes no place', () => {
    const harness = new GroupHarness();
    for (let i = 0; i < 1000; i++) harness.join({ group: `bad-${i}`, protocols: [] });
    expect(harness.coordinator.groupCount).toBe(0);
  });
});

describe('protocol selection', () => {
  it('takes the most votes among what all support', async () => {
    const harness = new GroupHarness();
    const joins = [
      harness.join({ protocols: ['range', 'sticky'] }),
      harness.join({ protocols: ['sticky', 'range', 'x'] }),
      harness.join({ protocols: ['x', 'sticky', 'range'] }),
    ];
    await harness.advance(6000);
    expect(joins.map((join) => resultOf(join).protocolName)).toEqual([
      'sticky',
      'sticky',
      'sticky',
    ]);
  });
});

describe('rejoining', () => {
  it('a follower with the same subscription gets the same generation again', async () => {
    const harness = new GroupHarness();
    const [, follower] = await harness.stableGroup(2);
    const again = harness.join({ memberId: follower?.memberId ?? '' });
    expect(resultOf(again).generation).toBe(1);
  });

  it('a follower with another subscription, and the leader in any case, begin a rebalance', async () => {
    const harness = new GroupHarness();
    const [leader, follower] = await harness.stableGroup(2);
    const changed = harness.join({ memberId: follower?.memberId ?? '', topics: ['t', 'u'] });
    expect(changed.result).toBeNull();
    const back = harness.join({ memberId: leader?.memberId ?? '' });
    expect(resultOf(changed).generation).toBe(2);
    expect(resultOf(back).members).toHaveLength(2);
    harness.sync(resultOf(back));
    harness.sync(resultOf(changed));
    await harness.settle();
    const leaderAgain = harness.join({ memberId: leader?.memberId ?? '' });
    expect(leaderAgain.result).toBeNull();
    expect(harness.coordinator.find('g')?.state).toBe(GroupState.preparingRebalance);
  });

  it('answers an older join of the same member, so that its connection does not hang', async () => {
    const harness = new GroupHarness();
    const [leader, follower] = await harness.stableGroup(2);
    const lost = harness.join({ memberId: leader?.memberId ?? '' });
    const retried = harness.join({ memberId: leader?.memberId ?? '' });
    expect(resultOf(lost).errorCode).toBe(ErrorCode.REBALANCE_IN_PROGRESS);
    harness.join({ memberId: follower?.memberId ?? '' });
    expect(resultOf(retried).generation).toBe(2);
  });

  it('whoever does not rejoin within the rebalance timeout is out', async () => {
    const harness = new GroupHarness();
    const members = await harness.stableGroup(2, { sessionTimeoutMs: 100_000 });
    const [leader, follower] = members;
    const again = harness.join({ memberId: leader?.memberId ?? '', sessionTimeoutMs: 100_000 });
    await harness.advance(59_000);
    expect(again.result).toBeNull();
    await harness.advance(1000);
    expect(resultOf(again).members).toHaveLength(1);
    expect(follower && harness.heartbeat(follower)).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
  });
});
