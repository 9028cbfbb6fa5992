import {
  type DeleteGroupsRequest,
  type DeleteGroupsResponse,
  decodeDeleteGroupsRequest,
  ErrorCode,
  encodeDeleteGroupsResponse,
} from '@millrace/protocol';
import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts';
import type { ApiHandler } from './api-handler.ts';

/** DeleteGroups: only groups without members (T81); answered when the deletion is durable. */
export function deleteGroupsHandler(rooms: {
  readonly groups: GroupCoordinator;
}): ApiHandler<DeleteGroupsRequest, DeleteGroupsResponse> {
  return {
    key: 42,
    name: 'DeleteGroups',
    minVersion: 0,
    maxVersion: 3,
    decode: decodeDeleteGroupsRequest,
    encode: encodeDeleteGroupsResponse,
    async handle({ groupsNames }) {
      const results = await Promise.all(
        groupsNames.map(async (groupId) => {
          const errorCode = await new Promise<number>((resolve) => {
            rooms.groups.deleteGroup(groupId, resolve);
          });
          return { groupId, errorCode, errorMessage: messageFor(groupId, errorCode) };
        }),
      );
      return { throttleTimeMs: 0, results };
    },
  };
}

function messageFor(groupId: string, errorCode: number): string | null {
  switch (errorCode) {
    case ErrorCode.NONE:
      return null;
    case ErrorCode.NON_EMPTY_GROUP:
      return `Group ${groupId} still has members.`;
    case ErrorCode.GROUP_ID_NOT_FOUND:
      return `Group ${groupId} not found.`;
    default:
      return `Group ${groupId} could not be deleted.`;
  }
}
