import type { FilterNode } from '@millrace/gateway-protocol';
import type { Pattern } from './pattern.ts';

/** Which of a topic's records a principal may read. */
export interface ReadGrant {
  /** null: every partition. */
  readonly partitions: ReadonlySet<number> | null;
  /** Postfix nodes that every record read must pass, to be ANDed with the client's; null: any record. */
  readonly filter: readonly FilterNode[] | null;
  /** Records a second; 0: no limit. */
  readonly rate: number;
  /** May see watermarks, log starts and partition counts. */
  readonly watermark: boolean;
}

/** What a principal may append to a topic. */
export interface WriteGrant {
  /** Keys must match this; null: any, no key included. */
  readonly key: Pattern | null;
  /** Records a second; 0: no limit. */
  readonly rate: number;
  /** May ask for acks LEADER. */
  readonly leaderAck: boolean;
}

/** Limits that a token lowers for its principal; absent ones are the gateway's. */
export interface GrantLimits {
  readonly connections?: number;
  readonly subscriptions?: number;
  readonly streams?: number;
}

/** What a principal may do. Default is deny. Where several entries of a token match a topic, the first decides. */
export interface Grants {
  /** What of `topic` may be read; null: nothing, and whether it exists is nobody's business. */
  mayRead(topic: string): ReadGrant | null;
  mayWrite(topic: string): WriteGrant | null;
  /** May write and read back the positions of this name (§15.3). */
  mayCommit(name: string): boolean;
  readonly limits: GrantLimits;
}

const EVERY_RECORD: ReadGrant = { partitions: null, filter: null, rate: 0, watermark: true };
const ANY_RECORD: WriteGrant = { key: null, rate: 0, leaderAck: true };

/** True for a topic that only a literal grant opens. */
export function isInternalTopic(topic: string): boolean {
  return topic.startsWith('__');
}

/** Everything but internal topics: `gateway.auth.mode=none`. */
export const openGrants: Grants = {
  mayRead: (topic) => (isInternalTopic(topic) ? null : EVERY_RECORD),
  mayWrite: (topic) => (isInternalTopic(topic) ? null : ANY_RECORD),
  mayCommit: () => true,
  limits: {},
};
