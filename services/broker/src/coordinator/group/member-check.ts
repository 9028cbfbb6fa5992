import { ErrorCode } from '@millrace/protocol';
import type { Group } from './group.ts';
import type { Member } from './member.ts';

/** Who a request says it comes from. */
export interface MemberIdentity {
  readonly memberId: string;
  readonly instanceId: string | null;
}

/**
 * Finds the member that a request names.
 * @returns the member, or the wire error: 25 not known, 82 another process has taken the instance id.
 */
export function findMember(group: Group, identity: MemberIdentity): Member | number {
  const { memberId, instanceId } = identity;
  if (instanceId !== null) {
    const current = group.staticMembers.get(instanceId);
    if (current === undefined) return ErrorCode.UNKNOWN_MEMBER_ID;
    if (current !== memberId) return ErrorCode.FENCED_INSTANCE_ID;
  }
  return group.members.get(memberId) ?? ErrorCode.UNKNOWN_MEMBER_ID;
}
