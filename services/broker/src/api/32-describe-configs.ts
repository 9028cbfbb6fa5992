import {
  API_KEYS,
  type DescribeConfigsRequest,
  type DescribeConfigsRequestResource,
  type DescribeConfigsResponseInput,
  type DescribeConfigsResponseResultInput,
  decodeDescribeConfigsRequest,
  ErrorCode,
  encodeDescribeConfigsResponse,
} from '@millrace/protocol';
import {
  type ConfigEntry,
  type DescribeOptions,
  describeBrokerConfigs,
  describeClusterOverrides,
  describeTopicConfigs,
} from '../config/describe-config.ts';
import { done, type Outcome, refused, unknownTopic } from '../controller/refusal.ts';
import { topicNameProblem } from '../controller/topic-name.ts';
import type { ApiHandler } from './api-handler.ts';
import { type ConfigRooms, ResourceType, resolveResource, resultOf } from './config-resources.ts';

export function describeConfigsHandler(
  rooms: ConfigRooms,
): ApiHandler<DescribeConfigsRequest, DescribeConfigsResponseInput> {
  return {
    key: API_KEYS.DescribeConfigs,
    name: 'DescribeConfigs',
    minVersion: 0,
    maxVersion: 4,
    decode: decodeDescribeConfigsRequest,
    encode: encodeDescribeConfigsResponse,
    handle: ({ resources, includeSynonyms, includeDocumentation }) => ({
      results: resources.map((resource) =>
        describeOne(rooms, resource, {
          names: resource.configurationKeys,
          withSynonyms: includeSynonyms,
          withDocumentation: includeDocumentation,
        }),
      ),
    }),
    fail: ({ resources }, errorCode) => ({
      results: resources.map(({ resourceType, resourceName }) => ({
        errorCode,
        errorMessage: null,
        resourceType,
        resourceName,
        configs: [],
      })),
    }),
  };
}

function describeOne(
  rooms: ConfigRooms,
  resource: DescribeConfigsRequestResource,
  options: DescribeOptions,
): DescribeConfigsResponseResultInput {
  const outcome = entriesOf(rooms, resource, options);
  return { ...resultOf(resource, outcome), configs: outcome.value ?? [] };
}

function entriesOf(
  { topics, dynamicConfig }: ConfigRooms,
  resource: DescribeConfigsRequestResource,
  options: DescribeOptions,
): Outcome<ConfigEntry[]> {
  const isTopic = resource.resourceType === ResourceType.topic;
  const problem = isTopic ? topicNameProblem(resource.resourceName) : null;
  if (problem !== null) return refused(ErrorCode.INVALID_TOPIC_EXCEPTION, problem);
  const target = resolveResource(resource, topics.image.brokerId);
  if (target.refusal !== null) return target;
  if (target.value.kind === 'broker') {
    const describe =
      target.value.scope === 'cluster' ? describeClusterOverrides : describeBrokerConfigs;
    return done(describe(dynamicConfig, options));
  }
  const topic = topics.image.topic(target.value.name);
  if (topic === undefined) return unknownTopic();
  return done(describeTopicConfigs(topic.overrides, dynamicConfig, options));
}
