import type {
  FilterNode,
  HeaderField,
  Limits,
  PartitionCode,
  PartitionOffset,
  StreamInfo,
  StreamOffset,
  SubscriptionToken,
} from './frame-parts.ts';

/** Every frame has a `kind`, the schema's table name with a small first letter. Tags never change. */
export const FrameTag = {
  hello: 1,
  welcome: 2,
  auth: 3,
  authOk: 4,
  tokenExpiring: 5,
  subscribe: 6,
  subscribed: 7,
  streamStates: 8,
  records: 9,
  progress: 10,
  caughtUp: 11,
  gap: 12,
  credit: 13,
  pause: 14,
  resume: 15,
  unsubscribe: 16,
  unsubscribed: 17,
  commit: 18,
  committed: 19,
  publish: 20,
  publishBatch: 21,
  pubResult: 22,
  pubCredit: 23,
  ping: 24,
  pong: 25,
  goaway: 26,
  error: 27,
} as const;
export type FrameKind = keyof typeof FrameTag;

/**
 * The frames as plain data. 64-bit integers are bigint: offsets count records, times are Unix
 * milliseconds, −1 stands for "none". `null` is an absent string or byte field, `[]` an absent
 * vector. Keys, values, header values and payloads that were read are views on the message and die
 * with it; ids, tokens and filters are copies.
 */
export type Frame =
  | Hello
  | Welcome
  | Auth
  | AuthOk
  | TokenExpiring
  | Subscribe
  | Subscribed
  | StreamStates
  | Records
  | Progress
  | CaughtUp
  | Gap
  | Credit
  | Pause
  | Resume
  | Unsubscribe
  | Unsubscribed
  | Commit
  | Committed
  | Publish
  | PublishBatch
  | PubResult
  | PubCredit
  | Ping
  | Pong
  | Goaway
  | ErrorFrame;

/** The frame of one kind. */
export type FrameOf<K extends FrameKind> = Extract<Frame, { kind: K }>;

/** What an encoder takes: a field that is left out has its default of the schema. */
export type FrameInput = { [K in FrameKind]: FrameFields<K> }[FrameKind];
export type FrameFields<K extends FrameKind> = { readonly kind: K } & Partial<FrameOf<K>>;

/** Frames a client may send, and frames a server may send; Ping and Pong go both ways. */
export type ClientFrame = FrameOf<
  | 'hello'
  | 'auth'
  | 'subscribe'
  | 'credit'
  | 'pause'
  | 'resume'
  | 'unsubscribe'
  | 'commit'
  | 'publish'
  | 'publishBatch'
  | 'ping'
  | 'pong'
>;
export type ServerFrame = Exclude<Frame, Exclude<ClientFrame, Ping | Pong>>;

export interface Hello {
  readonly kind: 'hello';
  readonly protocol: number;
  readonly token: string | null;
  /** Name of the client program, ≤ 128 bytes. */
  readonly client: string | null;
  /** Bits of `Caps`. */
  readonly caps: number;
  /** `Codec` values in order of preference; NONE is implied last. */
  readonly codecs: readonly number[];
  /** Bytes of the connection window; 0 = 1 MiB. */
  readonly credit: number;
  /** 16 random bytes, only with `Caps.PUBLISH`. */
  readonly producerSession: Uint8Array | null;
}

export interface Welcome {
  readonly kind: 'welcome';
  readonly connection: string | null;
  readonly node: string | null;
  readonly protocol: number;
  readonly caps: number;
  readonly limits: Limits | null;
  readonly pingIntervalMs: number;
  readonly pongGraceMs: number;
  readonly serverTimeMs: bigint;
  readonly tokenExpiresMs: bigint;
  /** CRC-32C of the Kafka cluster id. */
  readonly clusterTag: number;
  /** First publish credit. */
  readonly publishRecords: number;
  readonly publishBytes: number;
  /** −1 = unknown producer session. */
  readonly sessionLastSeq: bigint;
}

export interface Auth {
  readonly kind: 'auth';
  readonly req: number;
  readonly token: string | null;
}

export interface AuthOk {
  readonly kind: 'authOk';
  readonly req: number;
  readonly tokenExpiresMs: bigint;
}

export interface TokenExpiring {
  readonly kind: 'tokenExpiring';
  readonly tokenExpiresMs: bigint;
}

export interface Subscribe {
  readonly kind: 'subscribe';
  readonly req: number;
  readonly sub: number;
  /** 0..3: independent cursors over the same class on one connection. */
  readonly lane: number;
  readonly topic: string | null;
  /** 16 bytes. */
  readonly topicId: Uint8Array | null;
  /** Empty = all, also those added later. */
  readonly partitions: readonly number[];
  /** A `StartKind`; the operand is `offsets`, `timestampMs`, `lastN`, `name` or `resume`. */
  readonly start: number;
  readonly offsets: readonly PartitionOffset[];
  readonly timestampMs: bigint;
  readonly lastN: number;
  readonly name: string | null;
  /** A resume token. */
  readonly resume: Uint8Array | null;
  /** `OnLoss` values. */
  readonly onGap: number;
  readonly onDiverged: number;
  readonly onRecreated: number;
  readonly filter: readonly FilterNode[];
  /** Bits of `Projection`. */
  readonly projection: number;
  readonly isolation: number;
  readonly policy: number;
  /** Records a second; 0 = no limit. */
  readonly maxRate: number;
  /** ≤ 1,000. */
  readonly maxWaitMs: number;
  /** 0 = no limit. */
  readonly maxLagMs: number;
  /** Bytes of the subscription window; 0 = 256 KiB. */
  readonly credit: number;
  /** A JWT that adds one right to this subscription. */
  readonly grant: string | null;
}

