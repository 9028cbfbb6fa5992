import {
  type AlterConfigsRequest,
  type AlterConfigsResponseInput,
  API_KEYS,
  decodeAlterConfigsRequest,
  encodeAlterConfigsResponse,
} from '@millrace/protocol';
import { ConfigOperation, editedOverrides } from '../config/config-edits.ts';
import type { ApiHandler } from './api-handler.ts';
import { alterResources, type ConfigRooms } from './config-resources.ts';

/** Replaces the whole set of overrides of each resource (T36). */
export function alterConfigsHandler(
  rooms: ConfigRooms,
): ApiHandler<AlterConfigsRequest, AlterConfigsResponseInput> {
  return {
    key: API_KEYS.AlterConfigs,
    name: 'AlterConfigs',
    minVersion: 0,
    maxVersion: 2,
    decode: decodeAlterConfigsRequest,
    encode: encodeAlterConfigsResponse,
    handle: async ({ resources, validateOnly }) => ({
      responses: await alterResources(rooms, resources, validateOnly, ({ configs }) => () => {
        const edits = configs.map((config) => ({ ...config, operation: ConfigOperation.set }));
        return editedOverrides(new Map(), edits, new Map(), () => null);
      }),
    }),
    fail: ({ resources }, errorCode) => ({
      responses: resources.map(({ resourceType, resourceName }) => ({
        errorCode,
        errorMessage: null,
        resourceType,
        resourceName,
      })),
    }),
  };
}
