import { ErrorCode } from '@millrace/protocol';
import { BatchView, readRecords } from '@millrace/records';
import { describe, expect, it } from 'vitest';
import { GroupHarness, resultOf } from '../testing/group-harness.ts';
import { groupLag, groupsByState } from './group-metrics.ts';
import type { JoinResult } from './member.ts';

const day = 24 * 3_600_000;

describe('OffsetCommit (T71)', () => {
  it('is visible and answered when durable, not before', async () => {
    const harness = new GroupHarness();
    for (const partition of harness.topic.partitions) partition.isHeld = true;
    const commit = harness.commit({ offset: 42 });
    await harness.settle();
    expect(commit.result).toBeNull();
    expect(harness.committed()).toBe(-1);
    for (const partition of harness.topic.partitions) partition.release();
    await harness.settle();
    expect(resultOf(commit)).toEqual([0]);
    expect(harness.committed()).toBe(42);
  });

  it('commits of one beat for one partition of the log become one batch', async () => {
    const harness = new GroupHarness();
    for (let i = 0; i < 50; i++) harness.commit({ offset: i, partition: i % 5 });
    await harness.settle();
    const batches = harness.topic.partitions.flatMap((partition) => partition.batches);
    expect(batches).toHaveLength(1);
    expect(new BatchView(batches[0]).recordCount).toBe(50);
    expect(harness.committed(4)).toBe(49);
  });

  it('without a generation is for empty groups only', async () => {
    const harness = new GroupHarness();
    const [member] = (await harness.stableGroup(1)) as [JoinResult];
    expect(resultOf(harness.commit())).toEqual([ErrorCode.UNKNOWN_MEMBER_ID]);
    const own = harness.commit({}, { generation: 1, memberId: member.memberId });
    await harness.settle();
    expect(resultOf(own)).toEqual([0]);
    const old = harness.commit({}, { generation: 0, memberId: member.memberId });
    expect(resultOf(old)).toEqual([ErrorCode.ILLEGAL_GENERATION]);
    const stranger = harness.commit({}, { generation: 1, memberId: 'x' });
    expect(resultOf(stranger)).toEqual([ErrorCode.UNKNOWN_MEMBER_ID]);
    const nobody = harness.commit({}, { groupId: 'none', generation: 3, memberId: 'x' });
    expect(resultOf(nobody)).toEqual([ErrorCode.ILLEGAL_GENERATION]);
  });

  it('is accepted while a rebalance gathers, refused while it syncs (27)', async () => {
    const harness = new GroupHarness();
    const [member] = (await harness.stableGroup(1)) as [JoinResult];
    const identity = { generation: 1, memberId: member.memberId };
    harness.join();
    const gathering = harness.commit({}, identity);
    await harness.settle();
    expect(resultOf(gathering)).toEqual([0]);
    harness.join({ memberId: member.memberId });
    const syncing = harness.commit({}, { ...identity, generation: 2 });
    expect(resultOf(syncing)).toEqual([ErrorCode.REBALANCE_IN_PROGRESS]);
  });

  it('counts as a sign of life', async () => {
    const harness = new GroupHarness();
    const [member] = (await harness.stableGroup(1)) as [JoinResult];
    for (let i = 0; i < 5; i++) {
      await harness.advance(8000);
      harness.commit({}, { generation: 1, memberId: member.memberId });
    }
    expect(harness.heartbeat(member)).toBe(0);
  });

  it('metadata longer than offset.metadata.max.bytes fails that partition only', async () => {
    const harness = new GroupHarness();
    const row = { topic: 't', offset: 1, leaderEpoch: -1, committedAtMs: -1 };
    const rows = [
      { ...row, partition: 0, metadata: 'x'.repeat(4097) },
      { ...row, partition: 1, metadata: 'x'.repeat(4096) },
    ];
    const commit = harness.commit({}, { rows });
    await harness.settle();
    expect(resultOf(commit)).toEqual([ErrorCode.OFFSET_METADATA_TOO_LARGE, 0]);
    expect([harness.committed(0), harness.committed(1)]).toEqual([-1, 1]);
  });

  it('a log that refuses leaves nothing behind', async () => {
    const harness = new GroupHarness();
    for (const partition of harness.topic.partitions) partition.errorCode = 56;
    const commit = harness.commit();
    await harness.settle();
    expect(resultOf(commit)).toEqual([ErrorCode.NOT_COORDINATOR]);
    expect(harness.committed()).toBe(-1);
  });
});

