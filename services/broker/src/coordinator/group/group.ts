import { assert } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import { parseSubscribedTopics } from './consumer-protocol.ts';
import type { GroupLedger } from './group-ledger.ts';
import { canMove, GroupState, type GroupStateName } from './group-state.ts';
import {
  type JoinedMember,
  type JoinReply,
  type JoinResult,
  joinError,
  type Member,
  type MemberDescription,
  type MemberProtocol,
} from './member.ts';
import { OffsetTable } from './offset-table.ts';
import { selectProtocol } from './protocol-selection.ts';

/** The protocol type of consumers: the only one whose bytes the broker looks into. */
export const CONSUMER_PROTOCOL_TYPE = 'consumer';

/** What the group's one timer waits for besides its members' sessions. */
export type PhaseName = 'none' | 'initialJoin' | 'join' | 'sync';

/** The current wait of a rebalance. */
export interface Phase {
  readonly name: PhaseName;
  /** Monotonic ms. */
  readonly deadlineAt: number;
  /** Of an initial join: how much longer newcomers may still extend it. */
  readonly extensionLeftMs: number;
}

export const noPhase: Phase = {
  name: 'none',
  deadlineAt: Number.POSITIVE_INFINITY,
  extensionLeftMs: 0,
};

/**
 * State of one classic group. It answers questions and keeps its own maps consistent; what happens when
 * is decided by `rebalance.ts` and the files named for the APIs.
 */
export class Group {
  readonly id: string;
  /** Partition of `__consumer_offsets` that holds it. */
  readonly partitionIndex: number;
  readonly offsets: OffsetTable;
  readonly #ledger: GroupLedger;

  #state: GroupStateName = GroupState.empty;
  #awaitingJoinCount = 0;
  /** Wall-clock ms of the last change of state; what offset expiry counts from. Null for old records. */
  stateChangedAtMs: number | null = null;

  protocolType: string | null = null;
  protocolName: string | null = null;
  leaderId: string | null = null;
  generation = 0;
  /** Topics of all consumers of this generation; null when that cannot be known. */
  subscribedTopics: ReadonlySet<string> | null = null;

  readonly members = new Map<string, Member>();
  /** Instance id → member id. */
  readonly staticMembers = new Map<string, string>();
  /** Member id → monotonic ms until which it may rejoin (T75). */
  readonly pendingMembers = new Map<string, number>();
  /** Members of this generation whose SyncGroup has not come. */
  readonly pendingSyncs = new Set<string>();

  phase: Phase = noPhase;
  /** A newcomer came during the initial delay. */
  newMemberAdded = false;
  /** Set while the leader's assignment is being written. */
  isStoringAssignment = false;
  /** Monotonic ms at which the group's timer fires; infinity when none is set. */
  timerAt = Number.POSITIVE_INFINITY;
  cancelTimer: (() => void) | null = null;

  constructor(id: string, partitionIndex: number, ledger: GroupLedger) {
    this.id = id;
    this.partitionIndex = partitionIndex;
    this.#ledger = ledger;
    this.offsets = new OffsetTable(ledger);
  }

  get state(): GroupStateName {
    return this.#state;
  }

