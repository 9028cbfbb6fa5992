import type { Clock, Logger } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import { coordinatorLimits } from '../limits.ts';
import { type Group, noPhase, type PhaseName } from './group.ts';
import type { GroupSettings } from './group-settings.ts';
import { GroupState } from './group-state.ts';
import { GroupTimers } from './group-timers.ts';
import type { GroupWriter } from './group-writer.ts';
import { type JoinResult, joinError, type Member, noBytes, syncError } from './member.ts';

export interface RebalanceParts {
  readonly clock: Clock;
  readonly settings: GroupSettings;
  readonly writer: GroupWriter;
  readonly logger: Logger;
  /** Drops a group of which nothing is left, neither here nor in the log. */
  readonly forget: (group: Group) => void;
}

/**
 * What moves a group from state to state: who is still waited for, when a rebalance is over, whose
 * session has ended. Everything here is synchronous; only the log answers later.
 */
export class Rebalance {
  readonly #clock: Clock;
  readonly #settings: GroupSettings;
  readonly #writer: GroupWriter;
  readonly #forget: (group: Group) => void;
  readonly #timers: GroupTimers;
  /** Rebalances finished since start. */
  completedCount = 0;

  constructor(parts: RebalanceParts) {
    this.#clock = parts.clock;
    this.#settings = parts.settings;
    this.#writer = parts.writer;
    this.#forget = parts.forget;
    this.#timers = new GroupTimers(parts.clock, parts.logger, (group) => this.expire(group));
  }

