import {
  Acks,
  Codec,
  FilterOp,
  GapReason,
  Isolation,
  OnLoss,
  OnUnknown,
  Outcome,
  Policy,
  Scope,
  StartKind,
} from './enums.ts';
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
import type { Frame, FrameKind, FrameOf } from './frames.ts';
import {
  FILTER_NODES_MAX,
  FILTER_VALUES_MAX,
  GOAWAY_TOKENS_MAX,
  LAST_N_MAX,
  MAX_WAIT_MS_MAX,
  NAME_BYTES_MAX,
  PROGRESS_ENTRIES_MAX,
  PUBLISH_BATCH_RECORDS_MAX,
  PUBLISH_HEADERS_MAX,
  RESUME_TOKEN_BYTES_MAX,
  STREAM_LIST_MAX,
  STREAMS_MAX,
  TOKEN_BYTES_MAX,
  TOPIC_BYTES_MAX,
  WINDOW_BYTES_MAX,
} from './limits.ts';
import {
  bool,
  bytes,
  frameShape,
  i32,
  i64,
  id,
  oneOf,
  payload,
  type Row,
  type RowsOf,
  type Shape,
  scalars,
  shape,
  struct,
  structs,
  table,
  tables,
  text,
  u8,
  u16,
  u32,
  wrapper,
} from './row.ts';

/** A frame kind: its place in the union is its tag − 1. */
export interface FrameRow {
  readonly kind: FrameKind;
  readonly shape: Shape;
  /** A client may send it; a server may send it. */
  readonly fromClient: boolean;
  readonly fromServer: boolean;
}

const codec = oneOf(Codec.ZSTD);
const topicId = id(16, 16);
const nonZero = u32(1);
const offset = i64(0, 0n);
const offsetOrNone = i64(-1, -1n);
/** A leader epoch, or a partition, that need not be known. */
const orNone = i32(-1, -1);
const code = u16();
const time = i64(0, 0n);
const token = text(TOKEN_BYTES_MAX, 1);
const topic = text(TOPIC_BYTES_MAX, 1);
const note = text();

const partitionOffset = struct<PartitionOffset>({
  offset: i64(0, -1n),
  partition: i32(0, -1),
  epoch: orNone,
});
const streamOffset = struct<StreamOffset>({ offset: i64(0, -1n), stream: u32(), epoch: orNone });
const partitionCode = struct<PartitionCode>({ partition: i32(0, -1), code });
const header = shape<HeaderField>({ name: note, value: payload() });
const filterNode = shape<FilterNode>({
  op: oneOf(FilterOp.NOT),
  arity: u8(FILTER_NODES_MAX),
  name: note,
  values: tables(wrapper('data', bytes()), FILTER_VALUES_MAX),
});
const limits = shape<Limits>({
  messageBytes: u32(),
  frames: u16(),
  subscriptions: u16(),
  streams: u16(),
  filterNodes: u16(),
  filterDepth: u16(),
  filterValues: u16(),
  filterBytes: u32(),
  recordBytes: u32(),
  publishBytes: u32(),
});
const stream = shape<StreamInfo>({
  stream: u32(),
  partition: i32(0, 0),
  outcome: oneOf(Outcome.FAILED),
  code,
  leaderEpoch: orNone,
  startOffset: offsetOrNone,
  logStart: offsetOrNone,
  highWatermark: offsetOrNone,
  lostFrom: offsetOrNone,
  lostTo: offsetOrNone,
});
const streams = tables(stream, STREAM_LIST_MAX);
const resumeToken = shape<SubscriptionToken>({ sub: nonZero, token: id(RESUME_TOKEN_BYTES_MAX) });

const published = {
  topic,
  partition: orNone,
  acks: oneOf(Acks.LEADER),
  retry: bool,
  onUnknown: oneOf(OnUnknown.RESEND),
};

/** The subscription's filter, which JSON writes as a tree. */
export const filterRow: Row = tables(filterNode, FILTER_NODES_MAX);

