import { ErrorCode } from '@millrace/protocol';
import type { Group } from './group.ts';
import { GroupState } from './group-state.ts';
import type { GroupWriter } from './group-writer.ts';
import { type Member, noBytes, type SyncReply, syncError } from './member.ts';
import { findMember, type MemberIdentity } from './member-check.ts';
import type { Rebalance } from './rebalance.ts';

/** A SyncGroup of any version. Byte fields are already copies. */
export interface SyncRequest extends MemberIdentity {
  readonly groupId: string;
  readonly generation: number;
  /** v5+, else null. */
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  /** From the leader only. */
  readonly assignments: ReadonlyMap<string, Uint8Array>;
}

/** SyncGroup: the leader brings the assignment, everyone takes their part of it. */
export class SyncGroup {
  readonly #rebalance: Rebalance;
  readonly #writer: GroupWriter;

  constructor(rebalance: Rebalance, writer: GroupWriter) {
    this.#rebalance = rebalance;
    this.#writer = writer;
  }

  /** `reply` is called once, perhaps only when the leader has synced and its word is durable. */
  sync(group: Group, request: SyncRequest, reply: SyncReply): void {
    const member = findMember(group, request);
    if (typeof member === 'number') {
      reply(syncError(member));
      return;
    }
    if (request.generation !== group.generation) {
      reply(syncError(ErrorCode.ILLEGAL_GENERATION));
      return;
    }
    if (!isSameProtocol(group, request)) {
      reply(syncError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL));
      return;
    }
    if (group.is(GroupState.stable)) {
      this.#rebalance.syncReceived(group, member);
      this.#rebalance.keepAlive(group, member);
      reply({
        errorCode: ErrorCode.NONE,
        protocolType: group.protocolType,
        protocolName: group.protocolName,
        assignment: member.assignment,
      });
    } else if (group.is(GroupState.completingRebalance)) {
      this.#await(group, request, member, reply);
    } else {
      reply(syncError(ErrorCode.REBALANCE_IN_PROGRESS));
    }
  }

  #await(group: Group, request: SyncRequest, member: Member, reply: SyncReply): void {
    // A second sync of the same member: its client gave up on the first.
    const earlier = member.syncReply;
    member.syncReply = reply;
    earlier?.(syncError(ErrorCode.REBALANCE_IN_PROGRESS));
    this.#rebalance.syncReceived(group, member);
    if (group.leaderId === member.memberId && !group.isStoringAssignment) {
      this.#store(group, request.assignments);
    }
  }

  #store(group: Group, assignments: ReadonlyMap<string, Uint8Array>): void {
    const { generation } = group;
    const complete = new Map<string, Uint8Array>();
    for (const memberId of group.members.keys()) {
      complete.set(memberId, assignments.get(memberId) ?? noBytes);
    }
    group.isStoringAssignment = true;
    this.#writer.writeGroup(group, complete, (errorCode) => {
      // Another rebalance has begun meanwhile and has told everyone.
      if (!group.is(GroupState.completingRebalance) || group.generation !== generation) return;
      if (errorCode !== ErrorCode.NONE) {
        this.#rebalance.dropAssignments(group, errorCode);
        this.#rebalance.prepare(group);
        return;
      }
      for (const member of group.members.values()) {
        group.assign(member, complete.get(member.memberId) ?? noBytes);
      }
      this.#rebalance.propagateAssignments(group);
    });
  }
}

function isSameProtocol(group: Group, request: SyncRequest): boolean {
  return (
    (request.protocolType === null || request.protocolType === group.protocolType) &&
    (request.protocolName === null || request.protocolName === group.protocolName)
  );
}
