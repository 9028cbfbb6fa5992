/** What clients of each server say, and the frames that the servers without Kafka send, made by the gateway's own codec. */
import {
  Codec,
  encodeFrame,
  encodeMessage,
  encodeResumeToken,
  type FilterNode,
  FilterOp,
  type FrameInput,
  PackedRecordsWriter,
  type ResumeToken,
  recordsFrame,
  StartKind,
} from '@millrace/gateway-protocol';
import type { Answers, Hex, ResumeTemplate, Variant } from './generator.ts';
import type { Server } from './servers.ts';

/** What a client wants: everything of a topic, or the records of one key. */
export interface Want {
  readonly topic: string;
  readonly key?: number;
  /** Where a lost connection goes on; without it a client starts at the end again. */
  readonly token?: ResumeToken;
}

const SUB = 1;
const WINDOW_BYTES = 8 << 20;
const KEY_HEADER = 'dGhlIHNhbXBsZSBub25jZQ==';
/** Makes a place that is looked for in encoded bytes unmistakable. */
const MARK = 0x7a_5b3c;
const MARK_LONG = 0x1a2b_3c4d_5e6fn;
/** Found by the generator, which writes the moment a record was due behind it. */
const STAMP_MAGIC = Uint8Array.of(1, 0x53, 0x54, 0x41, 0x4d, 0x50, 2, 3);
const STAMP_BYTES = 16;
/** A record's time in the frames of the servers without Kafka: some time of today's length. */
const SOME_TIME = 1_700_000_000_000;

export function keyName(index: number): string {
  return `k${String(index).padStart(5, '0')}`;
}

export function hex(bytes: Uint8Array): Hex {
  return Buffer.from(bytes).toString('hex');
}

/** The HTTP request of a WebSocket handshake. */
export function request(
  address: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): string {
  const all = {
    Host: address,
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': KEY_HEADER,
    'Sec-WebSocket-Version': '13',
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** The gateway's handshake, from its own origin. */
export function gatewayRequest(address: string): string {
  return request(address, '/v1/ws', {
    'Sec-WebSocket-Protocol': 'millrace.v1.fb',
    Origin: `http://${address}`,
  });
}

/** What a client of `server` says to get `want`. */
export function variant(server: Server, want: Want): Variant {
  switch (server.protocol) {
    case 'frames':
      return { request: request(server.address, `/${want.key ?? 0}`) };
    case 'nats': {
      const subject = want.key === undefined ? want.topic : `${want.topic}.${keyName(want.key)}`;
      const lines = `CONNECT {"verbose":false,"pedantic":false}\r\nSUB ${subject} 1\r\nPING\r\n`;
      return { request: request(server.address, '/'), hello: hex(Buffer.from(lines)) };
    }
    case 'gateway':
      return gatewayVariant(server.address, want);
  }
}

export const HELLO: FrameInput = { kind: 'hello', client: 'bench', credit: WINDOW_BYTES };

function gatewayVariant(address: string, want: Want): Variant {
  const subscribe = subscribeFrame(want);
  const base: Variant = {
    request: gatewayRequest(address),
    hello: hex(encodeFrame(HELLO)),
    subscribe: hex(encodeFrame(subscribe)),
  };
  return want.token === undefined ? base : { ...base, resume: resumeTemplate(want, want.token) };
}

function subscribeFrame(want: Want): FrameInput & { readonly kind: 'subscribe' } {
  return {
    kind: 'subscribe',
    req: 1,
    sub: SUB,
    topic: want.topic,
    start: StartKind.LATEST,
    credit: WINDOW_BYTES,
    filter: want.key === undefined ? [] : keyFilter(want.key),
  };
}

export function keyFilter(key: number): FilterNode[] {
  const values = [Buffer.from(keyName(key))];
  return [{ op: FilterOp.KEY_EQ, arity: 0, name: null, values }];
}

function resumeTemplate(want: Want, token: ResumeToken): ResumeTemplate {
  const positions = [{ partition: 0, epoch: -1, offset: MARK_LONG }];
  const resume = encodeResumeToken({ ...token, positions });
  const frame = encodeFrame({ ...subscribeFrame(want), start: StartKind.RESUME, resume });
  const tokenAt = Buffer.from(frame).indexOf(resume);
  const mark = Buffer.alloc(8);
  mark.writeBigInt64LE(MARK_LONG);
  return {
    bytes: hex(frame),
    tokenAt,
    tokenBytes: resume.length,
    offsetAt: tokenAt + Buffer.from(resume).indexOf(mark),
  };
}

/** What a gateway's client answers by itself. */
export function answers(): Answers {
  const credit = encodeMessage([
    { kind: 'credit', sub: SUB, add: MARK },
    { kind: 'credit', sub: 0, add: MARK },
  ]);
  const pong = encodeFrame({
    kind: 'pong',
    nonce: MARK,
    sentMs: MARK_LONG,
    receivedMs: BigInt(SOME_TIME),
  });
  const mark = Buffer.alloc(4);
  mark.writeUInt32LE(MARK);
  const longMark = Buffer.alloc(8);
  longMark.writeBigInt64LE(MARK_LONG);
  const first = Buffer.from(credit).indexOf(mark);
  return {
    credit: hex(credit),
    creditAt: [first, Buffer.from(credit).indexOf(mark, first + 4)],
    creditEvery: WINDOW_BYTES / 4,
    pong: hex(pong),
    nonceAt: Buffer.from(pong).indexOf(mark),
    sentAt: Buffer.from(pong).indexOf(longMark),
  };
}

/** A value as the generator makes it: stamp first, then letters. */
function stampedValue(valueBytes: number): Uint8Array {
  const value = new Uint8Array(valueBytes).fill(0x61);
  value.set(STAMP_MAGIC);
  value.fill(0, STAMP_MAGIC.length, STAMP_BYTES);
  return value;
}

/** The frame that the gateway makes of a batch of `records` such values. */
export function readyFrame(records: number, valueBytes: number, key?: number): Hex {
  const writer = new PackedRecordsWriter(SOME_TIME);
  const keyBytes = key === undefined ? null : Buffer.from(keyName(key));
  for (let index = 0; index < records; index++)
    writer.append(index, SOME_TIME, keyBytes, stampedValue(valueBytes));
  const payload = writer.finish();
  const frame = recordsFrame(
    {
      ...{ stream: 1, count: records, fromOffset: 0, nextOffset: records, highWatermark: records },
      ...{ baseTimestamp: SOME_TIME, leaderEpoch: 0, flags: 0, part: 0, parts: 1 },
      ...{ codec: Codec.NONE, rawSize: payload.length },
    },
    payload,
  );
  return hex(frame);
}