  /** Begins a rebalance, unless one is being prepared already. */
  prepare(group: Group): void {
    if (!group.canRebalance) return;
    if (group.is(GroupState.completingRebalance)) {
      this.dropAssignments(group, ErrorCode.REBALANCE_IN_PROGRESS);
    }
    group.isStoringAssignment = false;
    group.pendingSyncs.clear();
    const wasEmpty = group.is(GroupState.empty);
    group.moveTo(GroupState.preparingRebalance, this.#clock.nowMs());
    if (wasEmpty) {
      const delayMs = this.#settings.initialRebalanceDelayMs;
      this.#enter(group, 'initialJoin', delayMs, Math.max(0, group.rebalanceTimeoutMs - delayMs));
    } else {
      this.#enter(group, 'join', group.rebalanceTimeoutMs);
      this.tryCompleteJoin(group);
    }
  }

  /** Ends the joining phase when nobody is waited for any more. An initial delay always runs out. */
  tryCompleteJoin(group: Group): void {
    if (group.phase.name === 'join' && group.hasAllMembersJoined) this.#completeJoin(group);
  }

  /** A request of this member came: its session starts anew. */
  keepAlive(group: Group, member: Member): void {
    member.deadlineAt = this.#clock.monotonicMs() + member.sessionTimeoutMs;
    this.#timers.wake(group, member.deadlineAt);
  }

  /** The first wait of a newcomer: its client may go away before it has heard its own id. */
  keepNewcomerAlive(group: Group, member: Member): void {
    member.isNew = true;
    member.deadlineAt = this.#clock.monotonicMs() + coordinatorLimits.newMemberJoinTimeoutMs;
    this.#timers.wake(group, member.deadlineAt);
  }

  /** A fresh id was handed out; it is good for one session time (T75). */
  awaitPendingMember(group: Group, memberId: string, sessionTimeoutMs: number): void {
    const deadlineAt = this.#clock.monotonicMs() + sessionTimeoutMs;
    group.addPendingMember(memberId, deadlineAt);
    this.#timers.wake(group, deadlineAt);
  }

  /** Takes a member out, answers what it had parked and lets the group go on without it. */
  removeMember(group: Group, member: Member): void {
    this.#takeOut(group, member, ErrorCode.UNKNOWN_MEMBER_ID);
    this.#goOnWithout(group);
  }

  removePendingMember(group: Group, memberId: string): boolean {
    const wasThere = group.removePendingMember(memberId);
    if (wasThere) this.tryCompleteJoin(group);
    return wasThere;
  }

  /** Takes several members out with one rebalance for all. */
  removeMembers(group: Group, members: readonly Member[]): void {
    if (members.length === 0) return;
    for (const member of members) this.#takeOut(group, member, ErrorCode.UNKNOWN_MEMBER_ID);
    this.#goOnWithout(group);
  }

  /** Answers whatever a member has parked here with an error. */
  dismiss(group: Group, member: Member, errorCode: number): void {
    group.answerJoin(member, joinError(errorCode, member.memberId));
    answerSync(member, errorCode);
  }

  /** The leader's assignment is durable: everyone who asked gets their part. */
  propagateAssignments(group: Group): void {
    group.isStoringAssignment = false;
    group.moveTo(GroupState.stable, this.#clock.nowMs());
    for (const member of group.members.values()) {
      const reply = member.syncReply;
      if (reply === null) continue;
      member.syncReply = null;
      // A session that ran out while the answer was ours to give is not the member's fault.
      this.keepAlive(group, member);
      reply({
        errorCode: ErrorCode.NONE,
        protocolType: group.protocolType,
        protocolName: group.protocolName,
        assignment: member.assignment,
      });
    }
    if (group.pendingSyncs.size === 0) group.phase = noPhase;
  }

  /** No assignment comes out of this generation. */
  dropAssignments(group: Group, errorCode: number): void {
    group.isStoringAssignment = false;
    for (const member of group.members.values()) {
      group.assign(member, noBytes);
      if (!member.isAwaitingSync) continue;
      this.keepAlive(group, member);
      answerSync(member, errorCode);
    }
  }

  /** A member of this generation has asked for its assignment. */
  syncReceived(group: Group, member: Member): void {
    group.pendingSyncs.delete(member.memberId);
    if (group.is(GroupState.stable) && group.pendingSyncs.size === 0) group.phase = noPhase;
  }

  /** Sessions of a group found in the log begin when it is loaded. */
  startSessions(group: Group): void {
    for (const member of group.members.values()) this.keepAlive(group, member);
  }

  /** Looks what is due: sessions, pending ids, the phase. */
  expire(group: Group): void {
    const now = this.#clock.monotonicMs();
    for (const [memberId, deadlineAt] of group.pendingMembers) {
      if (deadlineAt <= now) group.removePendingMember(memberId);
    }
    const expired = [...group.members.values()].filter(
      (member) => member.deadlineAt <= now && !member.isHeldAlive,
    );
    this.removeMembers(group, expired);
    this.tryCompleteJoin(group);
    if (group.phase.deadlineAt <= now) this.#endPhase(group);
    if (group.isBlank) this.#forget(group);
  }

  #enter(group: Group, name: PhaseName, delayMs: number, extensionLeftMs = 0): void {
    const deadlineAt = this.#clock.monotonicMs() + delayMs;
    group.phase = { name, deadlineAt, extensionLeftMs };
    group.newMemberAdded = false;
    this.#timers.wake(group, deadlineAt);
  }

  #endPhase(group: Group): void {
    const { name, extensionLeftMs } = group.phase;
    if (name === 'initialJoin' && group.newMemberAdded && extensionLeftMs > 0) {
      const delayMs = Math.min(this.#settings.initialRebalanceDelayMs, extensionLeftMs);
      this.#enter(group, 'initialJoin', delayMs, extensionLeftMs - delayMs);
    } else if (name === 'initialJoin' || name === 'join') {
      this.#completeJoin(group);
    } else {
      group.phase = noPhase;
      const silent = [...group.pendingSyncs].map((memberId) => group.members.get(memberId));
      this.removeMembers(
        group,
        silent.filter((member) => member !== undefined),
      );
    }
  }

  #completeJoin(group: Group): void {
    for (const member of [...group.members.values()]) {
      // Static members keep their place until their session ends.
      if (!member.isAwaitingJoin && member.instanceId === null) {
        this.#takeOut(group, member, ErrorCode.UNKNOWN_MEMBER_ID);
      }
    }
    if (group.members.size > 0 && !group.electJoinedLeader()) {
      this.#enter(group, 'join', group.rebalanceTimeoutMs);
      return;
    }
    this.completedCount++;
    group.phase = noPhase;
    group.advanceGeneration(this.#clock.nowMs());
    if (group.is(GroupState.empty)) {
      this.#writer.writeGroup(group, null, () => {});
      return;
    }
    this.#enter(group, 'sync', group.rebalanceTimeoutMs);
    for (const member of [...group.members.values()]) {
      member.isNew = false;
      group.pendingSyncs.add(member.memberId);
      this.keepAlive(group, member);
      if (member.isAwaitingJoin) group.answerJoin(member, joinSuccess(group, member.memberId));
    }
  }

  #takeOut(group: Group, member: Member, errorCode: number): void {
    this.dismiss(group, member, errorCode);
    group.removeMember(member);
  }

  #goOnWithout(group: Group): void {
    if (group.is(GroupState.preparingRebalance)) this.tryCompleteJoin(group);
    else this.prepare(group);
  }
}

/** What a member hears when a generation begins. Only the leader gets the list (T77). */
export function joinSuccess(group: Group, memberId: string): JoinResult {
  return {
    errorCode: ErrorCode.NONE,
    memberId,
    generation: group.generation,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    leaderId: group.leaderId ?? '',
    skipAssignment: false,
    members: group.leaderId === memberId ? group.memberList() : [],
  };
}

function answerSync(member: Member, errorCode: number): void {
  const reply = member.syncReply;
  member.syncReply = null;
  reply?.(syncError(errorCode));
}
