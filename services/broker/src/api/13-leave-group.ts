import {
  decodeLeaveGroupRequest,
  ErrorCode,
  encodeLeaveGroupResponse,
  type LeaveGroupRequest,
  type LeaveGroupResponse,
} from '@millrace/protocol';
import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts';
import type { ApiHandler } from './api-handler.ts';

/** First version that names several members, each with an error of its own (T79). */
const MEMBERS_FROM = 3;

/** LeaveGroup: members go, or an operator sends static members away. */
export function leaveGroupHandler(rooms: {
  readonly groups: GroupCoordinator;
}): ApiHandler<LeaveGroupRequest, LeaveGroupResponse> {
  return {
    key: 13,
    name: 'LeaveGroup',
    minVersion: 0,
    maxVersion: 5,
    decode: decodeLeaveGroupRequest,
    encode: encodeLeaveGroupResponse,
    handle(request, { apiVersion }) {
      const isBatched = apiVersion >= MEMBERS_FROM;
      const members = isBatched
        ? request.members.map(({ memberId, groupInstanceId }) => ({
            memberId,
            instanceId: groupInstanceId ?? null,
          }))
        : [{ memberId: request.memberId, instanceId: null }];
      const { errorCode, memberErrorCodes } = rooms.groups.leaveGroup(request.groupId, members);
      if (!isBatched) {
        const only = errorCode || (memberErrorCodes[0] ?? ErrorCode.NONE);
        return { throttleTimeMs: 0, errorCode: only, members: [] };
      }
      return {
        throttleTimeMs: 0,
        errorCode,
        members: memberErrorCodes.map((memberError, index) => ({
          memberId: members[index]?.memberId ?? '',
          groupInstanceId: members[index]?.instanceId ?? null,
          errorCode: memberError,
        })),
      };
    },
  };
}
