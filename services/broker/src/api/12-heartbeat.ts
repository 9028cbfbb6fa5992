import {
  decodeHeartbeatRequest,
  encodeHeartbeatResponse,
  type HeartbeatRequest,
  type HeartbeatResponse,
} from '@millrace/protocol';
import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts';
import type { ApiHandler } from './api-handler.ts';

/** Heartbeat: a sign of life, and how a member hears of a rebalance (T78). */
export function heartbeatHandler(rooms: {
  readonly groups: GroupCoordinator;
}): ApiHandler<HeartbeatRequest, HeartbeatResponse> {
  return {
    key: 12,
    name: 'Heartbeat',
    minVersion: 0,
    maxVersion: 4,
    decode: decodeHeartbeatRequest,
    encode: encodeHeartbeatResponse,
    handle({ groupId, generationId, memberId, groupInstanceId }) {
      const identity = { memberId, instanceId: groupInstanceId ?? null };
      const errorCode = rooms.groups.heartbeat(groupId, identity, generationId);
      return { throttleTimeMs: 0, errorCode };
    },
  };
}
