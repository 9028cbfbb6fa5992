import { Reader, type Writer } from '@millrace/bytes';
import {
  type ApiVersionsRequest,
  type ApiVersionsResponse,
  decodeApiVersionsRequest,
  ErrorCode,
  encodeApiVersionsResponse,
} from '@millrace/protocol';
import type { ApiRange, DirectApi, ReplyChannel, RequestFrame } from './api-handler.ts';
import { PendingReply } from './pending-reply.ts';

const API_VERSIONS_KEY = 18;
const MAX_VERSION = 5;
const SOFTWARE_FROM = 3;
const SOFTWARE_NAME = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/;

export interface ApiVersionsRooms {
  /** What is served; asked at each request, so that the table may still grow while it is being wired. */
  readonly ranges: () => readonly ApiRange[];
  readonly clusterId: () => string;
  readonly brokerId: () => number;
}

/** ApiVersions: what is served, and nothing else (T4, T6, T8). */
export function apiVersionsApi(rooms: ApiVersionsRooms): DirectApi {
  const reader = new Reader();
  return {
    key: API_VERSIONS_KEY,
    name: 'ApiVersions',
    minVersion: 0,
    maxVersion: MAX_VERSION,
    serve(frame: RequestFrame, channel: ReplyChannel): void {
      const isServed = frame.apiVersion >= 0 && frame.apiVersion <= MAX_VERSION;
      let response = unsupported();
      if (isServed) {
        reader.reset(frame.bytes, frame.bodyStart, frame.end);
        const request = decodeApiVersionsRequest(reader, frame.apiVersion);
        reader.finish('ApiVersions');
        response = answer(rooms, request, frame.apiVersion);
      }
      const reply = new ApiVersionsReply(response);
      reply.apiKey = API_VERSIONS_KEY;
      // A version that is not known is answered in the form of version 0.
      reply.apiVersion = isServed ? frame.apiVersion : 0;
      reply.correlationId = frame.correlationId;
      reply.isDone = true;
      channel.enqueue(reply);
    },
  };
}

function answer(
  rooms: ApiVersionsRooms,
  request: ApiVersionsRequest,
  version: number,
): ApiVersionsResponse {
  if (
    version >= SOFTWARE_FROM &&
    !(
      SOFTWARE_NAME.test(request.clientSoftwareName) &&
      SOFTWARE_NAME.test(request.clientSoftwareVersion)
    )
  ) {
    return failure(ErrorCode.INVALID_REQUEST);
  }
  const { clusterId, nodeId } = request;
  const isOther =
    (clusterId !== null && clusterId !== undefined && clusterId !== rooms.clusterId()) ||
    (nodeId !== undefined && nodeId >= 0 && nodeId !== rooms.brokerId());
  if (version >= 5 && isOther) return failure(ErrorCode.REBOOTSTRAP_REQUIRED);
  return {
    ...failure(ErrorCode.NONE),
    apiKeys: rooms.ranges().map((api) => ({
      apiKey: api.key,
      minVersion: api.minVersion,
      maxVersion: api.maxVersion,
    })),
  };
}

/** KIP-511: the one entry from which clients pick the version to try again with. */
function unsupported(): ApiVersionsResponse {
  return {
    ...failure(ErrorCode.UNSUPPORTED_VERSION),
    apiKeys: [{ apiKey: API_VERSIONS_KEY, minVersion: 0, maxVersion: MAX_VERSION }],
  };
}

function failure(errorCode: number): ApiVersionsResponse {
  return {
    errorCode,
    apiKeys: [],
    throttleTimeMs: 0,
    supportedFeatures: [],
    finalizedFeaturesEpoch: -1,
    finalizedFeatures: [],
    zkMigrationReady: false,
  };
}

class ApiVersionsReply extends PendingReply {
  readonly #response: ApiVersionsResponse;

  constructor(response: ApiVersionsResponse) {
    super();
    this.#response = response;
  }

  encodeBody(writer: Writer): void {
    encodeApiVersionsResponse(writer, this.#response, this.apiVersion);
  }

  release(): void {}

  abandon(): void {}
}
