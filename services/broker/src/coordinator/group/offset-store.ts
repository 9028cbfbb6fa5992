import type { Clock } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { CoordinatorRecord } from '../coordinator-log.ts';
import { coordinatorLimits } from '../limits.ts';
import { CONSUMER_PROTOCOL_TYPE, type Group } from './group.ts';
import type { GroupLedger } from './group-ledger.ts';
import { groupTombstone, offsetRecord, offsetTombstone } from './group-records.ts';
import type { GroupSettings } from './group-settings.ts';
import { GroupState } from './group-state.ts';
import type { GroupTable } from './group-table.ts';
import type { GroupWriter, WriteDone } from './group-writer.ts';
import { findMember, type MemberIdentity } from './member-check.ts';
import { expiredOffsets } from './offset-expiry.ts';
import type { CommittedOffset, OffsetRow } from './offset-table.ts';
import type { Rebalance } from './rebalance.ts';

/** One partition of an OffsetCommit. Its topic and partition are known to exist. */
export interface CommitRow {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** -1 when not given (below v6). */
  readonly leaderEpoch: number;
  readonly metadata: string | null;
  /** Wall-clock ms from the client (v1), or -1. */
  readonly committedAtMs: number;
}

/** An OffsetCommit of any version. */
export interface CommitRequest extends MemberIdentity {
  readonly groupId: string;
  /** -1 for a consumer that the group does not manage. */
  readonly generation: number;
  /** From v2-4, or -1. */
  readonly retentionMs: number;
  readonly rows: readonly CommitRow[];
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** Called once with one wire error per row. */
export type RowsDone = (errorCodes: readonly number[]) => void;

export interface OffsetStoreParts {
  readonly clock: Clock;
  readonly settings: GroupSettings;
  readonly ledger: GroupLedger;
  readonly groups: GroupTable;
  readonly writer: GroupWriter;
  readonly rebalance: Rebalance;
}

/** Committing, deleting and forgetting offsets. A change is visible once it is durable, in log order. */
export class OffsetStore {
  readonly #parts: OffsetStoreParts;

  constructor(parts: OffsetStoreParts) {
    this.#parts = parts;
  }

