import type { Clock, Logger, Timer } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { CoordinatorPlacement } from '../coordinator-log.ts';
import type { PartitionLoader } from '../partition-loader.ts';
import type { Group } from './group.ts';
import { GroupLedger } from './group-ledger.ts';
import { GroupReplay } from './group-replay.ts';
import type { GroupSettings } from './group-settings.ts';
import { GroupState } from './group-state.ts';
import { GroupTable } from './group-table.ts';
import { type GroupLog, GroupWriter, type WriteDone } from './group-writer.ts';
import { heartbeat } from './heartbeat.ts';
import { JoinGroup, type JoinRequest } from './join-group.ts';
import { leaveGroup } from './leave-group.ts';
import { type JoinReply, joinError, type SyncReply, syncError } from './member.ts';
import type { MemberIdentity } from './member-check.ts';
import {
  type CommitRequest,
  checkOffsetDelete,
  OffsetStore,
  type RowsDone,
  type TopicPartition,
} from './offset-store.ts';
import { Rebalance } from './rebalance.ts';
import { SyncGroup, type SyncRequest } from './sync-group.ts';

export interface GroupCoordinatorParts {
  readonly clock: Clock;
  readonly settings: GroupSettings;
  readonly log: GroupLog & CoordinatorPlacement;
  readonly logger: Logger;
  /** Reads partitions of the log; `start` gives it the groups' replay. */
  readonly loader: Pick<PartitionLoader, 'start' | 'reset' | 'close' | 'ready' | 'isLoading'>;
  /** A fresh UUID in text. */
  readonly newUuid: () => string;
  /** Topics whose deletion the last run did not finish: their offsets are dropped when they are loaded. */
  readonly deletedTopics: readonly string[];
}

/** Wire errors of a LeaveGroup. */
export interface LeaveResult {
  /** Of the whole request. */
  readonly errorCode: number;
  /** Per identity, in order; empty when the whole request failed. */
  readonly memberErrorCodes: readonly number[];
}

/**
 * The classic groups of this broker: finds the group a request is about and hands it to the file that
 * knows what to do. Wire errors are values; callbacks are called exactly once.
 */
export class GroupCoordinator {
  readonly #parts: GroupCoordinatorParts;
  readonly #ledger = new GroupLedger();
  readonly #groups: GroupTable;
  readonly #rebalance: Rebalance;
  readonly #offsets: OffsetStore;
  readonly #join: JoinGroup;
  readonly #sync: SyncGroup;
  /** Topics deleted while partitions of the log are being read, which still hold offsets of them. */
  readonly #deletedWhileLoading = new Set<string>();
  #expiryTimer: Timer | null = null;
  #nextExpiryIndex = 0;

  constructor(parts: GroupCoordinatorParts) {
    this.#parts = parts;
    const { clock, settings } = parts;
    const ledger = this.#ledger;
    const groups = new GroupTable(ledger);
    const writer = new GroupWriter(parts.log, clock);
    const forget = (group: Group) => groups.forget(group, clock.nowMs());
    const rebalance = new Rebalance({ clock, settings, writer, logger: parts.logger, forget });
    this.#groups = groups;
    this.#rebalance = rebalance;
    this.#offsets = new OffsetStore({ clock, settings, ledger, groups, writer, rebalance });
    this.#join = new JoinGroup({ settings, ledger, rebalance, writer, newUuid: parts.newUuid });
    this.#sync = new SyncGroup(rebalance, writer);
  }

  /** Begins to load what the log holds; until a partition is loaded its groups answer 14. */
  start(): void {
    this.#parts.loader.start(
      (partitionIndex) =>
        new GroupReplay({
          partitionIndex,
          groups: this.#groups,
          rebalance: this.#rebalance,
          logger: this.#parts.logger,
          afterwards: () => this.#dropDeleted(partitionIndex),
        }),
    );
    const { offsetsRetentionCheckIntervalMs } = this.#parts.settings;
    // One partition at a time, so that a large number of groups never stops the thread.
    const sliceMs = Math.max(1, offsetsRetentionCheckIntervalMs / this.#parts.log.partitionCount);
    this.#expiryTimer = this.#parts.clock.setInterval(sliceMs, () => this.#expireSlice());
  }

  close(): void {
    this.#expiryTimer?.cancel();
    this.#parts.loader.close();
    this.unload();
  }

