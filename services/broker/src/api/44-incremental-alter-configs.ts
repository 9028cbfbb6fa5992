import {
  API_KEYS,
  decodeIncrementalAlterConfigsRequest,
  encodeIncrementalAlterConfigsResponse,
  type IncrementalAlterConfigsRequest,
  type IncrementalAlterConfigsRequestResource,
  type IncrementalAlterConfigsResponseInput,
} from '@millrace/protocol';
import { brokerConfigs } from '../config/broker-config.ts';
import { type ConfigEdit, editedOverrides } from '../config/config-edits.ts';
import { effectiveBrokerText, effectiveTopicText } from '../config/describe-config.ts';
import { topicConfigs } from '../config/topic-config.ts';
import type { OverridesEdit } from '../controller/topic-store.ts';
import type { ApiHandler } from './api-handler.ts';
import { alterResources, type ConfigResource, type ConfigRooms } from './config-resources.ts';

/** Edits single overrides of each resource (T36). */
export function incrementalAlterConfigsHandler(
  rooms: ConfigRooms,
): ApiHandler<IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponseInput> {
  return {
    key: API_KEYS.IncrementalAlterConfigs,
    name: 'IncrementalAlterConfigs',
    minVersion: 0,
    maxVersion: 1,
    decode: decodeIncrementalAlterConfigsRequest,
    encode: encodeIncrementalAlterConfigsResponse,
    handle: async ({ resources, validateOnly }) => ({
      responses: await alterResources(rooms, resources, validateOnly, (resource, kind) =>
        editOf(rooms, resource, kind),
      ),
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

function editOf(
  { dynamicConfig }: ConfigRooms,
  { configs }: IncrementalAlterConfigsRequestResource,
  kind: ConfigResource['kind'],
): OverridesEdit {
  const edits = configs.map(
    ({ name, configOperation, value }): ConfigEdit => ({ name, operation: configOperation, value }),
  );
  if (kind === 'topic') {
    return (current) =>
      editedOverrides(current, edits, topicConfigs.byName, (name) =>
        effectiveTopicText(name, dynamicConfig),
      );
  }
  return (current) =>
    editedOverrides(current, edits, brokerConfigs.byName, (name) =>
      effectiveBrokerText(name, dynamicConfig),
    );
}
