import { createLogger, ManualClock, silentLogger } from '@millrace/base';
import { Writer } from '@millrace/bytes';
import { CoordinatorLog } from '../coordinator-log.ts';
import { GroupCoordinator } from '../group/group-coordinator.ts';
import type { GroupSettings } from '../group/group-settings.ts';
import type { JoinRequest } from '../group/join-group.ts';
import type { JoinResult, SyncResult } from '../group/member.ts';
import type { CommitRequest, CommitRow } from '../group/offset-store.ts';
import { PartitionLoader } from '../partition-loader.ts';
import { MemoryTopic } from './memory-topic.ts';

/** An answer that may not have come yet. */
export interface Pending<Result> {
  result: Result | null;
}

export const testSettings: GroupSettings = {
  initialRebalanceDelayMs: 3000,
  sessionTimeoutMsMin: 6000,
  sessionTimeoutMsMax: 1_800_000,
  memberCountMax: 100,
  offsetMetadataLengthMax: 4096,
  offsetsRetentionMs: 7 * 24 * 3_600_000,
  offsetsRetentionCheckIntervalMs: 600_000,
};

/** An error line of the coordinator is a bug, whatever else the test looks at. */
const failLoudly = createLogger({
  level: 'error',
  sink: (line) => {
    throw new Error(line);
  },
});

export interface JoinOptions {
  readonly group?: string;
  readonly memberId?: string;
  readonly instanceId?: string | null;
  readonly clientId?: string;
  readonly protocolType?: string;
  readonly protocols?: readonly string[];
  readonly topics?: readonly string[];
  /** In place of a subscription to `topics`. */
  readonly metadata?: Uint8Array;
  readonly sessionTimeoutMs?: number;
  readonly rebalanceTimeoutMs?: number;
  /** As if the request had this version. Default 3: joins at once. */
  readonly version?: number;
}

/** A group coordinator over a topic in memory and a clock that stands still. For tests only. */
export class GroupHarness {
  readonly clock: ManualClock;
  readonly topic: MemoryTopic;
  readonly coordinator: GroupCoordinator;
  readonly #hooks: (() => void)[] = [];

