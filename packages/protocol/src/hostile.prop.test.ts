import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DecodeError, Reader, ZERO_UUID } from '@millrace/bytes';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeFrame,
  encodeFrame,
  type Frame,
  goldenFrames,
  keyOfFrame,
} from '../golden/frames.ts';
import { hostileBodies } from '../golden/hostile-frames.ts';
import { apis } from '../schemas/index.ts';
import { apiModel, type MessageModel } from '../scripts/model.ts';
import * as protocol from './index.ts';

const frames = goldenFrames();

type Mutation = (bytes: Uint8Array) => Uint8Array;

const EXTREMES = ['7fffffff', '80000000', 'ffffffff', 'ffffffff0f', 'fe', '00', 'ffff', '7fff'];

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(fc.nat(), fc.nat(255)).map(([at, value]) => (bytes: Uint8Array) => {
    const copy = bytes.slice();
    copy[at % bytes.length] = value;
    return copy;
  }),
  fc.nat().map((at) => (bytes: Uint8Array) => bytes.slice(0, at % bytes.length)),
  fc.tuple(fc.nat(), fc.constantFrom(...EXTREMES)).map(([at, hex]) => (bytes: Uint8Array) => {
    const copy = Buffer.from(bytes);
    Buffer.from(hex, 'hex').copy(copy, at % bytes.length);
    return new Uint8Array(copy);
  }),
  fc.tuple(fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 9 })).map(
    ([at, more]) =>
      (bytes: Uint8Array) =>
        splice(bytes, at % bytes.length, at % bytes.length, more),
  ),
  fc.tuple(fc.nat(), fc.nat(20)).map(
    ([at, count]) =>
      (bytes: Uint8Array) =>
        splice(bytes, at % bytes.length, (at % bytes.length) + count, new Uint8Array(0)),
  ),
  fc.tuple(fc.nat(), fc.nat(60)).map(([at, count]) => (bytes: Uint8Array) => {
    const from = at % bytes.length;
    return splice(bytes, from, from, bytes.slice(from, from + count));
  }),
);

function splice(bytes: Uint8Array, from: number, to: number, more: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([bytes.slice(0, from), more, bytes.slice(to)]));
}

/** The decoded value, or null when the frame is refused. Anything but a DecodeError is thrown on. */
function decodeOrRefuse(frame: Frame): unknown {
  try {
    return decodeFrame(frame);
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}

test('a mutated frame is refused with a DecodeError, or holds a value that survives a round trip', () => {
  let refused = 0;
  let decoded = 0;
  fc.assert(
    fc.property(
      fc.nat(frames.length - 1),
      fc.array(mutation, { minLength: 1, maxLength: 3 }),
      (index, mutations) => {
        const frame = frames[index] as Frame;
        let bytes = frame.bytes;
        for (const mutate of mutations) if (bytes.length > 0) bytes = mutate(bytes);
        const value = decodeOrRefuse({ ...frame, bytes });
        if (value === null) {
          refused++;
          return;
        }
        decoded++;
        if (changesHeader(frame, value)) return;
        expect(decodeFrame({ ...frame, bytes: encodeFrame(frame, value) })).toEqual(value);
      },
    ),
    { numRuns: 5_000 },
  );
  expect(refused).toBeGreaterThan(500);
  expect(decoded).toBeGreaterThan(500);
});

/** A mutated key or version makes a header that does not fit the body any more. */
function changesHeader(frame: Frame, value: unknown): boolean {
  const { header } = value as { header?: protocol.RequestHeader };
  const spec = header && protocol.apiSpec(header.apiKey);
  return header !== undefined && (spec === undefined || header.apiVersion !== frame.version);
}

describe('memory that a message takes once decoded', () => {
  const FREE_BYTES = 64 * 1024;
  const PER_BYTE = 16;

  type Decode = (reader: Reader, version: number) => unknown;
  const exported = protocol as unknown as Record<string, Decode>;
  const messages = apis.map(apiModel).flatMap(({ request, response }) => [request, response]);

  /** Greedy bodies for which `heapBytes` of the decoder is more than the bytes allow. */
  function excesses(
    list: readonly MessageModel[],
    heapBytesPerByte: number,
    lengthBytes: number,
    heapBytes: (decode: () => unknown) => number,
  ): string[] {
    const found: string[] = [];
    for (const message of list) {
      const decode = exported[`decode${message.root.name}`] as Decode;
      for (const version of new Set([message.range.min, message.range.max])) {
        for (const { path, bytes } of hostileBodies(message, version, lengthBytes)) {
          const reader = new Reader(bytes, 0, bytes.length, { heapBytesPerByte });
          const taken = heapBytes(() => decode(reader, version));
          const bound = FREE_BYTES + PER_BYTE * bytes.length;
          if (taken > bound) found.push(`${path} ${version}: ${taken} > ${bound}`);
        }
      }
    }
    return found;
  }

  test('is bounded by a multiple of its bytes, whatever it claims', () => {
    expect(excesses(messages, PER_BYTE, 16_384, countedBytes)).toEqual([]);
  });

  test('would not be without the budget: the count can fail', () => {
    expect(excesses(messages, 1e6, 16_384, countedBytes).length).toBeGreaterThan(20);
  });

  /** A few of them measured in the real heap, so that the count above is known to be a fair one. */
  test('is what the heap says, too', () => {
    const names = ['AddPartitionsToTxnRequest'];
    const some = messages.filter(({ root }) => names.includes(root.name));
    // A quarter less, because the heap is never measured to the byte.
    const meter = heapMeter();
    const bytes = (decode: () => unknown) => meter(decode) * 0.75;
    expect(excesses(some, PER_BYTE, 65_536, bytes)).toEqual([]);
    expect(excesses(some, 1e6, 65_536, bytes).length).toBeGreaterThan(0);
  });
});

/** What a decoded value takes in V8's heap: heads, fields, slots. 0 when the message is refused. */
function countedBytes(decode: () => unknown): number {
  try {
    return sizeOf(decode());
  } catch (error) {
    if (error instanceof DecodeError) return 0;
    throw error;
  }
}

function sizeOf(value: unknown): number {
  // The empty string and the zero id are shared.
  if (value === '' || value === ZERO_UUID) return 0;
  if (typeof value === 'string') return 16 + value.length;
  if (typeof value !== 'object' || value === null) return 0;
  if (value instanceof Uint8Array) return 104;
  const inner = Object.values(value);
  const head = Array.isArray(value) ? 32 : 24;
  return inner.reduce((sum: number, item) => sum + sizeOf(item), head + 8 * inner.length);
}

/** Measures the growth of the heap across a call whose result is kept. */
function heapMeter(): (decode: () => unknown) => number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  return (decode) => {
    collect();
    const before = process.memoryUsage().heapUsed;
    let value: unknown;
    try {
      value = decode();
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      // What was made before the refusal counts too, as far as no collection has run since.
      return process.memoryUsage().heapUsed - before;
    }
    collect();
    const bytes = process.memoryUsage().heapUsed - before;
    // Used after the measurement, so that the value is alive during it.
    return value === undefined ? 0 : bytes;
  };
}

test('every golden frame stays within the budget', () => {
  for (const frame of frames) expect(decodeOrRefuse(frame), keyOfFrame(frame)).not.toBeNull();
});
