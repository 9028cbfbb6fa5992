import { ErrorCode } from '@millrace/protocol';
import type { Group } from './group.ts';
import { GroupState } from './group-state.ts';
import { findMember, type MemberIdentity } from './member-check.ts';
import type { Rebalance } from './rebalance.ts';

/** Heartbeat (T78): a number moves, nothing is allocated. @returns the wire error to answer. */
export function heartbeat(
  group: Group,
  identity: MemberIdentity,
  generation: number,
  rebalance: Rebalance,
): number {
  const member = findMember(group, identity);
  if (typeof member === 'number') return member;
  if (generation !== group.generation) return ErrorCode.ILLEGAL_GENERATION;
  rebalance.keepAlive(group, member);
  // A consumer may begin to beat before its SyncGroup is answered: that is not a rebalance.
  return group.is(GroupState.preparingRebalance) ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE;
}
