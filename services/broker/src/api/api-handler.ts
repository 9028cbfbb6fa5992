import type { Reader, Writer } from '@millrace/bytes';
import type { PendingReply } from './pending-reply.ts';

/** Where a connection came from and which door it took. Fixed while the connection lives. */
export interface ConnectionIdentity {
  /** Number of the connection, never used again while the broker lives. */
  readonly id: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** The address and port that the client connected to. */
  readonly localAddress: string;
  readonly localPort: number;
  /** Name of the listener, `PLAINTEXT` by default. */
  readonly listener: string;
}

/** Who asks, how, and since when. Fixed once made; safe to keep. */
export interface RequestContext {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  /** "" when the client sent null. */
  readonly clientId: string;
  readonly connection: ConnectionIdentity;
  /** Wall-clock ms at which the tick that brought the request began. */
  readonly receivedAtMs: number;
  /** `User:ANONYMOUS` until authentication comes. */
  readonly principal: string;
}

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
  /**
   * The answer to a handler that threw, where the API's response has a field for it. Without it the
   * connection closes.
   */
  readonly fail?: (request: Req, errorCode: number, version: number) => Res;
}

/** Any handler, as the table and the pump hold it. */
export type AnyApiHandler = ApiHandler<unknown, unknown>;

/** A request in borrowed memory: dead when `serve` returns. One object is reused for all frames. */
export interface RequestFrame {
  apiKey: number;
  apiVersion: number;
  correlationId: number;
  clientId: string;
  /** The engine's number of `bytes`, for appends that name borrowed memory. */
  bufferId: number;
  bytes: Uint8Array;
  /** First byte of the body, after the request header. */
  bodyStart: number;
  /** One past the last byte of the frame. */
  end: number;
  receivedAtMs: number;
}

/** A connection, as a direct handler sees it. */
export interface ReplyChannel {
  readonly identity: ConnectionIdentity;
  readonly isOpen: boolean;
  /** Takes the next place in the order of replies. The reply leaves once it is done and at the head. */
  enqueue(reply: PendingReply): void;
  /** Sends whatever is done at the head of the order. Called by `PendingReply.finish`. */
  advance(): void;
  /** Closes after everything already answered has been written. */
  closeAfterReplies(): void;
}

/**
 * The hot APIs (Produce, Fetch) read the frame themselves and answer through a pooled reply, so that a
 * request costs no closure and no promise.
 */
export interface DirectApi extends ApiRange {
  readonly serve: (frame: RequestFrame, channel: ReplyChannel) => void;
}