  is(...states: readonly GroupStateName[]): boolean {
    return states.includes(this.#state);
  }

  /** Goes to another state of the table in `group-state.ts`; anything else is a bug. */
  moveTo(state: GroupStateName, nowMs: number): void {
    assert(canMove(this.#state, state), `group ${this.id} went from ${this.#state} to ${state}`);
    this.#state = state;
    this.stateChangedAtMs = nowMs;
  }

  /** A group found in the log starts as Stable when it has members. */
  restoreState(state: 'Empty' | 'Stable', changedAtMs: number | null): void {
    this.#state = state;
    this.stateChangedAtMs = changedAtMs;
  }

  /** Whether a rebalance may begin now. */
  get canRebalance(): boolean {
    return canMove(this.#state, GroupState.preparingRebalance);
  }

  // Members

  addMember(member: Member): void {
    assert(!this.members.has(member.memberId), `member ${member.memberId} is there twice`);
    if (member.instanceId !== null) {
      assert(
        !this.staticMembers.has(member.instanceId),
        `instance ${member.instanceId} is there twice`,
      );
      this.staticMembers.set(member.instanceId, member.memberId);
    }
    this.members.set(member.memberId, member);
    this.leaderId ??= member.memberId;
    this.#ledger.memberBytes += member.heldBytes;
  }

  updateMember(member: Member, description: MemberDescription): void {
    this.#ledger.memberBytes -= member.heldBytes;
    member.update(description);
    this.#ledger.memberBytes += member.heldBytes;
  }

  assign(member: Member, assignment: Uint8Array): void {
    this.#ledger.memberBytes += assignment.length - member.assignment.length;
    member.assignment = assignment;
  }

  /** Takes a member out. Its parked replies must have been answered. */
  removeMember(member: Member): void {
    assert(!member.isAwaitingJoin, `member ${member.memberId} leaves with a parked join`);
    this.members.delete(member.memberId);
    this.pendingSyncs.delete(member.memberId);
    if (member.instanceId !== null) this.staticMembers.delete(member.instanceId);
    this.#ledger.memberBytes -= member.heldBytes;
    if (this.leaderId === member.memberId) {
      this.leaderId = this.members.keys().next().value ?? null;
    }
  }

  /** A static member came back under a new id: the same place, another name. */
  replaceMember(old: Member, replacement: Member): void {
    const wasLeader = this.leaderId === old.memberId;
    this.removeMember(old);
    this.addMember(replacement);
    if (wasLeader) this.leaderId = replacement.memberId;
  }

  addPendingMember(memberId: string, deadlineAt: number): void {
    if (!this.pendingMembers.has(memberId)) this.#ledger.pendingMemberCount++;
    this.pendingMembers.set(memberId, deadlineAt);
  }

  removePendingMember(memberId: string): boolean {
    const wasThere = this.pendingMembers.delete(memberId);
    if (wasThere) this.#ledger.pendingMemberCount--;
    return wasThere;
  }

  /** It never came to a generation and holds nothing: nobody would miss it. */
  get isBlank(): boolean {
    return (
      this.#state === GroupState.empty &&
      this.generation === 0 &&
      this.pendingMembers.size === 0 &&
      this.offsets.isEmpty
    );
  }

  /** Gives back what the ledger counts; for a group that is forgotten. */
  release(): void {
    for (const member of this.members.values()) this.#ledger.memberBytes -= member.heldBytes;
    this.#ledger.pendingMemberCount -= this.pendingMembers.size;
    this.members.clear();
    this.staticMembers.clear();
    this.pendingMembers.clear();
    this.pendingSyncs.clear();
    this.offsets.clear();
    this.cancelTimer?.();
    this.cancelTimer = null;
    this.timerAt = Number.POSITIVE_INFINITY;
    this.phase = noPhase;
  }

  /**
   * Keeps a JoinGroup until the rebalance ends. An older one of the same member, whose client gave up on
   * it, is answered so that it does not block its connection.
   */
  parkJoin(member: Member, reply: JoinReply): void {
    this.answerJoin(member, joinError(ErrorCode.REBALANCE_IN_PROGRESS, member.memberId));
    member.joinReply = reply;
    this.#awaitingJoinCount++;
  }

  /** Answers the parked JoinGroup, if there is one. */
  answerJoin(member: Member, result: JoinResult): void {
    const reply = member.joinReply;
    if (reply === null) return;
    member.joinReply = null;
    this.#awaitingJoinCount--;
    reply(result);
  }

  get awaitingJoinCount(): number {
    return this.#awaitingJoinCount;
  }

  /** Everyone known has rejoined and no one with a fresh id is still expected. */
  get hasAllMembersJoined(): boolean {
    return this.pendingMembers.size === 0 && this.#awaitingJoinCount === this.members.size;
  }

  /** How long a rebalance waits: the most patient member decides. */
  get rebalanceTimeoutMs(): number {
    let longest = 0;
    for (const member of this.members.values()) {
      longest = Math.max(longest, member.rebalanceTimeoutMs);
    }
    return longest;
  }

  /**
   * The leader must be someone who has rejoined.
   * @returns false when nobody has (only static members that are away remain).
   */
  electJoinedLeader(): boolean {
    const leader = this.leaderId === null ? undefined : this.members.get(this.leaderId);
    if (leader?.isAwaitingJoin) return true;
    for (const member of this.members.values()) {
      if (member.isAwaitingJoin) {
        this.leaderId = member.memberId;
        return true;
      }
    }
    return false;
  }

  // Protocols

  /** Whether a member with these protocols fits in (T77). */
  supports(protocolType: string, protocols: readonly MemberProtocol[]): boolean {
    if (protocols.length === 0 || protocolType === '') return false;
    if (this.members.size === 0) return true;
    if (this.protocolType !== protocolType) return false;
    return protocols.some((candidate) => {
      for (const member of this.members.values()) {
        if (!member.protocols.some((own) => own.name === candidate.name)) return false;
      }
      return true;
    });
  }

  /** The protocol of the next generation, by vote; null for a group without members. */
  nextProtocol(): string | null {
    return selectProtocol(this.members.values());
  }

  /** Begins the next generation: one more, with the protocol that the members voted for. */
  advanceGeneration(nowMs: number): void {
    this.generation++;
    this.isStoringAssignment = false;
    this.protocolName = this.nextProtocol();
    this.subscribedTopics = this.computeSubscribedTopics();
    this.pendingSyncs.clear();
    this.moveTo(this.members.size === 0 ? GroupState.empty : GroupState.completingRebalance, nowMs);
  }

  computeSubscribedTopics(): ReadonlySet<string> | null {
    if (this.protocolType !== CONSUMER_PROTOCOL_TYPE) return null;
    const topics = new Set<string>();
    if (this.members.size === 0) return topics;
    if (this.protocolName === null) return null;
    for (const member of this.members.values()) {
      const own = parseSubscribedTopics(member.metadataFor(this.protocolName));
      if (own === null) return null;
      for (const topic of own) topics.add(topic);
    }
    return topics;
  }

  /** Whether a member may be reading the topic. Unknown subscriptions count as yes. */
  isSubscribedTo(topic: string): boolean {
    if (this.members.size === 0) return false;
    return this.subscribedTopics === null || this.subscribedTopics.has(topic);
  }

  /** The list a leader gets. */
  memberList(): readonly JoinedMember[] {
    const protocolName = this.protocolName ?? '';
    return Array.from(this.members.values(), (member) => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      metadata: member.metadataFor(protocolName),
    }));
  }
}
