import {
  API_KEYS,
  type DescribeClusterRequest,
  type DescribeClusterResponseInput,
  decodeDescribeClusterRequest,
  ErrorCode,
  encodeDescribeClusterResponse,
} from '@millrace/protocol';
import { advertisedEndpoint } from '../config/advertised-endpoint.ts';
import type { BrokerConfig } from '../config/broker-config.ts';
import type { MetadataImage } from '../controller/metadata-image.ts';
import type { ApiHandler } from './api-handler.ts';
import { CLUSTER_OPERATIONS, NOT_ASKED_FOR } from './authorized-operations.ts';

/** What may be asked for: the brokers, or the controllers, which only controllers tell. */
const EndpointType = { brokers: 1, controllers: 2 } as const;

export function describeClusterHandler(rooms: {
  readonly image: MetadataImage;
  readonly config: BrokerConfig;
}): ApiHandler<DescribeClusterRequest, DescribeClusterResponseInput> {
  return {
    key: API_KEYS.DescribeCluster,
    name: 'DescribeCluster',
    minVersion: 0,
    maxVersion: 2,
    decode: decodeDescribeClusterRequest,
    encode: encodeDescribeClusterResponse,
    handle: ({ endpointType, includeClusterAuthorizedOperations }, { connection }) => {
      if (endpointType !== EndpointType.brokers) return wrongEndpoint(endpointType);
      const { brokerId, clusterId } = rooms.image;
      const { host, port } = advertisedEndpoint(rooms.config, connection);
      return {
        errorCode: ErrorCode.NONE,
        endpointType,
        clusterId,
        controllerId: brokerId,
        brokers: [{ brokerId, host, port, isFenced: false }],
        clusterAuthorizedOperations: includeClusterAuthorizedOperations
          ? CLUSTER_OPERATIONS
          : NOT_ASKED_FOR,
      };
    },
  };
}

function wrongEndpoint(endpointType: number): DescribeClusterResponseInput {
  const isKnown = endpointType === EndpointType.controllers;
  return {
    errorCode: isKnown ? ErrorCode.MISMATCHED_ENDPOINT_TYPE : ErrorCode.UNSUPPORTED_ENDPOINT_TYPE,
    errorMessage: isKnown
      ? 'The request was sent to an endpoint of the wrong type.'
      : `Unsupported endpoint type ${endpointType}`,
    clusterId: '',
    brokers: [],
  };
}
