import { DecodeError, type Reader, type Writer } from '@millrace/bytes';
import type { ApiSpec } from './api-codec.ts';
import { API_KEYS, apiSpecs } from './generated/apis.ts';

/** What stands before every request body. */
export interface RequestHeader {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  /** Null is allowed on the wire and means the same as empty. */
  readonly clientId: string | null;
}

/** Tagged fields of a header are few and small; nothing larger is read past. */
const TAGGED_BYTES_MAX = 128 * 1024;

const specOfKey: (ApiSpec | undefined)[] = [];
for (const spec of apiSpecs) specOfKey[spec.key] = spec;

/** The facts of an API; undefined when no codec speaks it. */
export function apiSpec(key: number): ApiSpec | undefined {
  return specOfKey[key];
}

function isFlexible(key: number, version: number): boolean {
  const spec = specOfKey[key];
  return spec !== undefined && version >= spec.flexibleFrom;
}

/**
 * 2 (with tagged fields) for a flexible version, else 1. A version above those that the codecs speak
 * counts as flexible when the last one is, so that an ApiVersions request of a newer client can be
 * answered.
 */
export function requestHeaderVersion(key: number, version: number): 1 | 2 {
  return isFlexible(key, version) ? 2 : 1;
}

/**
 * 1 (with tagged fields) for a flexible version, else 0. ApiVersions always has 0: the client does
 * not know yet what the broker speaks.
 */
export function responseHeaderVersion(key: number, version: number): 0 | 1 {
  return key !== API_KEYS.ApiVersions && isFlexible(key, version) ? 1 : 0;
}

/**
 * Reads a header of the version that its own first four bytes call for. The client id keeps its
 * int16 length in flexible versions too.
 * @throws DecodeError
 */
export function decodeRequestHeader(reader: Reader): RequestHeader {
  const apiKey = reader.int16();
  const apiVersion = reader.int16();
  const correlationId = reader.int32();
  const clientId = reader.nullableString('clientId');
  if (isFlexible(apiKey, apiVersion)) skipTaggedFields(reader);
  return { apiKey, apiVersion, correlationId, clientId };
}

function skipTaggedFields(reader: Reader): void {
  const start = reader.position;
  reader.skipTaggedFields();
  if (reader.position - start > TAGGED_BYTES_MAX) {
    throw new DecodeError('header', start, 'tagged fields of more than 128 KiB');
  }
}

export function encodeRequestHeader(writer: Writer, header: RequestHeader): void {
  writer.int16(header.apiKey);
  writer.int16(header.apiVersion);
  writer.int32(header.correlationId);
  writer.nullableString(header.clientId);
  if (isFlexible(header.apiKey, header.apiVersion)) writer.unsignedVarint(0);
}

/** The correlation id of a response to a request of this key and version. @throws DecodeError */
export function decodeResponseHeader(reader: Reader, key: number, version: number): number {
  const correlationId = reader.int32();
  if (responseHeaderVersion(key, version) === 1) reader.skipTaggedFields();
  return correlationId;
}

export function encodeResponseHeader(
  writer: Writer,
  key: number,
  version: number,
  correlationId: number,
): void {
  writer.int32(correlationId);
  if (responseHeaderVersion(key, version) === 1) writer.unsignedVarint(0);
}