/** In the order of the tags. */
const rows: { readonly [K in FrameKind]: RowsOf<FrameOf<K>> } = {
  hello: {
    protocol: u16(0xffff, 1),
    token: text(TOKEN_BYTES_MAX),
    client: text(NAME_BYTES_MAX),
    caps: u32(),
    codecs: scalars(codec, Codec.ZSTD + 1),
    credit: u32(0, WINDOW_BYTES_MAX),
    producerSession: id(16, 16),
  },
  welcome: {
    connection: note,
    node: note,
    protocol: u16(0xffff, 1),
    caps: u32(),
    limits: table(limits),
    pingIntervalMs: u32(),
    pongGraceMs: u32(),
    serverTimeMs: time,
    tokenExpiresMs: time,
    clusterTag: u32(),
    publishRecords: u32(),
    publishBytes: u32(),
    sessionLastSeq: offsetOrNone,
  },
  auth: { req: nonZero, token },
  authOk: { req: u32(), tokenExpiresMs: time },
  tokenExpiring: { tokenExpiresMs: time },
  subscribe: {
    req: nonZero,
    sub: nonZero,
    lane: u8(3),
    topic: text(TOPIC_BYTES_MAX),
    topicId,
    partitions: scalars(i32(0, 0), STREAMS_MAX),
    start: oneOf(StartKind.KEY_SNAPSHOT),
    offsets: structs(partitionOffset, STREAMS_MAX),
    timestampMs: time,
    lastN: u32(0, LAST_N_MAX),
    name: text(NAME_BYTES_MAX),
    resume: id(RESUME_TOKEN_BYTES_MAX),
    onGap: oneOf(OnLoss.FAIL, OnLoss.NEAREST),
    onDiverged: oneOf(OnLoss.FAIL, OnLoss.FAIL),
    onRecreated: oneOf(OnLoss.FAIL, OnLoss.FAIL),
    filter: filterRow,
    projection: u8(15, 15),
    isolation: oneOf(Isolation.UNCOMMITTED),
    policy: oneOf(Policy.DROP_OLDEST),
    maxRate: u32(),
    maxWaitMs: u16(MAX_WAIT_MS_MAX),
    maxLagMs: u32(),
    credit: u32(0, WINDOW_BYTES_MAX),
    grant: text(TOKEN_BYTES_MAX),
  },
  subscribed: {
    req: u32(),
    sub: nonZero,
    topicId,
    policy: oneOf(Policy.DROP_OLDEST),
    codec,
    more: bool,
    streams,
  },
  streamStates: { sub: nonZero, more: bool, streams },
  records: {
    stream: u32(),
    count: nonZero,
    fromOffset: offset,
    nextOffset: offset,
    highWatermark: offsetOrNone,
    baseTimestamp: i64(Number.NEGATIVE_INFINITY, 0n),
    leaderEpoch: orNone,
    flags: u16(),
    part: u16(),
    parts: u16(0xffff, 1),
    codec,
    rawSize: u32(),
    payload: payload(),
  },
  progress: { streams: structs(streamOffset, PROGRESS_ENTRIES_MAX) },
  caughtUp: { stream: u32(), offset },
  gap: {
    stream: u32(),
    fromOffset: offset,
    toOffset: offset,
    reason: oneOf(GapReason.UNREADABLE),
    leaderEpoch: orNone,
  },
  credit: { sub: u32(), add: u32(0, WINDOW_BYTES_MAX) },
  pause: { sub: nonZero },
  resume: { sub: nonZero },
  unsubscribe: { req: nonZero, sub: nonZero },
  unsubscribed: {
    req: u32(),
    sub: nonZero,
    code,
    retryable: bool,
    retryAfterMs: u32(),
    resume: id(RESUME_TOKEN_BYTES_MAX),
  },
  commit: {
    req: nonZero,
    sub: nonZero,
    name: text(NAME_BYTES_MAX, 1),
    offsets: structs(partitionOffset, STREAMS_MAX),
  },
  committed: { req: u32(), code, results: structs(partitionCode, STREAMS_MAX) },
  publish: {
    seq: i64(1, 0n),
    ...published,
    timestampMs: offsetOrNone,
    key: payload(),
    value: payload(),
    headers: tables(header, PUBLISH_HEADERS_MAX),
  },
  publishBatch: {
    firstSeq: i64(1, 0n),
    ...published,
    baseTimestampMs: time,
    count: u32(1, PUBLISH_BATCH_RECORDS_MAX),
    payload: payload(1),
  },
  pubResult: {
    seq: i64(0, 0n),
    count: u32(0, 0xffffffff, 1),
    code,
    duplicate: bool,
    partition: orNone,
    baseOffset: offsetOrNone,
    timestampMs: offsetOrNone,
    retryAfterMs: u32(),
  },
  pubCredit: { addRecords: u32(), addBytes: u32() },
  ping: { nonce: u32(), sentMs: time },
  pong: { nonce: u32(), sentMs: time, receivedMs: time },
  goaway: {
    code,
    reconnectAfterMs: u32(),
    closesInMs: u32(),
    url: note,
    tokens: tables(resumeToken, GOAWAY_TOKENS_MAX),
  },
  error: {
    scope: oneOf(Scope.CONNECTION),
    id: u32(),
    code,
    retryable: bool,
    retryAfterMs: u32(),
    message: note,
  },
};

const CLIENT_KINDS: readonly Frame['kind'][] = [
  'hello',
  'auth',
  'subscribe',
  'credit',
  'pause',
  'resume',
  'unsubscribe',
  'commit',
  'publish',
  'publishBatch',
  'ping',
  'pong',
];

/** Every frame kind by tag − 1. */
export const frameRows: readonly FrameRow[] = (Object.keys(rows) as FrameKind[]).map((kind) => {
  const fromClient = CLIENT_KINDS.includes(kind);
  const fromServer = !fromClient || kind === 'ping' || kind === 'pong';
  return { kind, shape: frameShape(kind, rows[kind]), fromClient, fromServer };
});

const tags = new Map<FrameKind, number>(frameRows.map(({ kind }, at) => [kind, at + 1]));

/** The tag of a frame kind, the same as in `FrameTag`. */
export function tagOf(kind: FrameKind): number {
  return tags.get(kind) as number;
}
