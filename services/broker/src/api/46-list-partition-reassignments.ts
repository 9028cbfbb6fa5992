import {
  API_KEYS,
  decodeListPartitionReassignmentsRequest,
  ErrorCode,
  encodeListPartitionReassignmentsResponse,
  type ListPartitionReassignmentsRequest,
  type ListPartitionReassignmentsResponseInput,
} from '@millrace/protocol';
import type { ApiHandler } from './api-handler.ts';

/** One broker holds everything: nothing ever moves. */
export function listPartitionReassignmentsHandler(): ApiHandler<
  ListPartitionReassignmentsRequest,
  ListPartitionReassignmentsResponseInput
> {
  return {
    key: API_KEYS.ListPartitionReassignments,
    name: 'ListPartitionReassignments',
    minVersion: 0,
    maxVersion: 0,
    decode: decodeListPartitionReassignmentsRequest,
    encode: encodeListPartitionReassignmentsResponse,
    handle: () => ({ errorCode: ErrorCode.NONE, errorMessage: null, topics: [] }),
  };
}
