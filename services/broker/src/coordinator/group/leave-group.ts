import { ErrorCode } from '@millrace/protocol';
import type { Group } from './group.ts';
import type { Member } from './member.ts';
import { findMember, type MemberIdentity } from './member-check.ts';
import type { Rebalance } from './rebalance.ts';

/**
 * LeaveGroup: takes the named members out, with one rebalance for all of them (T79). An operator may name
 * a static member by its instance id alone.
 * @returns one wire error per identity, in order.
 */
export function leaveGroup(
  group: Group,
  identities: readonly MemberIdentity[],
  rebalance: Rebalance,
): readonly number[] {
  const leaving = new Set<Member>();
  const errorCodes = identities.map((identity) => {
    if (identity.memberId !== '' && identity.instanceId === null) {
      if (rebalance.removePendingMember(group, identity.memberId)) return ErrorCode.NONE;
    }
    const member = findMember(group, named(group, identity));
    if (typeof member === 'number') return member;
    if (leaving.has(member)) return ErrorCode.UNKNOWN_MEMBER_ID;
    leaving.add(member);
    return ErrorCode.NONE;
  });
  rebalance.removeMembers(group, [...leaving]);
  return errorCodes;
}

function named(group: Group, identity: MemberIdentity): MemberIdentity {
  if (identity.memberId !== '' || identity.instanceId === null) return identity;
  const memberId = group.staticMembers.get(identity.instanceId) ?? '';
  return { memberId, instanceId: identity.instanceId };
}
