import {
  type DescribeGroupsRequest,
  type DescribeGroupsResponse,
  type DescribeGroupsResponseGroup,
  decodeDescribeGroupsRequest,
  ErrorCode,
  encodeDescribeGroupsResponse,
} from '@millrace/protocol';
import type { Group } from '../coordinator/group/group.ts';
import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts';
import { GroupState } from '../coordinator/group/group-state.ts';
import type { ApiHandler } from './api-handler.ts';

/** First version in which an unknown group is an error (T80). */
const NOT_FOUND_FROM = 6;

const OPERATIONS_NOT_ASKED = -2147483648;

/**
 * What may be done with a group, as bits: 3 read, 6 delete, 8 describe, 10 describe configs, 11 alter
 * configs. Everything is allowed until there is an authorizer.
 */
const GROUP_OPERATIONS = [3, 6, 8, 10, 11].reduce((bits, operation) => bits | (1 << operation), 0);

/** DescribeGroups: state and members. Subscriptions show in a stable group only, as in Kafka. */
export function describeGroupsHandler(rooms: {
  readonly groups: GroupCoordinator;
}): ApiHandler<DescribeGroupsRequest, DescribeGroupsResponse> {
  return {
    key: 15,
    name: 'DescribeGroups',
    minVersion: 0,
    maxVersion: 6,
    decode: decodeDescribeGroupsRequest,
    encode: encodeDescribeGroupsResponse,
    handle(request, { apiVersion }) {
      const authorizedOperations = request.includeAuthorizedOperations
        ? GROUP_OPERATIONS
        : OPERATIONS_NOT_ASKED;
      const groups = request.groups.map((groupId) => {
        const group = describe(rooms.groups, groupId, apiVersion);
        return group.errorCode === ErrorCode.NONE ? { ...group, authorizedOperations } : group;
      });
      return { throttleTimeMs: 0, groups };
    },
  };
}

function describe(
  groups: GroupCoordinator,
  groupId: string,
  apiVersion: number,
): DescribeGroupsResponseGroup {
  const errorCode = groups.readinessOf(groupId);
  if (errorCode !== ErrorCode.NONE) return withoutMembers(groupId, '', errorCode, null);
  const group = groups.find(groupId);
  if (group !== undefined) return describeGroup(group);
  if (apiVersion < NOT_FOUND_FROM) {
    return withoutMembers(groupId, GroupState.dead, ErrorCode.NONE, null);
  }
  const message = `Group ${groupId} not found.`;
  return withoutMembers(groupId, GroupState.dead, ErrorCode.GROUP_ID_NOT_FOUND, message);
}

function describeGroup(group: Group): DescribeGroupsResponseGroup {
  const isStable = group.is(GroupState.stable);
  const protocolName = isStable ? (group.protocolName ?? '') : '';
  return {
    ...withoutMembers(group.id, group.state, ErrorCode.NONE, null),
    protocolType: group.protocolType ?? '',
    protocolData: protocolName,
    members: Array.from(group.members.values(), (member) => ({
      memberId: member.memberId,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: member.metadataFor(protocolName),
      memberAssignment: member.assignment,
    })),
  };
}

function withoutMembers(
  groupId: string,
  groupState: string,
  errorCode: number,
  errorMessage: string | null,
): DescribeGroupsResponseGroup {
  return {
    errorCode,
    errorMessage,
    groupId,
    groupState,
    protocolType: '',
    protocolData: '',
    members: [],
    authorizedOperations: OPERATIONS_NOT_ASKED,
  };
}
