// What a page says and is told. These types name no other package: `index.d.ts` stands alone.

/** As a method's, its parameter may be narrower: a platform's own socket fits, whose handlers take its own events. */
type Handler<E> = { call(event: E): void }['call'] | null;

/** What the SDK uses of the WebSocket of the platform. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  onopen: Handler<unknown>;
  onmessage: Handler<{ readonly data: unknown }>;
  onclose: Handler<{ readonly code: number; readonly reason: string }>;
  onerror: Handler<unknown>;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

/** Why a token is wanted: a connection begins, the present token ends soon, the last one was refused. */
export type TokenReason = 'connect' | 'expiring' | 'rejected';

export type CodecName = 'none' | 'lz4' | 'deflate-raw' | 'zstd';

/** Where a page keeps resume tokens, `localStorage` for example. */
export interface ResumeStore {
  load(key: string): Promise<string | null>;
  save(key: string, token: string): Promise<void>;
}

export interface ClientOptions {
  /** `wss://host/v1/ws`; of several, the next one is tried after each failure. */
  readonly url: string | readonly string[];
  /** Default `binary`. `json` is for reading along in the network panel; it costs more. */
  readonly protocol?: 'binary' | 'json';
  /** Default: the platform's. */
  readonly WebSocket?: WebSocketConstructor;
  /** A JWT for each connection. Without it none is sent. */
  readonly getToken?: (why: TokenReason) => Promise<string>;
  /** In order of preference; what the runtime lacks is left out. Default: all it has. */
  readonly codecs?: readonly CodecName[];
  /** Bytes received that the application has not finished. Defaults: 16 MiB, 256 KiB. */
  readonly window?: { readonly connectionBytes?: number; readonly subscriptionBytes?: number };
  readonly resumeStore?: ResumeStore;
  /** Full jitter: random(0, min(cap, base × 2^n)). Defaults: 250 ms, 20 s, no end of attempts. */
  readonly reconnect?: {
    readonly baseMs?: number;
    readonly capMs?: number;
    /** Failed attempts in a row after which the client closes. */
    readonly attempts?: number;
  };
}

/** The next offset to read of a partition. Offsets are safe integers; a larger one throws. */
export interface Position {
  readonly partition: number;
  readonly offset: number;
  readonly leaderEpoch?: number;
}

/** Where a subscription begins. `resumeKey` asks the resume store, and begins at `latest` when it knows nothing. */
export type Start =
  | 'latest'
  | 'earliest'
  | 'keySnapshot'
  | { readonly offsets: readonly Position[] }
  | { readonly timestamp: number | Date }
  | { readonly last: number }
  | { readonly committed: string }
  | { readonly resume: string }
  | { readonly resumeKey: string };

export type OnLoss = 'nearest' | 'latest' | 'fail';

/** Which records are wanted, by their keys and headers. */
export type Filter =
  | { readonly key: KeyTest | null }
  | { readonly header: HeaderTest }
  | { readonly and: readonly Filter[] }
  | { readonly or: readonly Filter[] }
  | { readonly not: Filter };
export type KeyTest =
  | { readonly eq: FilterBytes }
  | { readonly in: readonly FilterBytes[] }
  | { readonly prefix: FilterBytes };
/** True when any header of that name matches. */
export type HeaderTest = { readonly name: string } & (KeyTest | { readonly exists: true });
/** Text stands for its UTF-8 bytes. */
export type FilterBytes = string | Uint8Array | { readonly b64: string };

export interface SubscribeOptions {
  /** Default `latest`. */
  readonly start?: Start;
  /** Default: all, also those added later. */
  readonly partitions?: readonly number[];
  readonly filter?: Filter;
  /** Parts of a record that are sent. Default: all. */
  readonly projection?: readonly ('key' | 'value' | 'headers' | 'timestamp')[];
  readonly isolation?: 'committed' | 'uncommitted';
  /** What happens when the consumer lags. Default `pause`: the position waits. */
  readonly policy?: 'pause' | 'disconnect' | 'conflateKey' | 'latest' | 'dropOldest';
  /** The wanted position is below the log's start. Default `nearest`, after a `gap` event. */
  readonly onGap?: OnLoss;
  /** The log was cut below the position. Default `fail`. */
  readonly onDiverged?: OnLoss;
  /** The topic was deleted and made again. Default `fail`. */
  readonly onRecreated?: OnLoss;
  /** Records a second. */
  readonly maxRate?: number;
  /** How long a block may be held back to grow, at most 1,000 ms. */
  readonly maxWaitMs?: number;
  /** For the policies `disconnect` and `dropOldest`. */
  readonly maxLagMs?: number;
  readonly windowBytes?: number;
  /** Independent cursors over the same stream on one connection. Default: the lowest that is free. */
  readonly lane?: 0 | 1 | 2 | 3;
  /** A JWT that adds one right to this subscription; a function is asked for each connection. */
  readonly grant?: string | (() => Promise<string>);
  /** Closes the subscription. */
  readonly signal?: AbortSignal;
}

export type SubscriptionState =
  | 'idle'
  | 'subscribing'
  | 'catchingUp'
  | 'live'
  | 'paused'
  | 'reconnecting'
  | 'closed';

export type ClientState = 'idle' | 'connecting' | 'ready' | 'reconnecting' | 'closed';

/** Text is sent as UTF-8. */
export type Payload = string | Uint8Array;

export interface PublishRecord {
  readonly key?: Payload | null;
  readonly value: Payload | null;
  readonly headers?: readonly { readonly name: string; readonly value: Payload | null }[];
}

export interface PublishOptions {
  /** Default: chosen by the key. */
  readonly partition?: number;
  /** Unix milliseconds. Default: the gateway's time. */
  readonly timestamp?: number;
  /**
   * When nobody knows whether the record was appended: `report` (default) rejects with an
   * `UnknownOutcomeError`, `resend` sends it again, so that it may be there twice.
   */
  readonly onUnknown?: 'report' | 'resend';
  readonly signal?: AbortSignal;
}

export interface PublishResult {
  readonly partition: number;
  /**
   * Offset of the first record, −1 when the broker did not say. Those of a batch follow in their
   * order; records of others may stand between them.
   */
  readonly offset: number;
  /** Unix milliseconds, −1 when the broker did not say. */
  readonly timestamp: number;
  /** It had been appended already when it was sent again after a reconnect. */
  readonly duplicate: boolean;
}

export interface PingResult {
  readonly roundTripMs: number;
  /** The gateway's clock − this one, as if both ways took equally long. */
  readonly clockOffsetMs: number;
}
