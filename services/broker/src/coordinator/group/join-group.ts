import { ErrorCode } from '@millrace/protocol';
import { coordinatorLimits } from '../limits.ts';
import type { Group } from './group.ts';
import type { GroupLedger } from './group-ledger.ts';
import type { GroupSettings } from './group-settings.ts';
import { GroupState } from './group-state.ts';
import type { GroupWriter } from './group-writer.ts';
import {
  type JoinReply,
  joinError,
  Member,
  type MemberDescription,
  metadataBytes,
} from './member.ts';
import { findMember } from './member-check.ts';
import { joinSuccess, type Rebalance } from './rebalance.ts';

/** A JoinGroup of any version. Byte fields are already copies. */
export interface JoinRequest {
  readonly groupId: string;
  /** "" on the first join. */
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly protocolType: string;
  readonly member: MemberDescription;
  /** v4+: a newcomer must come back with the id it is given (T75). */
  readonly requiresKnownMemberId: boolean;
  /** v9+: a returning static leader may be told to skip the assignment (KIP-814). */
  readonly canSkipAssignment: boolean;
}

export interface JoinParts {
  readonly settings: GroupSettings;
  readonly ledger: GroupLedger;
  readonly rebalance: Rebalance;
  readonly writer: GroupWriter;
  /** A fresh UUID in text. */
  readonly newUuid: () => string;
}

/** Longest part of a client id that goes into member ids, which must fit an int16 length. */
const MEMBER_ID_PREFIX_MAX = 1000;

/** JoinGroup: how a member comes in, or comes back. `reply` is called once, perhaps much later. */
export class JoinGroup {
  readonly #parts: JoinParts;

  constructor(parts: JoinParts) {
    this.#parts = parts;
  }

  /** What is wrong with a request whatever the group is like, or 0. */
  checkRequest(request: JoinRequest): number {
    const { settings } = this.#parts;
    const { sessionTimeoutMs, protocols } = request.member;
    if (request.groupId === '') return ErrorCode.INVALID_GROUP_ID;
    if (
      sessionTimeoutMs < settings.sessionTimeoutMsMin ||
      sessionTimeoutMs > settings.sessionTimeoutMsMax
    ) {
      return ErrorCode.INVALID_SESSION_TIMEOUT;
    }
    if (protocols.length > coordinatorLimits.memberProtocolCountMax) {
      return ErrorCode.INCONSISTENT_GROUP_PROTOCOL;
    }
    return ErrorCode.NONE;
  }

  join(group: Group, request: JoinRequest, reply: JoinReply): void {
    const refusal = this.#refusal(group, request);
    if (refusal !== ErrorCode.NONE) {
      if (refusal === ErrorCode.GROUP_MAX_SIZE_REACHED) {
        this.#parts.rebalance.removePendingMember(group, request.memberId);
      }
      reply(joinError(refusal, request.memberId));
    } else if (request.memberId === '') {
      this.#joinAsNewcomer(group, request, reply);
    } else {
      this.#joinAsKnown(group, request, reply);
    }
    this.#parts.rebalance.tryCompleteJoin(group);
  }

  #refusal(group: Group, request: JoinRequest): number {
    if (!this.#hasRoomFor(group, request)) return ErrorCode.GROUP_MAX_SIZE_REACHED;
    if (!group.supports(request.protocolType, request.member.protocols)) {
      return ErrorCode.INCONSISTENT_GROUP_PROTOCOL;
    }
    return ErrorCode.NONE;
  }

