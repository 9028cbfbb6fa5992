import type { Reader, Writer } from '@millrace/bytes';
import type { ReplyChannel } from './pending-reply.ts';
import type { RequestContext } from './request-context.ts';

export type { ReplyChannel } from './pending-reply.ts';
export type { ConnectionIdentity, RequestContext } from './request-context.ts';

/** What every kind of handler says of itself. */
export interface ApiRange {
  readonly key: number;
  readonly name: string;
  /** What is advertised in ApiVersions, and served. */
  readonly minVersion: number;
  readonly maxVersion: number;
}

/**
 * One Kafka API as the broker serves it. Made by a factory that takes exactly the rooms it needs;
 * `broker.ts` wires them and `api-table.ts` collects them.
 */
export interface ApiHandler<Req, Res> extends ApiRange {
  readonly decode: (reader: Reader, version: number) => Req;
  readonly encode: (writer: Writer, response: Res, version: number) => void;
  /**
   * `undefined` = no reply at all. The part before the first `await` fixes the order of effects.
   * Bytes of the request are borrowed: dead after the first `await`; copy what must live longer.
   * Throwing (or rejecting) is a bug: it is logged and answered by `fail`, or closes the connection.
   */
  readonly handle: (
    request: Req,
    context: RequestContext,
  ) => Res | undefined | Promise<Res | undefined>;
  /** The answer may wait for other clients (JoinGroup): an open promise does not count as work in progress. */
  readonly waitsForOthers?: boolean;
  /**
   * The answer to a handler that threw, where the API's response has a field for it. Without it the
   * connection closes.
   */
  readonly fail?: (request: Req, errorCode: number, version: number) => Res;
}

/** Any handler, as the table and the pump hold it. */
export type AnyApiHandler = ApiHandler<unknown, unknown>;

/** `RequestFrame.bufferId` of a frame that lies in ordinary memory. */
export const OWN_MEMORY = -1;

/** A request in borrowed memory: dead when `serve` returns. One object is reused for all frames. */
export interface RequestFrame {
  apiKey: number;
  apiVersion: number;
  correlationId: number;
  clientId: string;
  /** The engine's number of `bytes`, for appends that name borrowed memory; or `OWN_MEMORY`. */
  bufferId: number;
  bytes: Uint8Array;
  /** First byte of the body, after the request header. */
  bodyStart: number;
  /** One past the last byte of the frame. */
  end: number;
  receivedAtMs: number;
  /** Ms it was held back since it arrived. */
  queuedMs: number;
}

/**
 * The hot APIs (Produce, Fetch) read the frame themselves and answer through a pooled reply, so that a
 * request costs no closure and no promise.
 */
export interface DirectApi extends ApiRange {
  readonly serve: (frame: RequestFrame, channel: ReplyChannel) => void;
}
