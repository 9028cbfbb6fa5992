import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DecodeError, Reader } from '@millrace/bytes';
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
    { numRuns: 20_000 },
  );
  expect(refused).toBeGreaterThan(1000);
  expect(decoded).toBeGreaterThan(1000);
});

/** A mutated key or version makes a header that does not fit the body any more. */
function changesHeader(frame: Frame, value: unknown): boolean {
  const { header } = value as { header?: protocol.RequestHeader };
  const spec = header && protocol.apiSpec(header.apiKey);
  return header !== undefined && (spec === undefined || header.apiVersion !== frame.version);
}

describe('memory that a message takes once decoded', () => {
  const LENGTH_BYTES = 128 * 1024;
  const PER_BYTE = 16;
  /** Beside the arrays' own budget: the array's growth, and what the collector leaves. */
  const SLACK = 1.25;
  const FREE_BYTES = 256 * 1024;

  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;

  /** Heap bytes that the decoded value keeps; 0 when the message is refused. */
  function retainedBytes(decode: () => unknown): number {
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
  }

  const exported = protocol as unknown as Record<string, (r: Reader, v: number) => unknown>;

  function measure(message: MessageModel, heapBytesPerByte: number): string[] {
    const excesses: string[] = [];
    const version = message.range.max;
    for (const { path, bytes } of hostileBodies(message, version, LENGTH_BYTES)) {
      const reader = new Reader(bytes, 0, bytes.length, { heapBytesPerByte });
      const taken = retainedBytes(() => exported[`decode${message.root.name}`]?.(reader, version));
      const bound = FREE_BYTES + PER_BYTE * bytes.length * SLACK;
      if (taken > bound) excesses.push(`${path} ${version}: ${taken} > ${bound}`);
    }
    return excesses;
  }

  const requests = apis.map((api) => apiModel(api).request);

  test('is bounded by a multiple of its bytes, whatever it claims', () => {
    expect(requests.flatMap((request) => measure(request, PER_BYTE))).toEqual([]);
  });

  test('would not be without the budget: the measurement can fail', () => {
    const one = requests.filter(({ root }) => root.name === 'AddPartitionsToTxnRequest');
    expect(one.flatMap((request) => measure(request, 1e6)).length).toBeGreaterThan(0);
  });
});

test('every golden frame stays within the budget', () => {
  for (const frame of frames) expect(decodeOrRefuse(frame), keyOfFrame(frame)).not.toBeNull();
});
