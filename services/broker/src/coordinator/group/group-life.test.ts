import { ErrorCode } from '@millrace/protocol';
import { describe, expect, it } from 'vitest';
import { GroupHarness, resultOf } from '../testing/group-harness.ts';
import { GroupState } from './group-state.ts';
import type { JoinResult } from './member.ts';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

describe('SyncGroup', () => {
  it('answers everyone when the assignment of the leader is durable', async () => {
    const harness = new GroupHarness();
    const joins = [harness.join(), harness.join()];
    await harness.advance(6000);
    const [leader, follower] = joins.map(resultOf) as [JoinResult, JoinResult];
    for (const partition of harness.topic.partitions) partition.isHeld = true;
    const early = harness.sync(follower);
    const late = harness.sync(leader, { [leader.memberId]: 'A', [follower.memberId]: 'B' });
    await harness.settle();
    expect([early.result, late.result]).toEqual([null, null]);
    for (const partition of harness.topic.partitions) partition.release();
    await harness.settle();
    expect(text(resultOf(early).assignment)).toBe('B');
    expect(text(resultOf(late).assignment)).toBe('A');
    expect(harness.coordinator.find('g')?.state).toBe(GroupState.stable);
    expect(text(resultOf(harness.sync(follower)).assignment)).toBe('B');
  });

  it('a member the leader forgot gets an empty assignment', async () => {
    const harness = new GroupHarness();
    const [, follower] = await harness.stableGroup(2);
    expect(resultOf(harness.sync(follower as JoinResult)).assignment).toHaveLength(0);
  });

  it('refuses strangers, other generations, other protocols, and a rebalance under way', async () => {
    const harness = new GroupHarness();
    const [leader] = (await harness.stableGroup(2)) as [JoinResult, JoinResult];
    const errorOf = (joined: JoinResult, options = {}) =>
      resultOf(harness.sync(joined, {}, options)).errorCode;
    expect(errorOf({ ...leader, memberId: 'x' })).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
    expect(errorOf({ ...leader, generation: 7 })).toBe(ErrorCode.ILLEGAL_GENERATION);
    expect(errorOf(leader, { protocolName: 'sticky' })).toBe(23);
    expect(errorOf(leader, { group: 'other' })).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
    harness.join({ memberId: leader.memberId });
    expect(errorOf(leader)).toBe(ErrorCode.REBALANCE_IN_PROGRESS);
  });

  it('a newcomer during the sync phase sends everyone back (27)', async () => {
    const harness = new GroupHarness();
    const joins = [harness.join(), harness.join()];
    await harness.advance(6000);
    const [leader, follower] = joins.map(resultOf) as [JoinResult, JoinResult];
    const waiting = harness.sync(follower);
    const newcomer = harness.join();
    expect(resultOf(waiting).errorCode).toBe(ErrorCode.REBALANCE_IN_PROGRESS);
    harness.join({ memberId: leader.memberId });
    harness.join({ memberId: follower.memberId });
    expect(resultOf(newcomer).generation).toBe(2);
  });

  it('an assignment that comes after the next rebalance began changes nothing', async () => {
    const harness = new GroupHarness();
    const join = harness.join();
    await harness.advance(3000);
    const leader = resultOf(join);
    for (const partition of harness.topic.partitions) partition.isHeld = true;
    const sync = harness.sync(leader, { [leader.memberId]: 'old' });
    const newcomer = harness.join();
    expect(resultOf(sync).errorCode).toBe(ErrorCode.REBALANCE_IN_PROGRESS);
    for (const partition of harness.topic.partitions) partition.release();
    await harness.settle();
    expect(newcomer.result).toBeNull();
    expect(harness.coordinator.find('g')?.state).toBe(GroupState.preparingRebalance);
  });

  it('a log that refuses the assignment is answered and starts over', async () => {
    const harness = new GroupHarness();
    const join = harness.join();
    await harness.advance(3000);
    for (const partition of harness.topic.partitions) partition.errorCode = 56;
    const sync = harness.sync(resultOf(join));
    await harness.settle();
    expect(resultOf(sync).errorCode).toBe(ErrorCode.NOT_COORDINATOR);
    expect(harness.coordinator.find('g')?.state).toBe(GroupState.preparingRebalance);
  });

  it('whoever never syncs is out after the rebalance timeout', async () => {
    const harness = new GroupHarness();
    const options = { sessionTimeoutMs: 1_000_000, rebalanceTimeoutMs: 20_000 };
    const joins = [harness.join(options), harness.join(options)];
    await harness.advance(6000);
    const [leader] = joins.map(resultOf) as [JoinResult, JoinResult];
    harness.sync(leader);
    await harness.advance(19_000);
    expect(harness.heartbeat(leader)).toBe(0);
    await harness.advance(1000);
    expect(harness.heartbeat(leader)).toBe(ErrorCode.REBALANCE_IN_PROGRESS);
    const again = harness.join({ ...options, memberId: leader.memberId });
    expect(resultOf(again).members).toHaveLength(1);
  });
});

