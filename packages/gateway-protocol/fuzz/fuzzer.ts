import { type Prng, seededPrng } from '@millrace/base';
import { readMessage } from '../src/frame-reader.ts';
import { encodeFrame, encodeMessage } from '../src/frame-writer.ts';
import { clientSamples } from '../src/frames.test-samples.ts';
import { readJsonMessage } from '../src/json-reader.ts';
import { encodeJsonFrame, type JsonFrameInput } from '../src/json-writer.ts';
import { clientLimits, serverLimits } from '../src/limits.ts';
import type { MessageReading } from '../src/message-reading.ts';
import { type ReadMessage, readBeside, sameBeside } from './beside.ts';
import { mutateBinary, mutateText } from './mutations.ts';
import { JSON_RECORDS } from './seeds.ts';

export interface FuzzOptions {
  /** Mutated messages to read. */
  readonly frames: number;
  /** The same seed gives the same messages. */
  readonly seed: number;
  /** Called now and then. */
  readonly progress?: (done: number) => void;
}

export interface FuzzResult {
  /** Messages per outcome: `ok`, `refused` (V8), `V1` … `V7`. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Processor time of reading a message, mean of all, and of the dearest batch. */
  readonly micros: number;
  readonly microsMax: number;
  /** The same mean per 1,024 bytes. */
  readonly microsPerKb: number;
  /** Largest result: estimated bytes of its objects per byte of the message, of messages ≥ 1 KiB. */
  readonly heapPerByte: number;
}

/** Messages kept for further mutation; the first ones are never given up. */
const POOL_MAX = 4096;
const BATCH = 500;

interface Format {
  readonly pool: Uint8Array[];
  readonly originals: number;
  readonly mutate: typeof mutateBinary;
  readonly read: ReadMessage;
}

/**
 * Reads mutated messages, binary and JSON, as a gateway does, and some as a client does.
 * @throws Error at the first message whose reading throws, depends on bytes beside it, or hands out
 * bytes that are not in it; the message is in the error, in hexadecimal.
 */
export function fuzz({ frames, seed, progress }: FuzzOptions): FuzzResult {
  const prng = seededPrng(seed);
  const outcomes: Record<string, number> = {};
  const formats = makeFormats();
  let bytes = 0;
  let micros = 0;
  let microsMax = 0;
  let heapPerByte = 0;
  for (let done = 0; done < frames; done += BATCH) {
    if (done % (100 * BATCH) === 0) progress?.(done);
    const format = formats[prng.below(formats.length)] as Format;
    const batch = Array.from({ length: Math.min(BATCH, frames - done) }, () =>
      format.mutate(pick(format.pool, prng), format.pool, prng),
    );
    const before = process.cpuUsage();
    const readings = batch.map((message) => readBeside(format.read, message));
    const spent = process.cpuUsage(before);
    micros += spent.user + spent.system;
    microsMax = Math.max(microsMax, (spent.user + spent.system) / batch.length);
    batch.forEach((message, i) => {
      const reading = readings[i] as MessageReading;
      bytes += message.length;
      sameBeside(format.read, message, reading);
      if (message.length >= 1024)
        heapPerByte = Math.max(heapPerByte, heapOf(reading) / message.length);
      const outcome = outcomeOf(reading);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      if (outcome === 'ok' && message.length <= 8192) keep(format, message, prng);
    });
  }
  return {
    outcomes,
    micros: micros / frames,
    microsMax,
    microsPerKb: (micros * 1024) / Math.max(bytes, 1),
    heapPerByte,
  };
}

/** A message that was read well is a good start for others. */
function keep({ pool, originals }: Format, message: Uint8Array, prng: Prng): void {
  if (pool.length < POOL_MAX) pool.push(message);
  else pool[originals + prng.below(POOL_MAX - originals)] = message;
}

function pick<T>(items: readonly T[], prng: Prng): T {
  return items[prng.below(items.length)] as T;
}

function makeFormats(): Format[] {
  const ping = { kind: 'ping', nonce: 1, sentMs: 1n } as const;
  const binary = clientSamples.flatMap((frame) => [
    encodeFrame(frame),
    encodeMessage([frame, ping]),
  ]);
  const filter = Array.from({ length: 40 }, (_, i) => ({
    op: 1,
    arity: 0,
    name: null,
    values: Array.from({ length: 24 }, (_, j) => Uint8Array.of(i, j)),
  }));
  binary.push(encodeFrame({ kind: 'subscribe', req: 1, sub: 1, topic: 't', filter }));
  const text = clientSamples.map((frame) =>
    new TextEncoder().encode(encodeJsonFrame(frame as JsonFrameInput)),
  );
  const records = encodeFrame({
    kind: 'records',
    stream: 7,
    count: 1,
    fromOffset: 100n,
    nextOffset: 104n,
    baseTimestamp: 5n,
    rawSize: 20,
    payload: new Uint8Array(20),
  });
  const states = encodeFrame({
    kind: 'subscribed',
    req: 1,
    sub: 1,
    topicId: new Uint8Array(16),
    streams: [
      {
        stream: 1,
        partition: 0,
        outcome: 3,
        code: 0,
        leaderEpoch: 2,
        startOffset: 5n,
        logStart: 6n,
        highWatermark: 7n,
        lostFrom: 5n,
        lostTo: 6n,
      },
    ],
  });
  const recordsText = new TextEncoder().encode(JSON_RECORDS);
  return [
    format([...binary], mutateBinary, (message) => readMessage(message, 'toServer', clientLimits)),
    format([records, states], mutateBinary, (message) =>
      readMessage(message, 'toClient', serverLimits),
    ),
    format(text, mutateText, (message) => readJsonMessage(message, 'toServer', clientLimits)),
    format([recordsText], mutateText, (message) =>
      readJsonMessage(message, 'toClient', serverLimits),
    ),
  ];
}

function format(pool: Uint8Array[], mutate: typeof mutateBinary, read: Format['read']): Format {
  return { pool, originals: pool.length, mutate, read };
}

function outcomeOf(reading: MessageReading): string {
  if (!reading.ok) return reading.check;
  return reading.frames.some((frame) => frame.kind === 'refused') ? 'refused' : 'ok';
}

/** Roughly the memory that V8 needs for a value, views on the message included. */
function heapOf(value: unknown): number {
  if (typeof value === 'string') return 16 + value.length;
  if (typeof value === 'bigint') return 24;
  if (value instanceof Uint8Array) return 104;
  if (typeof value !== 'object' || value === null) return 0;
  const fields = Object.values(value);
  return fields.reduce<number>((sum, field) => sum + 8 + heapOf(field), 24);
}
