import { ErrorCode } from '@millrace/protocol';
import { describe, expect, it } from 'vitest';
import { GroupHarness, type JoinOptions, resultOf } from '../testing/group-harness.ts';
import { GroupState } from './group-state.ts';
import type { JoinResult } from './member.ts';

const options: JoinOptions = { version: 9, sessionTimeoutMs: 30_000 };

/** Two static members, the first of them leading, with assignments `A` and `B`. */
async function staticGroup(harness: GroupHarness): Promise<[JoinResult, JoinResult]> {
  const joins = [
    harness.join({ ...options, instanceId: 'i1' }),
    harness.join({ ...options, instanceId: 'i2' }),
  ];
  await harness.advance(6000);
  const [leader, follower] = joins.map(resultOf) as [JoinResult, JoinResult];
  harness.sync(
    leader,
    { [leader.memberId]: 'A', [follower.memberId]: 'B' },
    {
      instanceId: 'i1',
    },
  );
  harness.sync(follower, {}, { instanceId: 'i2' });
  await harness.settle();
  return [leader, follower];
}

describe('static members (KIP-345)', () => {
  it('a restarted follower keeps its place and assignment without a rebalance', async () => {
    const harness = new GroupHarness();
    const [leader, follower] = await staticGroup(harness);
    const back = harness.join({ ...options, instanceId: 'i2' });
    await harness.settle();
    const again = resultOf(back);
    expect(again.memberId).not.toBe(follower.memberId);
    expect(again).toMatchObject({ errorCode: 0, generation: 1, leaderId: leader.memberId });
    expect(again.skipAssignment).toBe(false);
    expect(harness.coordinator.find('g')?.state).toBe(GroupState.stable);
    const sync = resultOf(harness.sync(again, {}, { instanceId: 'i2' }));
    expect(Buffer.from(sync.assignment).toString()).toBe('B');
  });

  it('the replaced process is fenced (82)', async () => {
    const harness = new GroupHarness();
    const [, follower] = await staticGroup(harness);
    harness.join({ ...options, instanceId: 'i2' });
    await harness.settle();
    const identity = { instanceId: 'i2', memberId: follower.memberId };
    expect(harness.heartbeat(follower, identity)).toBe(ErrorCode.FENCED_INSTANCE_ID);
    expect(resultOf(harness.join({ ...options, ...identity })).errorCode).toBe(82);
    expect(resultOf(harness.sync(follower, {}, identity)).errorCode).toBe(82);
    expect(resultOf(harness.commit({}, { ...identity, generation: 1 }))).toEqual([82]);
    expect(harness.leave(follower.memberId, 'i2')).toEqual([82]);
    expect(harness.heartbeat(follower, { instanceId: 'i9' })).toBe(25);
    expect(harness.heartbeat(follower)).toBe(25);
  });

  it('a returning leader of v9 skips the assignment (KIP-814)', async () => {
    const harness = new GroupHarness();
    await staticGroup(harness);
    const back = harness.join({ ...options, instanceId: 'i1' });
    await harness.settle();
    const again = resultOf(back);
    expect(again).toMatchObject({ skipAssignment: true, leaderId: again.memberId, generation: 1 });
    expect(again.members).toHaveLength(2);
  });

  it('a returning leader of an older version is not told that it leads', async () => {
    const harness = new GroupHarness();
    const [leader] = await staticGroup(harness);
    const back = harness.join({ ...options, version: 7, instanceId: 'i1' });
    await harness.settle();
    expect(resultOf(back)).toMatchObject({
      skipAssignment: false,
      leaderId: leader.memberId,
      members: [],
    });
  });

  it('the replacement survives a restart of the broker', async () => {
    const harness = new GroupHarness();
    await staticGroup(harness);
    const back = harness.join({ ...options, instanceId: 'i2' });
    await harness.settle();
    const next = await harness.restart();
    expect(next.heartbeat(resultOf(back), { instanceId: 'i2' })).toBe(0);
  });

  it('a return that changes the protocol of the group begins a rebalance', async () => {
    const harness = new GroupHarness();
    const both = { ...options, protocols: ['range', 'sticky'] };
    const first = harness.join({ ...both, instanceId: 'i1' });
    await harness.advance(6000);
    harness.sync(resultOf(first), {}, { instanceId: 'i1' });
    await harness.settle();
    const back = harness.join({ ...options, protocols: ['sticky'], instanceId: 'i1' });
    expect(resultOf(back)).toMatchObject({ errorCode: 0, generation: 2, protocolName: 'sticky' });
  });

  it('a return while the others sync begins another rebalance', async () => {
    const harness = new GroupHarness();
    const joins = [
      harness.join({ ...options, instanceId: 'i1' }),
      harness.join({ ...options, instanceId: 'i2' }),
    ];
    await harness.advance(6000);
    const [leader, follower] = joins.map(resultOf) as [JoinResult, JoinResult];
    const lost = harness.sync(follower, {}, { instanceId: 'i2' });
    const back = harness.join({ ...options, instanceId: 'i2' });
    expect(resultOf(lost).errorCode).toBe(ErrorCode.FENCED_INSTANCE_ID);
    expect(back.result).toBeNull();
    harness.join({ ...options, memberId: leader.memberId, instanceId: 'i1' });
    expect(resultOf(back)).toMatchObject({ errorCode: 0, generation: 2 });
  });

  it('being away for less than a session costs no partition, even through a rebalance', async () => {
    const harness = new GroupHarness();
    const [leader] = await staticGroup(harness);
    const rebalanceTimeoutMs = 5000;
    const again = harness.join({
      ...options,
      memberId: leader.memberId,
      instanceId: 'i1',
      rebalanceTimeoutMs,
      topics: ['t', 'u'],
    });
    await harness.advance(20_000);
    expect(again.result).toBeNull();
    await harness.advance(11_000); // i2's session ends
    expect(resultOf(again).members.map((each) => each.instanceId)).toEqual(['i1']);
  });

  it('an operator removes a static member by its instance id', async () => {
    const harness = new GroupHarness();
    await staticGroup(harness);
    expect(harness.leave('', 'i2')).toEqual([0]);
    expect(harness.leave('', 'i2')).toEqual([ErrorCode.UNKNOWN_MEMBER_ID]);
    expect(harness.coordinator.find('g')?.members.size).toBe(1);
  });
});