  constructor(
    options: { settings?: Partial<GroupSettings>; topic?: MemoryTopic; clock?: ManualClock } = {},
  ) {
    this.clock = options.clock ?? new ManualClock();
    this.topic = options.topic ?? new MemoryTopic();
    const { partitions } = this.topic;
    const topic = {
      topicName: '__consumer_offsets',
      topicPartitionCount: () => partitions.length,
      partition: (index: number) => partitions[index],
    };
    const log = new CoordinatorLog({
      ...topic,
      partitionCountDefault: partitions.length,
      batchBytesMax: () => 1_048_588,
      codec: 0,
      clock: this.clock,
      logger: failLoudly,
      tick: { beforeFlush: (hook) => this.#hooks.push(hook), schedule: () => {} },
    });
    this.coordinator = new GroupCoordinator({
      clock: this.clock,
      settings: { ...testSettings, ...options.settings },
      log,
      logger: failLoudly,
      loader: new PartitionLoader({ ...topic, bufferBytes: 1000, logger: silentLogger }),
      deletedTopics: [...this.topic.deletedTopics],
      newUuid: () => `uuid-${++this.topic.uuidCount}`,
    });
    this.coordinator.start();
  }

  /** Ends the beat: what was written is durable and answered, unless a partition holds it. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 40; turn++) {
      for (const hook of this.#hooks) hook();
      await Promise.resolve();
    }
  }

  async advance(ms: number): Promise<void> {
    await this.settle();
    this.clock.advance(ms);
    await this.settle();
  }

  join(options: JoinOptions = {}): Pending<JoinResult> {
    const version = options.version ?? 3;
    const request: JoinRequest = {
      groupId: options.group ?? 'g',
      memberId: options.memberId ?? '',
      instanceId: options.instanceId ?? null,
      protocolType: options.protocolType ?? 'consumer',
      member: {
        clientId: options.clientId ?? 'client',
        clientHost: '/127.0.0.1',
        rebalanceTimeoutMs: options.rebalanceTimeoutMs ?? 60_000,
        sessionTimeoutMs: options.sessionTimeoutMs ?? 10_000,
        protocols: (options.protocols ?? ['range']).map((name) => ({
          name,
          metadata: options.metadata ?? subscription(options.topics ?? ['t']),
        })),
      },
      requiresKnownMemberId: version >= 4,
      canSkipAssignment: version >= 9,
    };
    const pending: Pending<JoinResult> = { result: null };
    this.coordinator.joinGroup(request, (result) => settleOnce(pending, result));
    return pending;
  }

  sync(
    joined: JoinResult,
    assignments: Readonly<Record<string, string>> = {},
    options: { group?: string; instanceId?: string | null; protocolName?: string } = {},
  ): Pending<SyncResult> {
    const pending: Pending<SyncResult> = { result: null };
    this.coordinator.syncGroup(
      {
        groupId: options.group ?? 'g',
        generation: joined.generation,
        memberId: joined.memberId,
        instanceId: options.instanceId ?? null,
        protocolType: null,
        protocolName: options.protocolName ?? null,
        assignments: new Map(
          Object.entries(assignments).map(([id, text]) => [id, Buffer.from(text)]),
        ),
      },
      (result) => settleOnce(pending, result),
    );
    return pending;
  }

  heartbeat(joined: JoinResult, options: { group?: string; instanceId?: string } = {}): number {
    return this.coordinator.heartbeat(
      options.group ?? 'g',
      { memberId: joined.memberId, instanceId: options.instanceId ?? null },
      joined.generation,
    );
  }

  leave(memberId: string, instanceId: string | null = null, group = 'g'): readonly number[] {
    return this.coordinator.leaveGroup(group, [{ memberId, instanceId }]).memberErrorCodes;
  }

  commit(
    row: Partial<CommitRow> = {},
    request: Partial<CommitRequest> = {},
  ): Pending<readonly number[]> {
    const pending: Pending<readonly number[]> = { result: null };
    this.coordinator.commitOffsets(
      {
        groupId: 'g',
        generation: -1,
        memberId: '',
        instanceId: null,
        retentionMs: -1,
        rows: [
          {
            topic: 't',
            partition: 0,
            offset: 1,
            leaderEpoch: -1,
            metadata: null,
            committedAtMs: -1,
            ...row,
          },
        ],
        ...request,
      },
      (errorCodes) => settleOnce(pending, errorCodes),
    );
    return pending;
  }

  committed(partition = 0, topic = 't', group = 'g'): number {
    return this.coordinator.find(group)?.offsets.get(topic, partition)?.offset ?? -1;
  }

  /** Brings a group of `count` dynamic members to Stable; the first is the leader. */
  async stableGroup(count: number, options: JoinOptions = {}): Promise<JoinResult[]> {
    const joins = Array.from({ length: count }, () => this.join(options));
    await this.advance(3000);
    await this.advance(3000);
    const results = joins.map((join) => resultOf(join));
    for (const result of results) this.sync(result, {}, { group: options.group ?? 'g' });
    await this.settle();
    return results;
  }

  /** A second coordinator over the same topic and clock, as after a restart. */
  async restart(): Promise<GroupHarness> {
    this.coordinator.close();
    const next = new GroupHarness({ topic: this.topic, clock: this.clock });
    await next.settle();
    return next;
  }
}

/** The answer, which must have come. */
export function resultOf<Result>(pending: Pending<Result>): Result {
  if (pending.result === null) throw new Error('no answer yet');
  return pending.result;
}

/** A consumer's subscription, version 0. */
export function subscription(topics: readonly string[]): Uint8Array {
  const writer = new Writer();
  writer.int16(0);
  writer.arrayLength(topics.length);
  for (const topic of topics) writer.string(topic);
  writer.nullableByteArray(null);
  return writer.finishBytes().slice();
}

function settleOnce<Result>(pending: Pending<Result>, result: Result): void {
  if (pending.result !== null) throw new Error('answered twice');
  pending.result = result;
}