export interface Subscribed {
  readonly kind: 'subscribed';
  readonly req: number;
  readonly sub: number;
  readonly topicId: Uint8Array | null;
  readonly policy: number;
  readonly codec: number;
  /** The list of streams goes on in StreamStates. */
  readonly more: boolean;
  readonly streams: readonly StreamInfo[];
}

export interface StreamStates {
  readonly kind: 'streamStates';
  readonly sub: number;
  readonly more: boolean;
  readonly streams: readonly StreamInfo[];
}

export interface Records {
  readonly kind: 'records';
  readonly stream: number;
  readonly count: number;
  readonly fromOffset: bigint;
  /** Where the stream stands after this block. */
  readonly nextOffset: bigint;
  readonly highWatermark: bigint;
  readonly baseTimestamp: bigint;
  readonly leaderEpoch: number;
  /** Bits of `RecordsFlag`. */
  readonly flags: number;
  readonly part: number;
  readonly parts: number;
  readonly codec: number;
  /** Bytes of the payload before compression. */
  readonly rawSize: number;
  /** Packed records, compressed by `codec`; one slice of them when `parts` > 1. */
  readonly payload: Uint8Array | null;
}

export interface Progress {
  readonly kind: 'progress';
  readonly streams: readonly StreamOffset[];
}

export interface CaughtUp {
  readonly kind: 'caughtUp';
  readonly stream: number;
  readonly offset: bigint;
}

/** `[fromOffset, toOffset)` will not be delivered. */
export interface Gap {
  readonly kind: 'gap';
  readonly stream: number;
  readonly fromOffset: bigint;
  readonly toOffset: bigint;
  /** A `GapReason`. */
  readonly reason: number;
  readonly leaderEpoch: number;
}

export interface Credit {
  readonly kind: 'credit';
  /** 0 = the connection. */
  readonly sub: number;
  readonly add: number;
}

export interface Pause {
  readonly kind: 'pause';
  readonly sub: number;
}

export interface Resume {
  readonly kind: 'resume';
  readonly sub: number;
}

export interface Unsubscribe {
  readonly kind: 'unsubscribe';
  readonly req: number;
  readonly sub: number;
}

export interface Unsubscribed {
  readonly kind: 'unsubscribed';
  /** 0 = the server's own act. */
  readonly req: number;
  readonly sub: number;
  readonly code: number;
  readonly retryable: boolean;
  readonly retryAfterMs: number;
  readonly resume: Uint8Array | null;
}

export interface Commit {
  readonly kind: 'commit';
  readonly req: number;
  readonly sub: number;
  readonly name: string | null;
  readonly offsets: readonly PartitionOffset[];
}

export interface Committed {
  readonly kind: 'committed';
  readonly req: number;
  readonly code: number;
  readonly results: readonly PartitionCode[];
}

export interface Publish {
  readonly kind: 'publish';
  readonly seq: bigint;
  readonly topic: string | null;
  /** −1 = by the key. */
  readonly partition: number;
  readonly acks: number;
  readonly retry: boolean;
  readonly onUnknown: number;
  /** −1 = the server's time. */
  readonly timestampMs: bigint;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly HeaderField[];
}

export interface PublishBatch {
  readonly kind: 'publishBatch';
  readonly firstSeq: bigint;
  readonly topic: string | null;
  readonly partition: number;
  readonly acks: number;
  readonly retry: boolean;
  readonly onUnknown: number;
  readonly baseTimestampMs: bigint;
  readonly count: number;
  /** Packed records, not compressed. */
  readonly payload: Uint8Array | null;
}

/** Covers `seq` … `seq + count − 1`; the i-th record has offset `baseOffset + i`. */
export interface PubResult {
  readonly kind: 'pubResult';
  readonly seq: bigint;
  readonly count: number;
  readonly code: number;
  readonly duplicate: boolean;
  readonly partition: number;
  readonly baseOffset: bigint;
  readonly timestampMs: bigint;
  readonly retryAfterMs: number;
}

export interface PubCredit {
  readonly kind: 'pubCredit';
  readonly addRecords: number;
  readonly addBytes: number;
}

export interface Ping {
  readonly kind: 'ping';
  readonly nonce: number;
  readonly sentMs: bigint;
}

export interface Pong {
  readonly kind: 'pong';
  readonly nonce: number;
  readonly sentMs: bigint;
  readonly receivedMs: bigint;
}

export interface Goaway {
  readonly kind: 'goaway';
  readonly code: number;
  readonly reconnectAfterMs: number;
  readonly closesInMs: number;
  readonly url: string | null;
  readonly tokens: readonly SubscriptionToken[];
}

export interface ErrorFrame {
  readonly kind: 'error';
  /** A `Scope`; `id` is the req, sub or stream it names, or 0. */
  readonly scope: number;
  readonly id: number;
  readonly code: number;
  readonly retryable: boolean;
  readonly retryAfterMs: number;
  readonly message: string | null;
}
