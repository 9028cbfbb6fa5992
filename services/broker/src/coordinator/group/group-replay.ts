import type { Logger } from '@millrace/base';
import { DecodeError } from '@millrace/bytes';
import type { GroupMetadataValue } from '@millrace/protocol';
import type { Replay } from '../partition-loader.ts';
import type { Group } from './group.ts';
import { decodeGroupValue, decodeKey, decodeOffsetValue, type GroupKey } from './group-records.ts';
import type { GroupTable } from './group-table.ts';
import { Member } from './member.ts';
import type { CommittedOffset } from './offset-table.ts';
import type { Rebalance } from './rebalance.ts';

export interface GroupReplayParts {
  readonly partitionIndex: number;
  readonly groups: GroupTable;
  readonly rebalance: Rebalance;
  readonly logger: Logger;
  /** Called when the groups are in place. */
  readonly afterwards: () => void;
}

/** An offset, or its tombstone, with its place in the log: a transaction may end after a later commit. */
interface ReplayedOffset {
  readonly committed: CommittedOffset | null;
  readonly logOffset: number;
}

interface ReplayedGroup {
  /** Undecoded: only the last one is looked into. */
  value: Uint8Array | null;
  readonly offsets: Map<string, Map<number, ReplayedOffset>>;
}

/**
 * Builds the groups of one partition from its records: the last value of a key counts. What newer kinds
 * of groups wrote is skipped, and so is a record that cannot be read, with one warning.
 */
export class GroupReplay implements Replay {
  readonly #parts: GroupReplayParts;
  readonly #groups = new Map<string, ReplayedGroup>();
  #unreadableCount = 0;

  constructor(parts: GroupReplayParts) {
    this.#parts = parts;
  }

  record(keyBytes: Uint8Array | null, value: Uint8Array | null, logOffset: number): void {
    if (keyBytes === null) return;
    try {
      const key = decodeKey(keyBytes);
      if (key?.type === 'offset') this.#offset(key, value, logOffset);
      else if (key?.type === 'group') {
        this.#group(key.group).value = value?.slice() ?? null;
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#unreadableCount++;
    }
  }

  /** Puts the groups in place; members' sessions begin now. */
  finish(): void {
    const { partitionIndex, logger, afterwards } = this.#parts;
    for (const [groupId, replayed] of this.#groups) this.#restore(groupId, replayed);
    this.#groups.clear();
    afterwards();
    if (this.#unreadableCount === 0) return;
    logger.warn('records of __consumer_offsets could not be read and were skipped', {
      partition: partitionIndex,
      count: this.#unreadableCount,
    });
  }

  #group(groupId: string): ReplayedGroup {
    let group = this.#groups.get(groupId);
    if (group === undefined) {
      group = { value: null, offsets: new Map() };
      this.#groups.set(groupId, group);
    }
    return group;
  }

  #offset(
    key: Extract<GroupKey, { type: 'offset' }>,
    value: Uint8Array | null,
    logOffset: number,
  ): void {
    const { offsets } = this.#group(key.group);
    let partitions = offsets.get(key.topic);
    if (partitions === undefined) {
      partitions = new Map();
      offsets.set(key.topic, partitions);
    }
    const known = partitions.get(key.partition);
    if (known !== undefined && known.logOffset > logOffset) return;
    const committed = value === null ? null : decodeOffsetValue(value);
    partitions.set(key.partition, { committed, logOffset });
  }

  #restore(groupId: string, { value, offsets }: ReplayedGroup): void {
    const { partitionIndex, groups, rebalance } = this.#parts;
    const group = groups.get(partitionIndex, groupId) ?? groups.create(partitionIndex, groupId);
    for (const [topic, partitions] of offsets) {
      for (const [partition, { committed }] of partitions) {
        if (committed !== null) group.offsets.restore(topic, partition, committed);
      }
    }
    const decoded = value === null ? null : this.#decoded(value);
    if (decoded !== null) {
      restoreMembers(group, decoded);
      rebalance.startSessions(group);
    } else if (group.offsets.isEmpty) groups.forget(group, 0);
  }

  #decoded(value: Uint8Array): GroupMetadataValue | null {
    try {
      return decodeGroupValue(value);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#unreadableCount++;
      return null;
    }
  }
}

function restoreMembers(group: Group, value: GroupMetadataValue): void {
  group.protocolType = value.protocolType === '' ? null : value.protocolType;
  group.protocolName = value.protocol;
  group.generation = value.generation;
  for (const row of value.members) {
    const { rebalanceTimeout, sessionTimeout } = row;
    const member = new Member(row.memberId, row.groupInstanceId, {
      clientId: row.clientId,
      clientHost: row.clientHost,
      // Version 0 has no rebalance timeout.
      rebalanceTimeoutMs: rebalanceTimeout < 0 ? sessionTimeout : rebalanceTimeout,
      sessionTimeoutMs: sessionTimeout,
      protocols: [{ name: value.protocol ?? '', metadata: row.subscription.slice() }],
    });
    member.assignment = row.assignment.slice();
    group.addMember(member);
  }
  if (value.leader !== null && group.members.has(value.leader)) group.leaderId = value.leader;
  const changedAtMs = value.currentStateTimestamp >= 0 ? value.currentStateTimestamp : null;
  group.restoreState(group.members.size > 0 ? 'Stable' : 'Empty', changedAtMs);
  group.subscribedTopics = group.computeSubscribedTopics();
}
