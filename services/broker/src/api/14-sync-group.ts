import {
  decodeSyncGroupRequest,
  encodeSyncGroupResponse,
  type SyncGroupRequest,
  type SyncGroupResponse,
} from '@millrace/protocol';
import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts';
import type { ApiHandler } from './api-handler.ts';

/** SyncGroup: answered when the leader's assignment is durable. */
export function syncGroupHandler(rooms: {
  readonly groups: GroupCoordinator;
}): ApiHandler<SyncGroupRequest, SyncGroupResponse> {
  return {
    key: 14,
    name: 'SyncGroup',
    minVersion: 0,
    maxVersion: 5,
    waitsForOthers: true,
    decode: decodeSyncGroupRequest,
    encode: encodeSyncGroupResponse,
    handle(request) {
      const assignments = new Map<string, Uint8Array>();
      for (const { memberId, assignment } of request.assignments) {
        assignments.set(memberId, assignment.slice());
      }
      return new Promise((resolve) => {
        rooms.groups.syncGroup(
          {
            groupId: request.groupId,
            generation: request.generationId,
            memberId: request.memberId,
            instanceId: request.groupInstanceId ?? null,
            protocolType: request.protocolType ?? null,
            protocolName: request.protocolName ?? null,
            assignments,
          },
          (result) => resolve({ throttleTimeMs: 0, ...result }),
        );
      });
    },
  };
}
