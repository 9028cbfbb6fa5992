import {
  decodeListGroupsRequest,
  ErrorCode,
  encodeListGroupsResponse,
  type ListGroupsRequest,
  type ListGroupsResponse,
} from '@millrace/protocol';
import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts';
import type { ApiHandler } from './api-handler.ts';

/** The only type of group there is so far, as ListGroups v5 names it. */
const GROUP_TYPE = 'classic';

/** ListGroups: every group, or those of some states and types. Names are compared without case. */
export function listGroupsHandler(rooms: {
  readonly groups: GroupCoordinator;
}): ApiHandler<ListGroupsRequest, ListGroupsResponse> {
  return {
    key: 16,
    name: 'ListGroups',
    minVersion: 0,
    maxVersion: 5,
    decode: decodeListGroupsRequest,
    encode: encodeListGroupsResponse,
    handle(request) {
      if (rooms.groups.isLoading) {
        // A partial list would look like a complete one.
        const errorCode = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS;
        return { throttleTimeMs: 0, errorCode, groups: [] };
      }
      const states = lowerCaseSet(request.statesFilter);
      const types = lowerCaseSet(request.typesFilter);
      const groups: ListGroupsResponse['groups'][number][] = [];
      if (types.size === 0 || types.has(GROUP_TYPE)) {
        for (const group of rooms.groups.groups()) {
          if (states.size > 0 && !states.has(group.state.toLowerCase())) continue;
          groups.push({
            groupId: group.id,
            protocolType: group.protocolType ?? '',
            groupState: group.state,
            groupType: GROUP_TYPE,
          });
        }
      }
      return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, groups };
    },
  };
}

function lowerCaseSet(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.map((name) => name.toLowerCase()));
}