describe('expiry (T72)', () => {
  it('offsets without a group go a retention after their commit', async () => {
    const harness = new GroupHarness();
    harness.commit();
    await harness.advance(7 * day - 1);
    expect(harness.committed()).toBe(1);
    await harness.advance(700_000);
    expect(harness.committed()).toBe(-1);
    expect(harness.coordinator.groupCount).toBe(0);
    expect((await harness.restart()).committed()).toBe(-1);
  });

  it('offsets of a group go a retention after it became empty', async () => {
    const harness = new GroupHarness();
    const [member] = (await harness.stableGroup(1, { sessionTimeoutMs: 1_800_000 })) as [
      JoinResult,
    ];
    harness.commit({}, { generation: 1, memberId: member.memberId });
    for (let i = 0; i < 8 * 24 * 4; i++) {
      await harness.advance(day / 24 / 4);
      expect(harness.heartbeat(member)).toBe(0);
    }
    harness.leave(member.memberId);
    await harness.advance(6.9 * day);
    expect(harness.committed()).toBe(1);
    await harness.advance(0.2 * day);
    expect(harness.committed()).toBe(-1);
    expect(harness.coordinator.groupCount).toBe(0);
  });

  it('offsets of a topic that a living group gave up expire, the others do not', async () => {
    const harness = new GroupHarness();
    const [member] = (await harness.stableGroup(1, { sessionTimeoutMs: 1_800_000 })) as [
      JoinResult,
    ];
    const identity = { generation: 1, memberId: member.memberId };
    harness.commit({}, identity);
    harness.commit({ topic: 'gone' }, identity);
    for (let i = 0; i < 8 * 24 * 3; i++) {
      await harness.advance(day / 24 / 3);
      harness.heartbeat(member);
    }
    expect(harness.committed(0, 'gone')).toBe(-1);
    expect(harness.committed(0, 't')).toBe(1);
  });

  it('an expiry asked for by v2-4 is honoured and kept through a restart', async () => {
    const harness = new GroupHarness();
    harness.commit({}, { retentionMs: 3_600_000 });
    await harness.settle();
    const next = await harness.restart();
    await next.advance(3_500_000);
    expect(next.committed()).toBe(1);
    await next.advance(800_000);
    expect(next.committed()).toBe(-1);
  });

  it('never takes an offset that is being committed again', async () => {
    const harness = new GroupHarness();
    harness.commit({ offset: 1 });
    await harness.advance(7 * day - 1);
    for (const partition of harness.topic.partitions) partition.isHeld = true;
    harness.commit({ offset: 2 });
    await harness.advance(700_000);
    for (const partition of harness.topic.partitions) partition.release();
    await harness.settle();
    expect(harness.committed()).toBe(2);
    expect((await harness.restart()).committed()).toBe(2);
  });
});

describe('deleting', () => {
  it('a group: only an empty one, with all its offsets (T81)', async () => {
    const harness = new GroupHarness();
    const [member] = (await harness.stableGroup(1)) as [JoinResult];
    harness.commit({}, { generation: 1, memberId: member.memberId });
    await harness.settle();
    const codes: number[] = [];
    harness.coordinator.deleteGroup('g', (code) => codes.push(code));
    harness.leave(member.memberId);
    harness.coordinator.deleteGroup('g', (code) => codes.push(code));
    harness.coordinator.deleteGroup('g', (code) => codes.push(code));
    await harness.settle();
    expect(codes.toSorted((a, b) => a - b)).toEqual([0, 68, 69]);
    const next = await harness.restart();
    expect(next.coordinator.groupCount).toBe(0);
  });

  it('an offset: not while a consumer reads the topic (T81)', async () => {
    const harness = new GroupHarness();
    const [member] = (await harness.stableGroup(1)) as [JoinResult];
    const identity = { generation: 1, memberId: member.memberId };
    harness.commit({}, identity);
    harness.commit({ topic: 'u' }, identity);
    await harness.settle();
    let answer: readonly number[] = [];
    const rows = ['t', 'u', 'v'].map((topic) => ({ topic, partition: 0 }));
    harness.coordinator.deleteOffsets(
      'g',
      rows,
      (codes) => {
        answer = codes;
      },
      () => expect.unreachable(),
    );
    await harness.settle();
    expect(answer).toEqual([ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC, 0, 0]);
    const next = await harness.restart();
    expect([next.committed(0, 't'), next.committed(0, 'u')]).toEqual([1, -1]);
  });

  it('an offset of a group that is no consumer group: not while it has members', async () => {
    const harness = new GroupHarness();
    await harness.stableGroup(1, { protocolType: 'connect' });
    const refused: number[] = [];
    const done = () => expect.unreachable();
    harness.coordinator.deleteOffsets('g', [], done, (code) => refused.push(code));
    harness.coordinator.deleteOffsets('none', [], done, (code) => refused.push(code));
    expect(refused).toEqual([ErrorCode.NON_EMPTY_GROUP, ErrorCode.GROUP_ID_NOT_FOUND]);
  });

  it('a topic: its offsets go at once, also one on its way', async () => {
    const harness = new GroupHarness();
    harness.commit();
    await harness.settle();
    harness.commit({ partition: 1 });
    harness.coordinator.topicDeleted('t');
    expect(harness.committed()).toBe(-1);
    await harness.settle();
    expect([harness.committed(0), harness.committed(1)]).toEqual([-1, -1]);
    const next = await harness.restart();
    expect([next.committed(0), next.committed(1)]).toEqual([-1, -1]);
  });
});