  commit(group: Group, request: CommitRequest, done: RowsDone): void {
    const refusal = this.#checkCommitter(group, request);
    if (refusal !== ErrorCode.NONE) {
      done(request.rows.map(() => refusal));
      return;
    }
    const nowMs = this.#parts.clock.nowMs();
    const errorCodes: number[] = [];
    const accepted: OffsetRow[] = [];
    for (const row of request.rows) {
      const errorCode = this.#checkRow(group, row);
      errorCodes.push(errorCode);
      if (errorCode !== ErrorCode.NONE) continue;
      group.offsets.expect(row.topic, row.partition);
      const committed = committedOffset(row, request.retentionMs, nowMs);
      accepted.push({ topic: row.topic, partition: row.partition, committed });
    }
    if (accepted.length === 0) {
      done(errorCodes);
      return;
    }
    const records = accepted.map((row) =>
      offsetRecord(group.id, row.topic, row.partition, row.committed),
    );
    this.#parts.writer.append(group.partitionIndex, records, (logError) => {
      const failed = logError !== ErrorCode.NONE;
      for (const row of accepted) {
        group.offsets.settle(row.topic, row.partition, failed ? null : row.committed);
      }
      done(failed ? errorCodes.map((code) => code || commitError(logError)) : errorCodes);
    });
  }

  /** OffsetDelete: refused per row while a consumer reads the topic (T81). */
  delete(group: Group, rows: readonly TopicPartition[], done: RowsDone): void {
    const errorCodes = rows.map((row) =>
      group.isSubscribedTo(row.topic) ? ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC : ErrorCode.NONE,
    );
    const doomed = rows.filter(
      (row, index) =>
        errorCodes[index] === ErrorCode.NONE && !group.offsets.isNew(row.topic, row.partition),
    );
    this.#remove(group, doomed, (logError) =>
      done(errorCodes.map((code) => (code === ErrorCode.NONE ? logError : code))),
    );
  }

  /** DeleteGroups: ends an empty group and everything it committed. */
  deleteGroup(group: Group, done: WriteDone): void {
    const records: CoordinatorRecord[] = [];
    for (const row of group.offsets.all()) {
      records.push(offsetTombstone(group.id, row.topic, row.partition));
    }
    records.push(groupTombstone(group.id));
    this.#parts.groups.forget(group, this.#parts.clock.nowMs());
    this.#parts.writer.append(group.partitionIndex, records, done);
  }

  /** A topic is gone: so are its offsets, at once (T72). */
  topicDeleted(topic: string): void {
    for (const group of this.#parts.groups) this.#dropTopic(group, topic);
  }

  /** The same for some topics in one partition of the log. */
  dropTopics(partitionIndex: number, topics: readonly string[]): void {
    for (const group of this.#parts.groups.ofPartition(partitionIndex)) {
      for (const topic of topics) this.#dropTopic(group, topic);
    }
  }

  /** Removes what has expired in one partition of the log, and groups of which nothing is left. */
  expire(partitionIndex: number): void {
    const nowMs = this.#parts.clock.nowMs();
    const { settings, groups } = this.#parts;
    for (const group of [...groups.ofPartition(partitionIndex)]) {
      const doomed = expiredOffsets(group, nowMs, settings.offsetsRetentionMs);
      const isLast = doomed.length === group.offsets.count;
      if (isLast && group.is(GroupState.empty) && group.pendingMembers.size === 0) {
        this.deleteGroup(group, () => {});
      } else {
        this.#remove(group, doomed, () => {});
      }
    }
  }

  #dropTopic(group: Group, topic: string): void {
    if (!group.offsets.hasTopic(topic)) return;
    const doomed = [...group.offsets.all(topic)];
    for (const row of doomed) group.offsets.remove(row.topic, row.partition);
    this.#remove(group, doomed, () => {});
  }

  #remove(group: Group, rows: readonly TopicPartition[], done: WriteDone): void {
    if (rows.length === 0) {
      done(ErrorCode.NONE);
      return;
    }
    const records = rows.map((row) => offsetTombstone(group.id, row.topic, row.partition));
    this.#parts.writer.append(group.partitionIndex, records, (logError) => {
      if (logError === ErrorCode.NONE) {
        for (const row of rows) group.offsets.remove(row.topic, row.partition);
      }
      done(logError);
    });
  }

  /** Who may commit (T71). A member's commit counts as a sign of life. */
  #checkCommitter(group: Group, request: CommitRequest): number {
    const { generation, memberId, instanceId } = request;
    if (generation < 0 && group.is(GroupState.empty)) return ErrorCode.NONE;
    if (generation < 0 && memberId === '' && instanceId === null) {
      return ErrorCode.UNKNOWN_MEMBER_ID;
    }
    const member = findMember(group, request);
    if (typeof member === 'number') return member;
    if (generation !== group.generation) return ErrorCode.ILLEGAL_GENERATION;
    if (group.is(GroupState.completingRebalance)) return ErrorCode.REBALANCE_IN_PROGRESS;
    this.#parts.rebalance.keepAlive(group, member);
    return ErrorCode.NONE;
  }

  #checkRow(group: Group, row: CommitRow): number {
    const { settings, ledger } = this.#parts;
    if (row.metadata !== null && row.metadata.length > settings.offsetMetadataLengthMax) {
      return ErrorCode.OFFSET_METADATA_TOO_LARGE;
    }
    const isFull = ledger.offsetCount >= coordinatorLimits.offsetCountMax;
    if (isFull && group.offsets.isNew(row.topic, row.partition)) {
      return ErrorCode.INVALID_COMMIT_OFFSET_SIZE;
    }
    return ErrorCode.NONE;
  }
}

/** Whether OffsetDelete may look at the rows at all; else the error for the whole request. */
export function checkOffsetDelete(group: Group): number {
  if (group.is(GroupState.empty) || group.protocolType === CONSUMER_PROTOCOL_TYPE) {
    return ErrorCode.NONE;
  }
  return ErrorCode.NON_EMPTY_GROUP;
}

function committedOffset(row: CommitRow, retentionMs: number, nowMs: number): CommittedOffset {
  return {
    offset: row.offset,
    leaderEpoch: row.leaderEpoch,
    metadata: row.metadata ?? '',
    committedAtMs: row.committedAtMs >= 0 ? row.committedAtMs : nowMs,
    expiresAtMs: retentionMs >= 0 ? nowMs + retentionMs : -1,
  };
}

/** A batch of commits that the log calls too large has its own code. */
function commitError(logError: number): number {
  return logError === ErrorCode.MESSAGE_TOO_LARGE || logError === ErrorCode.RECORD_LIST_TOO_LARGE
    ? ErrorCode.INVALID_COMMIT_OFFSET_SIZE
    : logError;
}