describe('Heartbeat (T78)', () => {
  it('answers 0, 27, 22, 25', async () => {
    const harness = new GroupHarness();
    const [leader, follower] = (await harness.stableGroup(2)) as [JoinResult, JoinResult];
    expect(harness.heartbeat(leader)).toBe(0);
    expect(harness.heartbeat({ ...leader, generation: 0 })).toBe(ErrorCode.ILLEGAL_GENERATION);
    expect(harness.heartbeat({ ...leader, memberId: 'x' })).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
    expect(harness.heartbeat(leader, { group: 'none' })).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
    expect(harness.heartbeat(leader, { group: '' })).toBe(ErrorCode.INVALID_GROUP_ID);
    harness.join();
    expect(harness.heartbeat(follower)).toBe(ErrorCode.REBALANCE_IN_PROGRESS);
  });

  it('is a sign of life while the others still sync', async () => {
    const harness = new GroupHarness();
    const join = harness.join();
    await harness.advance(3000);
    expect(harness.heartbeat(resultOf(join))).toBe(0);
  });

  it('keeps the session; silence ends it and the rest rebalance', async () => {
    const harness = new GroupHarness();
    const [leader, follower] = (await harness.stableGroup(2)) as [JoinResult, JoinResult];
    for (let i = 0; i < 5; i++) {
      await harness.advance(6000);
      expect(harness.heartbeat(leader)).toBe(0);
      if (i < 3) harness.heartbeat(follower);
      else break;
    }
    await harness.advance(5000);
    expect(harness.heartbeat(leader)).toBe(ErrorCode.REBALANCE_IN_PROGRESS);
    expect(harness.heartbeat(follower)).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
    const again = harness.join({ memberId: leader.memberId });
    expect(resultOf(again)).toMatchObject({ generation: 2, leaderId: leader.memberId });
  });

  it('costs one timer per group however many heartbeats there are', async () => {
    const harness = new GroupHarness();
    const before = harness.clock.pendingCount;
    const [leader, follower] = (await harness.stableGroup(2)) as [JoinResult, JoinResult];
    for (let i = 0; i < 100; i++) {
      await harness.advance(50);
      harness.heartbeat(leader);
      harness.heartbeat(follower);
    }
    expect(harness.clock.pendingCount).toBe(before + 1);
  });

  it('a member whose join or sync is parked here does not time out', async () => {
    const harness = new GroupHarness();
    const [leader, follower] = (await harness.stableGroup(2)) as [JoinResult, JoinResult];
    const again = harness.join({ memberId: leader.memberId });
    for (let i = 0; i < 8; i++) {
      await harness.advance(6000);
      harness.heartbeat(follower);
    }
    expect(again.result).toBeNull();
    harness.join({ memberId: follower.memberId });
    expect(resultOf(again).members).toHaveLength(2);
  });
});

describe('LeaveGroup (T79)', () => {
  it('takes members out at once and lets the last one leave an empty group', async () => {
    const harness = new GroupHarness();
    const [leader, follower] = (await harness.stableGroup(2)) as [JoinResult, JoinResult];
    expect(harness.leave(leader.memberId)).toEqual([0]);
    expect(harness.heartbeat(follower)).toBe(ErrorCode.REBALANCE_IN_PROGRESS);
    expect(harness.leave(follower.memberId)).toEqual([0]);
    expect(harness.coordinator.find('g')?.state).toBe(GroupState.empty);
    expect(harness.coordinator.find('g')?.generation).toBe(2);
    expect(harness.leave('x')).toEqual([ErrorCode.UNKNOWN_MEMBER_ID]);
    expect(harness.leave('x', null, 'none')).toEqual([ErrorCode.UNKNOWN_MEMBER_ID]);
  });

  it('a pending member may leave too', async () => {
    const harness = new GroupHarness();
    const { memberId } = resultOf(harness.join({ version: 4 }));
    expect(harness.leave(memberId)).toEqual([0]);
    expect(resultOf(harness.join({ version: 4, memberId })).errorCode).toBe(25);
  });

  it('answers the parked join of a member that is sent away', async () => {
    const harness = new GroupHarness();
    const [leader] = (await harness.stableGroup(2)) as [JoinResult, JoinResult];
    const parked = harness.join({ memberId: leader.memberId });
    harness.leave(leader.memberId);
    expect(resultOf(parked).errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
  });

  it('several at once cost one rebalance', async () => {
    const harness = new GroupHarness();
    const members = await harness.stableGroup(3);
    const codes = harness.coordinator.leaveGroup(
      'g',
      [members[0], members[1], members[1], null].map((member) => ({
        memberId: member?.memberId ?? 'x',
        instanceId: null,
      })),
    );
    expect(codes.memberErrorCodes).toEqual([0, 0, 25, 25]);
    const rest = harness.join({ memberId: members[2]?.memberId ?? '' });
    expect(resultOf(rest)).toMatchObject({ generation: 2, errorCode: 0 });
  });
});

describe('the transition table', () => {
  it('refuses what is not in it', () => {
    const harness = new GroupHarness();
    harness.join();
    const group = harness.coordinator.find('g');
    expect(() => group?.moveTo('Stable', 0)).toThrow(/went from PreparingRebalance to Stable/);
  });
});