describe('restart', () => {
  it('drops offsets of a topic that was deleted just before the broker stopped', async () => {
    const harness = new GroupHarness();
    harness.commit();
    harness.commit({ topic: 'u' });
    await harness.settle();
    harness.topic.deletedTopics.add('t');
    const next = await harness.restart();
    expect([next.committed(0, 't'), next.committed(0, 'u')]).toEqual([-1, 1]);
    harness.topic.deletedTopics.clear();
    const last = await next.restart();
    expect([last.committed(0, 't'), last.committed(0, 'u')]).toEqual([-1, 1]);
  });

  it('drops offsets of a topic that is deleted while they are loaded', async () => {
    const harness = new GroupHarness();
    harness.commit();
    harness.commit({ topic: 'u' });
    await harness.settle();
    harness.coordinator.close();
    const next = new GroupHarness({ topic: harness.topic, clock: harness.clock });
    expect(next.coordinator.isLoading).toBe(true);
    next.coordinator.topicDeleted('t');
    await next.settle();
    expect([next.committed(0, 't'), next.committed(0, 'u')]).toEqual([-1, 1]);
    // Made anew under the same name: its offsets are its own.
    next.commit({ offset: 9 });
    await next.settle();
    const last = await next.restart();
    expect([last.committed(0, 't'), last.committed(0, 'u')]).toEqual([9, 1]);
  });

  it('brings back members with their sessions, assignments and offsets', async () => {
    const harness = new GroupHarness();
    const join = harness.join();
    await harness.advance(3000);
    const member = resultOf(join);
    harness.sync(member, { [member.memberId]: 'A' });
    await harness.settle();
    harness.commit({ offset: 7, metadata: 'm', leaderEpoch: 3 }, { ...member });
    await harness.settle();
    const next = await harness.restart();
    expect(next.heartbeat(member)).toBe(0);
    expect(Buffer.from(resultOf(next.sync(member)).assignment).toString()).toBe('A');
    expect(next.coordinator.find('g')?.offsets.get('t', 0)).toMatchObject({
      offset: 7,
      metadata: 'm',
      leaderEpoch: 3,
    });
    await next.advance(10_001);
    expect(next.coordinator.find('g')?.state).toBe('Empty');
  });

  it('answers 14 while loading, and heartbeats with 0', async () => {
    const harness = new GroupHarness();
    const [member] = (await harness.stableGroup(1)) as [JoinResult];
    harness.coordinator.close();
    const next = new GroupHarness({ topic: harness.topic, clock: harness.clock });
    expect(resultOf(next.join()).errorCode).toBe(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS);
    expect(next.heartbeat(member)).toBe(0);
    expect(next.coordinator.isLoading).toBe(true);
    await next.settle();
    expect(next.coordinator.isLoading).toBe(false);
    expect(next.heartbeat(member)).toBe(0);
  });
});

describe('metrics', () => {
  it('counts groups by state and lag by partition', async () => {
    const harness = new GroupHarness();
    await harness.stableGroup(1);
    harness.commit({ offset: 5 }, { groupId: 'h' });
    harness.commit({ offset: 50, partition: 1 }, { groupId: 'h' });
    await harness.settle();
    expect(groupsByState(harness.coordinator.groups())).toMatchObject({ Stable: 1, Empty: 1 });
    const rows = [...groupLag(harness.coordinator, () => 20, 10)];
    expect(rows.map(({ group, partition, lag }) => [group, partition, lag])).toEqual([
      ['h', 0, 15],
      ['h', 1, 0],
    ]);
    expect([...groupLag(harness.coordinator, () => 20, 1)]).toHaveLength(1);
  });
});

describe('what is written', () => {
  it('is key 1 with value 3, or value 1 with an expiry (C.4)', async () => {
    const harness = new GroupHarness();
    harness.commit({ offset: 258, leaderEpoch: 2, metadata: 'm', committedAtMs: 1000 });
    harness.commit({ offset: 1, committedAtMs: 1000 }, { retentionMs: 5 });
    await harness.settle();
    const [batch] = harness.topic.partitions.flatMap((partition) => partition.batches);
    const records = [...readRecords(batch as Uint8Array)].map(({ key, value }) => [
      Buffer.from(key ?? []).toString('hex'),
      Buffer.from(value ?? []).toString('hex'),
    ]);
    const key = `0001${'0001'}67${'0001'}74${'00000000'}`;
    const now = harness.clock.nowMs().toString(16).padStart(16, '0');
    const later = (harness.clock.nowMs() + 5).toString(16).padStart(16, '0');
    expect(now).not.toBe(later);
    expect(records).toEqual([
      [key, `0003${'0000000000000102'}00000002${'0001'}6d${'00000000000003e8'}`],
      [key, `0001${'0000000000000001'}${'0000'}${'00000000000003e8'}${later}`],
    ]);
  });
});
