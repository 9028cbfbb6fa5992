// The frames that the scripts use, in the order of the schema: name:type=default. `frames.test.ts` holds them against
// the gateway's own codec. i64 becomes a number: offsets and times are far below 2^53.

const TABLES = {
  hello:
    'protocol:u16=1 token:string client:string caps:u32 codecs:bytes credit:u32 producerSession:bytes',
  welcome:
    'connection:string node:string protocol:u16=1 caps:u32 limits:skip pingIntervalMs:u32 pongGraceMs:u32 serverTimeMs:i64 tokenExpiresMs:i64 clusterTag:u32 publishRecords:u32 publishBytes:u32 sessionLastSeq:i64=-1',
  auth: 'req:u32 token:string',
  authOk: 'req:u32 tokenExpiresMs:i64',
  tokenExpiring: 'tokenExpiresMs:i64',
  subscribe:
    'req:u32 sub:u32 lane:u8 topic:string topicId:bytes partitions:skip start:u8 offsets:position* timestampMs:i64 lastN:u32 name:string resume:bytes onGap:u8 onDiverged:u8=2 onRecreated:u8=2 filter:filterNode[] projection:u8=15 isolation:u8 policy:u8 maxRate:u32 maxWaitMs:u16 maxLagMs:u32 credit:u32 grant:string',
  subscribed: 'req:u32 sub:u32 topicId:bytes policy:u8 codec:u8 more:bool streams:stream[]',
  streamStates: 'sub:u32 more:bool streams:stream[]',
  records:
    'stream:u32 count:u32 fromOffset:i64 nextOffset:i64 highWatermark:i64=-1 baseTimestamp:i64 leaderEpoch:i32=-1 flags:u16 part:u16 parts:u16=1 codec:u8 rawSize:u32 payload:bytes',
  progress: 'streams:streamOffset*',
  caughtUp: 'stream:u32 offset:i64',
  gap: 'stream:u32 fromOffset:i64 toOffset:i64 reason:u8 leaderEpoch:i32=-1',
  credit: 'sub:u32 add:u32',
  unsubscribed: 'req:u32 sub:u32 code:u16 retryable:bool retryAfterMs:u32 resume:bytes',
  publish:
    'seq:i64 topic:string partition:i32=-1 acks:u8 retry:bool onUnknown:u8 timestampMs:i64=-1 key:bytes value:bytes headers:skip',
  pubResult:
    'seq:i64 count:u32=1 code:u16 duplicate:bool partition:i32=-1 baseOffset:i64=-1 timestampMs:i64=-1 retryAfterMs:u32',
  pubCredit: 'addRecords:u32 addBytes:u32',
  ping: 'nonce:u32 sentMs:i64',
  pong: 'nonce:u32 sentMs:i64 receivedMs:i64',
  goaway: 'code:u16 reconnectAfterMs:u32 closesInMs:u32 url:string tokens:skip',
  error: 'scope:u8 id:u32 code:u16 retryable:bool retryAfterMs:u32 message:string',
  stream:
    'stream:u32 partition:i32 outcome:u8 code:u16 leaderEpoch:i32=-1 startOffset:i64=-1 logStart:i64=-1 highWatermark:i64=-1 lostFrom:i64=-1 lostTo:i64=-1',
  filterNode: 'op:u8 arity:u8 name:string values:bytesTable[]',
  bytesTable: 'data:bytes',
};

/** Structs of 16 bytes: an i64 and two 32-bit integers. */
export const STRUCTS = {
  position: ['offset', 'partition', 'epoch'],
  streamOffset: ['offset', 'stream', 'epoch'],
};

/** Kind → tag, for the kinds above. */
export const TAGS = {
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
  unsubscribed: 17,
  publish: 20,
  pubResult: 22,
  pubCredit: 23,
  ping: 24,
  pong: 25,
  goaway: 26,
  error: 27,
};

/** Table name → its fields, one for each slot. */
export const SCHEMA = Object.fromEntries(
  Object.entries(TABLES).map(([name, text]) => [
    name,
    text.split(' ').map((field) => {
      const [, label, type, fallback] = /^(\w+):([\w*[\]]+)(?:=(-?\d+))?$/.exec(field);
      return { label, type, fallback: fallback === undefined ? 0 : Number(fallback) };
    }),
  ]),
);