  /** `group.max.size`, and the bounds on bytes. During a rebalance the first to rejoin have the places. */
  #hasRoomFor(group: Group, request: JoinRequest): boolean {
    const { settings, ledger } = this.#parts;
    const bytes = metadataBytes(request.member.protocols);
    if (bytes > coordinatorLimits.memberMetadataBytesMax) return false;
    if (ledger.memberBytes + bytes > coordinatorLimits.memberBytesTotalMax) return false;
    const known = group.members.get(request.memberId);
    if (group.is(GroupState.preparingRebalance)) {
      return known?.isAwaitingJoin === true || group.awaitingJoinCount < settings.memberCountMax;
    }
    const replaced = request.instanceId !== null && group.staticMembers.has(request.instanceId);
    return known !== undefined || replaced || group.members.size < settings.memberCountMax;
  }

  #joinAsNewcomer(group: Group, request: JoinRequest, reply: JoinReply): void {
    const { instanceId, member } = request;
    const prefix = (instanceId ?? member.clientId).slice(0, MEMBER_ID_PREFIX_MAX);
    const memberId = `${prefix}-${this.#parts.newUuid()}`;
    if (instanceId !== null) {
      const currentId = group.staticMembers.get(instanceId);
      const current = currentId === undefined ? undefined : group.members.get(currentId);
      if (current === undefined) this.#add(group, request, memberId, reply);
      else this.#replace(group, request, current, memberId, reply);
    } else if (request.requiresKnownMemberId) {
      this.#handOutId(group, request, memberId, reply);
    } else {
      this.#add(group, request, memberId, reply);
    }
  }

  #handOutId(group: Group, request: JoinRequest, memberId: string, reply: JoinReply): void {
    const { pendingMemberCountMax, pendingMemberCountTotalMax } = coordinatorLimits;
    if (
      group.pendingMembers.size >= pendingMemberCountMax ||
      this.#parts.ledger.pendingMemberCount >= pendingMemberCountTotalMax
    ) {
      reply(joinError(ErrorCode.GROUP_MAX_SIZE_REACHED, ''));
      return;
    }
    this.#parts.rebalance.awaitPendingMember(group, memberId, request.member.sessionTimeoutMs);
    reply(joinError(ErrorCode.MEMBER_ID_REQUIRED, memberId));
  }

  #joinAsKnown(group: Group, request: JoinRequest, reply: JoinReply): void {
    const { memberId } = request;
    if (group.pendingMembers.has(memberId) && request.instanceId === null) {
      this.#add(group, request, memberId, reply);
      return;
    }
    const member = findMember(group, request);
    if (typeof member === 'number') {
      reply(joinError(member, memberId));
      return;
    }
    const sameProtocols = member.hasSameProtocols(request.member.protocols);
    const mayRepeat =
      (group.is(GroupState.completingRebalance) && sameProtocols) ||
      // In a stable group a leader that rejoins wants a rebalance: it has seen new partitions.
      (group.is(GroupState.stable) && sameProtocols && group.leaderId !== memberId);
    if (mayRepeat) {
      this.#parts.rebalance.keepAlive(group, member);
      reply(joinSuccess(group, memberId));
      return;
    }
    group.updateMember(member, request.member);
    group.parkJoin(member, reply);
    this.#parts.rebalance.prepare(group);
  }

  #add(group: Group, request: JoinRequest, memberId: string, reply: JoinReply): void {
    group.removePendingMember(memberId);
    if (group.members.size === 0) group.protocolType = request.protocolType;
    const member = new Member(memberId, request.instanceId, request.member);
    group.addMember(member);
    group.parkJoin(member, reply);
    this.#parts.rebalance.keepNewcomerAlive(group, member);
    if (group.is(GroupState.preparingRebalance)) {
      if (group.phase.name === 'initialJoin') group.newMemberAdded = true;
    } else {
      this.#parts.rebalance.prepare(group);
    }
  }

  /** A new process takes the place of a static member; the old one is fenced (KIP-345). */
  #replace(
    group: Group,
    request: JoinRequest,
    current: Member,
    memberId: string,
    reply: JoinReply,
  ): void {
    const { rebalance } = this.#parts;
    const leaderBefore = group.leaderId;
    const member = new Member(memberId, request.instanceId, request.member);
    member.assignment = current.assignment;
    // The old process learns that another one took its place.
    rebalance.dismiss(group, current, ErrorCode.FENCED_INSTANCE_ID);
    group.replaceMember(current, member);
    rebalance.keepAlive(group, member);
    const keepsPlace = group.is(GroupState.stable) && group.nextProtocol() === group.protocolName;
    if (!keepsPlace) {
      group.parkJoin(member, reply);
      rebalance.prepare(group);
      return;
    }
    const answer = joinSuccess(group, memberId);
    this.#parts.writer.writeGroup(group, null, (errorCode) => {
      if (errorCode !== ErrorCode.NONE) reply(joinError(errorCode, memberId));
      else if (request.canSkipAssignment) {
        reply({ ...answer, skipAssignment: answer.leaderId === memberId });
      } else {
        // An older leader would compute a new assignment if it knew that it leads (KAFKA-7728).
        reply({ ...answer, leaderId: leaderBefore ?? '', members: [] });
      }
    });
  }
}
