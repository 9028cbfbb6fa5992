/** The scripts' own reading and writing of frames, against the gateway's codec. */
import {
  clientLimits,
  encodeFrame,
  encodeMessage,
  FilterOp,
  type FrameInput,
  PackedRecordsWriter,
  readMessage,
} from '@millrace/gateway-protocol';
import { describe, expect, it } from 'vitest';

interface Frames {
  encodeFrame(frame: object): ArrayBuffer;
  decodeFrames(message: ArrayBuffer): Record<string, unknown>[];
  firstKind(message: ArrayBuffer): string;
  eachRecord(
    records: object,
    visit: (offset: number, key: Uint8Array | null, value: Uint8Array | null) => void,
  ): void;
  text(bytes: Uint8Array): string;
}

// Plain JavaScript, which the compiler is not to look into.
const place = './lib/frames.js';
const k6 = (await import(place)) as Frames;

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const bufferOf = (view: Uint8Array) => new Uint8Array(view).buffer;

const FROM_CLIENT: readonly FrameInput[] = [
  {
    kind: 'hello',
    token: 'abc',
    client: 'k6',
    caps: 5,
    credit: 77,
    producerSession: bytes('0123456789abcdef'),
  },
  { kind: 'hello' },
  { kind: 'auth', req: 3, token: 'x'.repeat(300) },
  {
    ...{ kind: 'subscribe', req: 1, sub: 2, lane: 3, topic: 'trades', start: 2, policy: 2 },
    offsets: [{ partition: 7, offset: 12_345_678_901n, epoch: -1 }],
    filter: [{ op: FilterOp.KEY_EQ, arity: 0, name: null, values: [bytes('k00001')] }],
    ...{ maxRate: 9, maxWaitMs: 10, credit: 4096, onGap: 1 },
  },
  { kind: 'credit', sub: 1, add: 16_000_000 },
  {
    ...{ kind: 'publish', seq: 9n, topic: 't', key: bytes('k'), value: bytes('v'), retry: true },
    ...{ partition: 4, onUnknown: 1 },
  },
  { kind: 'ping', nonce: 1, sentMs: 1_700_000_000_123n },
  { kind: 'pong', nonce: 4_294_967_295, sentMs: 2n, receivedMs: 3n },
];

const FROM_SERVER: readonly FrameInput[] = [
  { kind: 'welcome', connection: 'c1', pingIntervalMs: 25_000, clusterTag: 9, sessionLastSeq: 4n },
  { kind: 'authOk', req: 1, tokenExpiresMs: 1_700_000_000_000n },
  {
    ...{ kind: 'subscribed', req: 1, sub: 1, topicId: bytes('0123456789abcdef'), more: false },
    streams: [0, 1].map((partition) => ({
      ...{ stream: partition + 5, partition, outcome: 3, code: 121, leaderEpoch: 2 },
      ...{ startOffset: 104n, logStart: 100n, highWatermark: -1n, lostFrom: 4n, lostTo: 104n },
    })),
  },
  { kind: 'progress', streams: [{ stream: 5, offset: 9_007_199_254_740_991n, epoch: 2 }] },
  { kind: 'gap', stream: 5, fromOffset: 1n, toOffset: 2n, reason: 3 },
  { kind: 'pubResult', seq: 4n, code: 131, baseOffset: 12n },
  { kind: 'goaway', code: 101, reconnectAfterMs: 5, url: 'ws://b' },
  { kind: 'error', scope: 1, id: 2, code: 107, message: 'no' },
];

/** As the scripts see a frame: numbers for bigint and boolean, undefined fields left out. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint' || typeof value === 'boolean') return Number(value);
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}

/** A filter's values are tables there, as in the schema. */
function forScript(frame: FrameInput): object {
  if (frame.kind !== 'subscribe') return frame;
  const filter = frame.filter?.map((node) => ({
    ...node,
    values: node.values.map((data) => ({ data })),
  }));
  return { ...frame, filter };
}

describe('frames for k6', () => {
  it.each(FROM_CLIENT)('writes $kind as the gateway reads it', (frame) => {
    const written = new Uint8Array(k6.encodeFrame(forScript(frame)));
    const read = readMessage(written, 'toServer', clientLimits);
    expect(read).toMatchObject({ ok: true, frames: [frame] });
  });

  it.each(FROM_SERVER)('reads $kind as the gateway writes it', (frame) => {
    const message = bufferOf(encodeFrame(frame));
    const [read] = k6.decodeFrames(message);
    expect(k6.firstKind(message)).toBe(frame.kind);
    expect(plain(read)).toMatchObject(plain(frame) as object);
  });

  it('reads joined frames and packed records of every shape', () => {
    const writer = new PackedRecordsWriter(1000);
    writer.append(0, 1000, bytes('a'), bytes('x'));
    writer.append(3, 1005, null, null, [{ name: 'h', value: bytes('1') }]);
    writer.append(4, 99_999_999_999, bytes('k'.repeat(0xfffe)), bytes('wide'));
    writer.append(
      5,
      1000,
      null,
      bytes('many'),
      Array.from({ length: 300 }, () => ({ name: 'n', value: null })),
    );
    const records: FrameInput = {
      ...{ kind: 'records', stream: 1, count: 4, fromOffset: 100n, nextOffset: 106n },
      ...{ baseTimestamp: 1000n, payload: writer.finish() },
    };
    const message = encodeMessage([{ kind: 'caughtUp', stream: 1, offset: 100n }, records]);
    const [first, second] = k6.decodeFrames(bufferOf(message));
    expect(first).toEqual({ kind: 'caughtUp', stream: 1, offset: 100 });
    const seen: unknown[] = [];
    k6.eachRecord(second ?? {}, (offset, key, value) =>
      seen.push([offset, key?.length ?? null, value === null ? null : k6.text(value)]),
    );
    expect(seen).toEqual([
      [100, 1, 'x'],
      [103, null, null],
      [104, 0xfffe, 'wide'],
      [105, null, 'many'],
    ]);
  });
});
