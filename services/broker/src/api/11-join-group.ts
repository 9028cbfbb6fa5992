import {
  decodeJoinGroupRequest,
  encodeJoinGroupResponse,
  type JoinGroupRequest,
  type JoinGroupResponse,
} from '@millrace/protocol';
import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts';
import type { JoinResult } from '../coordinator/group/member.ts';
import type { ApiHandler } from './api-handler.ts';

/** First version in which a newcomer is sent back with a member id (T75). */
const MEMBER_ID_REQUIRED_FROM = 4;
/** First version whose answer may leave the protocol null. */
const NULL_PROTOCOL_FROM = 7;
/** First version that lets a returning leader skip the assignment. */
const SKIP_ASSIGNMENT_FROM = 9;

/** JoinGroup: answered when the rebalance has gathered its members (T75-T77). */
export function joinGroupHandler(rooms: {
  readonly groups: GroupCoordinator;
}): ApiHandler<JoinGroupRequest, JoinGroupResponse> {
  return {
    key: 11,
    name: 'JoinGroup',
    minVersion: 0,
    maxVersion: 9,
    waitsForOthers: true,
    decode: decodeJoinGroupRequest,
    encode: encodeJoinGroupResponse,
    handle(request, { apiVersion, clientId, connection }) {
      const rebalanceTimeoutMs = request.rebalanceTimeoutMs ?? -1;
      return new Promise((resolve) => {
        rooms.groups.joinGroup(
          {
            groupId: request.groupId,
            memberId: request.memberId,
            instanceId: request.groupInstanceId ?? null,
            protocolType: request.protocolType,
            member: {
              clientId,
              clientHost: `/${connection.remoteAddress}`,
              // v0 has no such field: the session timeout stands for it (T76).
              rebalanceTimeoutMs:
                rebalanceTimeoutMs < 0 ? request.sessionTimeoutMs : rebalanceTimeoutMs,
              sessionTimeoutMs: request.sessionTimeoutMs,
              protocols: request.protocols.map(({ name, metadata }) => ({
                name,
                metadata: metadata.slice(),
              })),
            },
            requiresKnownMemberId: apiVersion >= MEMBER_ID_REQUIRED_FROM,
            canSkipAssignment: apiVersion >= SKIP_ASSIGNMENT_FROM,
          },
          (result) => resolve(responseOf(result, apiVersion)),
        );
      });
    },
  };
}

function responseOf(result: JoinResult, apiVersion: number): JoinGroupResponse {
  return {
    throttleTimeMs: 0,
    errorCode: result.errorCode,
    generationId: result.generation,
    protocolType: result.protocolType,
    protocolName: result.protocolName ?? (apiVersion >= NULL_PROTOCOL_FROM ? null : ''),
    leader: result.leaderId,
    skipAssignment: result.skipAssignment,
    memberId: result.memberId,
    members: result.members.map(({ memberId, instanceId, metadata }) => ({
      memberId,
      groupInstanceId: instanceId,
      metadata,
    })),
  };
}