  /** Forgets every group; the log is gone or the broker stops. Whoever waits is told to look elsewhere. */
  unload(): void {
    this.#parts.loader.reset();
    for (const group of [...this.#groups]) {
      for (const member of group.members.values()) {
        this.#rebalance.dismiss(group, member, ErrorCode.NOT_COORDINATOR);
      }
      this.#groups.forget(group, this.#parts.clock.nowMs());
    }
  }

  /** 0 when the group's partition is loaded; else what to answer (14, 15). */
  readinessOf(groupId: string): number {
    return this.#parts.loader.ready(this.#parts.log.placeOf(groupId));
  }

  /** The group, if there is one. Ask `readinessOf` first. */
  find(groupId: string): Group | undefined {
    return this.#groups.get(this.#parts.log.placeOf(groupId), groupId);
  }

  /** All groups, in no order. */
  groups(): Iterable<Group> {
    return this.#groups;
  }

  get groupCount(): number {
    return this.#groups.count;
  }

  /** Committed offsets of all groups. */
  get offsetCount(): number {
    return this.#ledger.offsetCount;
  }

  /** Rebalances finished since start. */
  get rebalanceCount(): number {
    return this.#rebalance.completedCount;
  }

  /** True while any partition of the log is still being read. */
  get isLoading(): boolean {
    return this.#parts.loader.isLoading;
  }

  joinGroup(request: JoinRequest, reply: JoinReply): void {
    const errorCode = this.#join.checkRequest(request) || this.readinessOf(request.groupId);
    if (errorCode !== ErrorCode.NONE) {
      reply(joinError(errorCode, request.memberId));
      return;
    }
    if (request.memberId !== '') {
      const group = this.find(request.groupId);
      if (group === undefined) {
        reply(joinError(ErrorCode.UNKNOWN_MEMBER_ID, request.memberId));
        return;
      }
      this.#join.join(group, request, reply);
      return;
    }
    const place = this.#parts.log.placeOf(request.groupId);
    const group = this.#groups.getOrCreate(place, request.groupId);
    if (group === null) {
      reply(joinError(ErrorCode.GROUP_MAX_SIZE_REACHED, ''));
      return;
    }
    this.#join.join(group, request, reply);
    if (group.isBlank) this.#groups.forget(group, this.#parts.clock.nowMs());
  }

  syncGroup(request: SyncRequest, reply: SyncReply): void {
    const errorCode = this.#readinessOfNamed(request.groupId);
    if (errorCode !== ErrorCode.NONE) {
      reply(syncError(errorCode));
      return;
    }
    const group = this.find(request.groupId);
    if (group === undefined) {
      reply(syncError(ErrorCode.UNKNOWN_MEMBER_ID));
      return;
    }
    this.#sync.sync(group, request, reply);
  }

  /** @returns the wire error. */
  heartbeat(groupId: string, identity: MemberIdentity, generation: number): number {
    const errorCode = this.#readinessOfNamed(groupId);
    // While the group loads its members are alive: nobody counts their sessions yet.
    if (errorCode === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS) return ErrorCode.NONE;
    if (errorCode !== ErrorCode.NONE) return errorCode;
    const group = this.find(groupId);
    if (group === undefined) return ErrorCode.UNKNOWN_MEMBER_ID;
    return heartbeat(group, identity, generation, this.#rebalance);
  }

  leaveGroup(groupId: string, identities: readonly MemberIdentity[]): LeaveResult {
    const errorCode = this.#readinessOfNamed(groupId);
    if (errorCode !== ErrorCode.NONE) return { errorCode, memberErrorCodes: [] };
    const group = this.find(groupId);
    const memberErrorCodes =
      group === undefined
        ? identities.map(() => ErrorCode.UNKNOWN_MEMBER_ID)
        : leaveGroup(group, identities, this.#rebalance);
    return { errorCode: ErrorCode.NONE, memberErrorCodes };
  }

  /** Answers one error per row when the rows are durable. The empty group id is allowed, as in Kafka. */
  commitOffsets(request: CommitRequest, done: RowsDone): void {
    const all = (errorCode: number) => done(request.rows.map(() => errorCode));
    const errorCode = this.readinessOf(request.groupId);
    if (errorCode !== ErrorCode.NONE) {
      all(errorCode);
      return;
    }
    let group = this.find(request.groupId) ?? null;
    if (group === null) {
      if (request.generation >= 0) {
        all(ErrorCode.ILLEGAL_GENERATION);
        return;
      }
      const place = this.#parts.log.placeOf(request.groupId);
      group = this.#groups.getOrCreate(place, request.groupId);
      if (group === null) {
        all(ErrorCode.GROUP_MAX_SIZE_REACHED);
        return;
      }
    }
    this.#offsets.commit(group, request, done);
    if (group.isBlank) this.#groups.forget(group, this.#parts.clock.nowMs());
  }

  /**
   * @param refused called instead of `done` when the whole request fails.
   */
  deleteOffsets(
    groupId: string,
    rows: readonly TopicPartition[],
    done: RowsDone,
    refused: (errorCode: number) => void,
  ): void {
    const errorCode = this.#readinessOfNamed(groupId);
    if (errorCode !== ErrorCode.NONE) {
      refused(errorCode);
      return;
    }
    const group = this.find(groupId);
    if (group === undefined) {
      refused(ErrorCode.GROUP_ID_NOT_FOUND);
      return;
    }
    const refusal = checkOffsetDelete(group);
    if (refusal !== ErrorCode.NONE) {
      refused(refusal);
      return;
    }
    this.#offsets.delete(group, rows, done);
  }

  deleteGroup(groupId: string, done: WriteDone): void {
    const errorCode = this.readinessOf(groupId);
    if (errorCode !== ErrorCode.NONE) {
      done(errorCode);
      return;
    }
    const group = this.find(groupId);
    if (group === undefined) {
      done(ErrorCode.GROUP_ID_NOT_FOUND);
      return;
    }
    if (!group.is(GroupState.empty)) {
      done(ErrorCode.NON_EMPTY_GROUP);
      return;
    }
    this.#offsets.deleteGroup(group, done);
  }

  /** A topic is gone: so are its offsets. */
  topicDeleted(topic: string): void {
    if (this.isLoading) this.#deletedWhileLoading.add(topic);
    else this.#deletedWhileLoading.clear();
    this.#offsets.topicDeleted(topic);
  }

  #dropDeleted(partitionIndex: number): void {
    const topics = [...this.#parts.deletedTopics, ...this.#deletedWhileLoading];
    this.#offsets.dropTopics(partitionIndex, topics);
  }

  #readinessOfNamed(groupId: string): number {
    return groupId === '' ? ErrorCode.INVALID_GROUP_ID : this.readinessOf(groupId);
  }

  #expireSlice(): void {
    const index = this.#nextExpiryIndex;
    this.#nextExpiryIndex = (index + 1) % this.#parts.log.partitionCount;
    if (this.#parts.loader.ready(index) === ErrorCode.NONE) this.#offsets.expire(index);
  }
}
