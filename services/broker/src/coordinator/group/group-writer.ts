import type { Clock } from '@millrace/base';
import type { CoordinatorRecord } from '../coordinator-log.ts';
import type { Group } from './group.ts';
import { groupRecord } from './group-records.ts';

/** Called once with 0, or the wire error to answer, when the records are durable or refused. */
export type WriteDone = (errorCode: number) => void;

/** The log, as the group coordinator uses it. Calls take effect in their order. */
export interface GroupLog {
  append(partitionIndex: number, records: readonly CoordinatorRecord[], done: WriteDone): void;
}

/** Writes groups as records. */
export class GroupWriter {
  readonly #log: GroupLog;
  readonly #clock: Clock;

  constructor(log: GroupLog, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /**
   * Writes what a restart needs of a group.
   * @param assignments by member id; null = the ones the members have.
   */
  writeGroup(
    group: Group,
    assignments: ReadonlyMap<string, Uint8Array> | null,
    done: WriteDone,
  ): void {
    const protocolName = group.protocolName ?? '';
    const record = groupRecord(group.id, {
      protocolType: group.protocolType ?? '',
      generation: group.generation,
      protocol: group.protocolName,
      leader: group.leaderId,
      currentStateTimestamp: group.stateChangedAtMs ?? this.#clock.nowMs(),
      members: Array.from(group.members.values(), (member) => ({
        memberId: member.memberId,
        groupInstanceId: member.instanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        rebalanceTimeout: member.rebalanceTimeoutMs,
        sessionTimeout: member.sessionTimeoutMs,
        subscription: member.metadataFor(protocolName),
        assignment: assignments?.get(member.memberId) ?? member.assignment,
      })),
    });
    this.append(group.partitionIndex, [record], done);
  }

  append(partitionIndex: number, records: readonly CoordinatorRecord[], done: WriteDone): void {
    this.#log.append(partitionIndex, records, done);
  }
}
