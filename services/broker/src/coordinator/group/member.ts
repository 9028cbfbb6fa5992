/** One way of dividing partitions that a member can follow, with its subscription for it. */
export interface MemberProtocol {
  readonly name: string;
  /** Owned bytes, opaque to the broker except for consumers' topic names. */
  readonly metadata: Uint8Array;
}

/** What JoinGroup answers. Version-specific nulls are the API file's business. */
export interface JoinResult {
  readonly errorCode: number;
  readonly memberId: string;
  /** -1 on errors. */
  readonly generation: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly leaderId: string;
  /** true: the leader need not compute an assignment, the old one stands (KIP-814). */
  readonly skipAssignment: boolean;
  /** Filled for the leader only (T77). */
  readonly members: readonly JoinedMember[];
}

export interface JoinedMember {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly metadata: Uint8Array;
}

/** What SyncGroup answers. */
export interface SyncResult {
  readonly errorCode: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly assignment: Uint8Array;
}

export type JoinReply = (result: JoinResult) => void;
export type SyncReply = (result: SyncResult) => void;

export const noBytes = new Uint8Array(0);

/** An error answer to JoinGroup. */
export function joinError(errorCode: number, memberId: string): JoinResult {
  return {
    errorCode,
    memberId,
    generation: -1,
    protocolType: null,
    protocolName: null,
    leaderId: '',
    skipAssignment: false,
    members: [],
  };
}

/** An error answer to SyncGroup. */
export function syncError(errorCode: number): SyncResult {
  return { errorCode, protocolType: null, protocolName: null, assignment: noBytes };
}

/** What a client says of itself when it joins. Byte fields are already copies. */
export interface MemberDescription {
  readonly clientId: string;
  readonly clientHost: string;
  readonly rebalanceTimeoutMs: number;
  readonly sessionTimeoutMs: number;
  readonly protocols: readonly MemberProtocol[];
}

/** About what a member costs before it says anything. */
const OBJECT_BYTES = 512;

/** A member of a classic group. */
export class Member {
  readonly memberId: string;
  readonly instanceId: string | null;
  clientId: string;
  clientHost: string;
  rebalanceTimeoutMs: number;
  sessionTimeoutMs: number;
  protocols: readonly MemberProtocol[];
  assignment: Uint8Array = noBytes;

  /** Set while a JoinGroup of this member waits for the rebalance; `Group.parkJoin` sets it. */
  joinReply: JoinReply | null = null;
  /** Set while a SyncGroup of this member waits for the leader. */
  syncReply: SyncReply | null = null;
  /** It has not yet seen the end of a rebalance: its client may be gone without knowing its own id. */
  isNew = false;
  /** Monotonic ms at which its session ends. */
  deadlineAt = Number.POSITIVE_INFINITY;

  constructor(memberId: string, instanceId: string | null, description: MemberDescription) {
    this.memberId = memberId;
    this.instanceId = instanceId;
    this.clientId = description.clientId;
    this.clientHost = description.clientHost;
    this.rebalanceTimeoutMs = description.rebalanceTimeoutMs;
    this.sessionTimeoutMs = description.sessionTimeoutMs;
    this.protocols = description.protocols;
  }

  get isAwaitingJoin(): boolean {
    return this.joinReply !== null;
  }

  get isAwaitingSync(): boolean {
    return this.syncReply !== null;
  }

  /** A member whose request is parked here is alive, unless it is new (its client may have given up). */
  get isHeldAlive(): boolean {
    return !this.isNew && (this.joinReply !== null || this.syncReply !== null);
  }

  update(description: MemberDescription): void {
    this.clientId = description.clientId;
    this.clientHost = description.clientHost;
    this.rebalanceTimeoutMs = description.rebalanceTimeoutMs;
    this.sessionTimeoutMs = description.sessionTimeoutMs;
    this.protocols = description.protocols;
  }

  /** Subscription for a protocol; empty when the member does not know it. */
  metadataFor(protocolName: string): Uint8Array {
    return this.protocols.find((each) => each.name === protocolName)?.metadata ?? noBytes;
  }

  /** Whether the client asks for exactly what it asked for last time, in the same order. */
  hasSameProtocols(protocols: readonly MemberProtocol[]): boolean {
    if (protocols.length !== this.protocols.length) return false;
    return protocols.every((each, index) => {
      const own = this.protocols[index] as MemberProtocol;
      return own.name === each.name && sameBytes(own.metadata, each.metadata);
    });
  }

  /** Bytes it holds, for the total bound. */
  get heldBytes(): number {
    const names = this.memberId.length + this.clientId.length + (this.instanceId?.length ?? 0);
    return OBJECT_BYTES + 2 * names + metadataBytes(this.protocols) + this.assignment.length;
  }
}

/** Bytes of all subscriptions of a member. */
export function metadataBytes(protocols: readonly MemberProtocol[]): number {
  let total = 0;
  for (const each of protocols) total += each.metadata.length;
  return total;
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false;
  return true;
}
