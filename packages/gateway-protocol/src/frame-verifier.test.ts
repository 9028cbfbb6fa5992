import { Builder } from 'flatbuffers';
import { describe, expect, test } from 'vitest';
import { readMessage } from './frame-reader.ts';
import { FrameVerifier } from './frame-verifier.ts';
import { encodeFrame, encodeMessage } from './frame-writer.ts';
import { clientSample, clientSamples } from './frames.test-samples.ts';
import { type Frame, FrameTag } from './frames.ts';
import { clientLimits, helloLimits, serverLimits } from './limits.ts';
import { padded } from './stock.test-frames.ts';
import { frameRows } from './tables.ts';

const read = (bytes: Uint8Array) => readMessage(bytes, 'toServer', clientLimits);

/** The check that a message fails; null when it fails none. */
function checkOf(bytes: Uint8Array): string | null {
  const reading = read(bytes);
  if (!reading.ok) {
    expect(reading).toMatchObject({ closeCode: 4501, errorCode: 107 });
    return reading.check;
  }
  const refusal = reading.frames.find((frame) => frame.kind === 'refused');
  return refusal === undefined ? null : 'V8';
}

/** The frame with the number at `at` replaced. */
function patched(frame: Uint8Array, at: number, value: number, bytes: 1 | 2 | 4 = 4): Uint8Array {
  const copy = frame.slice();
  const view = new DataView(copy.buffer);
  if (bytes === 1) view.setUint8(at, value);
  else if (bytes === 2) view.setUint16(at, value, true);
  else view.setUint32(at, value, true);
  return copy;
}

// The places that every frame of our writer has (frame-writer.ts).
const ROOT = 4;
const FRAME_VTABLE = 8;
const FRAME_TABLE = 16;
const BODY = 20;
const TAG = 24;

const word = (frame: Uint8Array, at: number) => new DataView(frame.buffer).getInt32(at, true);
const bodyOf = (frame: Uint8Array) => BODY + word(frame, BODY);
const vtableOf = (frame: Uint8Array) => bodyOf(frame) - word(frame, bodyOf(frame));

/** Entry of a field in the vtable of the frame's body. */
function entryOf(frame: Uint8Array, name: string): number {
  const names = frameRows[(frame[TAG] as number) - 1]?.shape.names ?? [];
  return vtableOf(frame) + 4 + 2 * names.indexOf(name);
}

function fieldOf(frame: Uint8Array, name: string): number {
  return bodyOf(frame) + new DataView(frame.buffer).getUint16(entryOf(frame, name), true);
}

/** The count of a string or vector, behind which are its data. */
function countOf(frame: Uint8Array, name: string): number {
  return fieldOf(frame, name) + word(frame, fieldOf(frame, name));
}

const ping = encodeFrame(clientSample('ping'));
const publish = encodeFrame(clientSample('publish'));
const hello = encodeFrame(clientSample('hello'));
const subscribe = encodeFrame(clientSample('subscribe'));
const longPublish = encodeFrame({ ...clientSample('publish'), value: new Uint8Array(300) });
const zeroTopic = encodeFrame({ kind: 'publish', seq: 1n, topic: '\0' });
/** So many partitions as there may be, and text behind them. */
const partitions = encodeFrame({
  ...clientSample('subscribe'),
  partitions: Array.from({ length: 1024 }, () => 0),
});
/** The first offset is the count of one struct, if the vector began 4 bytes later. */
const offsets = encodeFrame({
  ...clientSample('commit'),
  offsets: [1, 2].map((partition) => ({ offset: 1n, partition, epoch: 0 })),
});
const SUM = 'frame lengths do not add up to the message';
const pings = (count: number) =>
  encodeMessage(Array.from({ length: count }, () => clientSample('ping')));

describe('C05, C06: each check violated alone', () => {
  test.each<[string, string, Uint8Array, string?]>([
    ['V1', 'empty message', new Uint8Array(0)],
    ['V1', 'shorter than any frame', new Uint8Array(8)],
    ['V1', 'length too small', patched(ping, 0, ping.length - 12)],
    ['V1', 'length too large', patched(ping, 0, ping.length + 4), SUM],
    [
      'V1',
      'length no multiple of 8',
      patched(new Uint8Array([...ping, 0, 0, 0, 0]), 0, ping.length),
      SUM,
    ],
    ['V1', 'frame of 8 bytes', new Uint8Array([4, 0, 0, 0, 0, 0, 0, 0, ...ping]), SUM],
    ['V1', 'length −1', patched(ping, 0, -1)],
    ['V1', 'length 0', patched(ping, 0, 0)],
    ['V1', 'message above the limit', new Uint8Array(65_544)],
    ['V1', '65 frames', pings(65)],
    ['V1', 'padding not zero', patched(publish, publish.length - 1, 1, 1)],
    ['V2', 'root 0', patched(ping, ROOT, 0)],
    ['V2', 'root odd', patched(ping, ROOT, 13)],
    ['V2', 'root beyond the end', patched(ping, ROOT, ping.length)],
    ['V2', 'root at its most', patched(ping, ROOT, -4)],
    ['V3', 'vtable before the frame', patched(ping, FRAME_TABLE, 100)],
    ['V3', 'vtable behind the frame', patched(ping, FRAME_TABLE, -1000)],
    [
      'V3',
      'vtable at an odd place',
      patched(ping, FRAME_TABLE, 7),
      'a vtable is outside of the frame',
    ],
    ['V3', 'vtable of odd size', patched(ping, vtableOf(ping), 9, 2)],
    ['V3', 'vtable too small', patched(ping, vtableOf(ping), 2, 2)],
    ['V3', 'vtable too large', patched(longPublish, vtableOf(longPublish), 134, 2)],
    ['V3', 'vtable beyond the end', patched(ping, vtableOf(ping), 60, 2)],
    ['V3', 'table too small', patched(ping, vtableOf(ping) + 2, 3, 2)],
    ['V3', 'table beyond the end', patched(ping, vtableOf(ping) + 2, 500, 2)],
    ['V4', 'field before its table', patched(publish, entryOf(publish, 'retry'), 2, 2)],
    ['V4', 'field partly in its table', patched(ping, entryOf(ping, 'nonce'), 14, 2)],
    ['V4', 'field not aligned', patched(ping, entryOf(ping, 'sentMs'), 8, 2)],
    ['V4', 'tag not in its table', patched(ping, FRAME_VTABLE + 4, 40, 2)],
    ['V5', 'offset 0', patched(ping, BODY, 0)],
    ['V5', 'offset beyond the end', patched(ping, BODY, 4000)],
    ['V5', 'offset −1', patched(ping, BODY, -1)],
    ['V5', 'offset to an odd place', patched(ping, BODY, word(ping, BODY) + 2)],
    ['V5', 'count does not fit', patched(publish, countOf(publish, 'value'), 5000)],
    ['V5', 'count × size overflows', patched(subscribe, countOf(subscribe, 'offsets'), 1 << 28)],
    ['V5', 'count −1', patched(subscribe, countOf(subscribe, 'partitions'), -1)],
    [
      'V5',
      'count above the limit of the field',
      patched(partitions, countOf(partitions, 'partitions'), 1025),
    ],
    [
      'V5',
      'structs not aligned',
      patched(offsets, fieldOf(offsets, 'offsets'), word(offsets, fieldOf(offsets, 'offsets')) + 4),
    ],
    ['V5', 'an id of 15 bytes', patched(hello, countOf(hello, 'producerSession'), 15)],
    ['V5', 'an id of 0 bytes', patched(hello, countOf(hello, 'producerSession'), 0)],
    ['V5', 'text without its zero', patched(publish, countOf(publish, 'topic') + 10, 1, 1)],
    ['V5', 'text not UTF-8', patched(publish, countOf(publish, 'topic') + 4, 0xc0, 1)],
    ['V6', 'unknown tag', patched(ping, TAG, 28, 1)],
    ['V6', 'tag 0', patched(ping, TAG, 0, 1)],
    ['V6', 'tag left out', patched(ping, FRAME_VTABLE + 4, 0, 2)],
    ['V6', 'body left out', patched(ping, FRAME_VTABLE + 6, 0, 2)],
    ['V6', 'a frame of a server', encodeFrame({ kind: 'authOk', req: 1 })],
    ['V7', 'overlapping vectors', overlapping()],
    ['V7', 'more than 1,200 tables', manyTables()],
    ['V8', 'enum beyond its values', patched(subscribe, fieldOf(subscribe, 'start'), 8, 1)],
    ['V8', 'enum in a vector', patched(hello, countOf(hello, 'codecs') + 4, 4, 1)],
    ['V8', 'integer beyond its limit', patched(subscribe, fieldOf(subscribe, 'lane'), 4, 1)],
    ['V8', 'boolean 2', patched(publish, fieldOf(publish, 'retry'), 2, 1)],
    ['V8', 'negative offset', patched(subscribe, countOf(subscribe, 'offsets') + 8, -1)],
    ['V8', 'seq above 2^63 − 1', patched(publish, fieldOf(publish, 'seq') + 4, -1)],
    ['V8', 'required text left out', encodeFrame({ kind: 'publish', seq: 1n })],
    ['V8', 'required text empty', patched(zeroTopic, countOf(zeroTopic, 'topic'), 0)],
    ['V8', 'sub 0', encodeFrame({ kind: 'pause' })],
  ])('%s %s', (check, _, bytes, problem = '') => {
    expect(checkOf(bytes)).toBe(check);
    expect(read(bytes)).toMatchObject(problem === '' ? {} : { message: problem });
  });

  test('64 frames, the longest message and a Hello at its limit are read', () => {
    expect(checkOf(pings(64))).toBe(null);
    const room =
      65_536 -
      encodeFrame({ kind: 'publish', seq: 1n, topic: 't', value: new Uint8Array(0) }).length;
    const longest = encodeFrame({
      kind: 'publish',
      seq: 1n,
      topic: 't',
      value: new Uint8Array(room),
    });
    expect(longest.length).toBe(65_536);
    expect(checkOf(longest)).toBe(null);
    expect(readMessage(longest, 'toServer', helloLimits)).toMatchObject({ ok: false, check: 'V1' });
  });

  test('a refused frame tells whose it is; the frames beside it are read', () => {
    const bad = patched(subscribe, fieldOf(subscribe, 'lane'), 4, 1);
    const message = new Uint8Array(ping.length + bad.length + publish.length);
    message.set(ping);
    message.set(bad, ping.length);
    message.set(publish, ping.length + bad.length);
    expect(read(message)).toEqual({
      ok: true,
      frames: [
        clientSample('ping'),
        {
          kind: 'refused',
          frame: 'subscribe',
          check: 'V8',
          errorCode: 107,
          message: 'lane is out of range',
          req: 4,
          sub: 5,
          seq: 0n,
          count: 1,
        },
        clientSample('publish'),
      ],
    });
  });

  test('a refused frame tells no sequence number that cannot be answered', () => {
    const bytes = encodeFrame({ kind: 'ping', nonce: 1, sentMs: 1n });
    const publish = encodeFrame({ kind: 'publish', seq: 0x0102030405060708n, topic: 't' });
    const at = publish.findIndex((byte, i) => byte === 8 && publish[i + 7] === 1);
    publish.fill(0xff, at, at + 8);
    const reading = readMessage(Buffer.concat([publish, bytes]), 'toServer', clientLimits);
    expect(reading).toMatchObject({
      ok: true,
      frames: [{ kind: 'refused', message: 'seq is out of range', seq: 0n }, { kind: 'ping' }],
    });
  });

  test('a block larger than the reader allows is refused before anything is allocated', () => {
    const frame = encodeFrame({
      kind: 'records',
      stream: 1,
      count: 1,
      rawSize: serverLimits.rawBytes + 1,
    });
    expect(readMessage(frame, 'toClient', serverLimits)).toMatchObject({
      ok: true,
      frames: [{ kind: 'refused', message: 'rawSize is above the limit' }],
    });
  });
});

describe('C07: what is not known', () => {
  /** A Ping or Pong of a later version, with a field that this one does not know. */
  function withUnknownField(kind: 'ping' | 'pong', isText: boolean): Uint8Array {
    const builder = new Builder(64);
    const later = isText ? builder.createString('later') : 0;
    builder.startObject(9);
    builder.addFieldInt32(0, 7, 0);
    if (isText) builder.addFieldOffset(8, later, 0);
    else builder.addFieldInt32(8, 1, 0);
    const body = builder.endObject();
    builder.startObject(2);
    builder.addFieldInt8(0, FrameTag[kind], 0);
    builder.addFieldOffset(1, body, 0);
    builder.finishSizePrefixed(builder.endObject());
    return padded(builder.asUint8Array());
  }

  test.each([true, false])(
    'an unknown field: a server refuses the frame, a client passes over it',
    (isText) => {
      expect(read(withUnknownField('ping', isText))).toMatchObject({
        ok: true,
        frames: [{ kind: 'refused', frame: 'ping', message: 'a field is not known' }],
      });
      expect(readMessage(withUnknownField('pong', isText), 'toClient', serverLimits)).toEqual({
        ok: true,
        frames: [{ kind: 'pong', nonce: 7, sentMs: 0n, receivedMs: 0n }],
      });
    },
  );

  test('unknown tags and frames of the other direction spoil the message on both sides', () => {
    expect(readMessage(patched(ping, TAG, 28, 1), 'toClient', serverLimits)).toMatchObject({
      check: 'V6',
    });
    expect(readMessage(subscribe, 'toClient', serverLimits)).toMatchObject({ check: 'V6' });
  });
});

describe('C06: any byte of any frame', () => {
  const samples = clientSamples.map((frame): [string, Frame] => [frame.kind, frame]);

  test.each(samples)(
    '%s: no flipped bit, cut or length makes the reader leave the frame',
    (_, frame) => {
      const bytes = encodeFrame(frame);
      const verify = guardedVerifier(bytes.length);
      const view = new DataView(bytes.buffer);
      let refused = 0;
      const attempt = () => {
        if (!verify(bytes)) refused++;
        read(bytes);
      };
      for (let at = 0; at < bytes.length; at++) {
        const byte = bytes[at] as number;
        for (let bit = 0; bit < 8; bit++) {
          bytes[at] = byte ^ (1 << bit);
          attempt();
        }
        bytes[at] = byte;
      }
      for (let at = 0; at + 4 <= bytes.length; at += 2) {
        const before = view.getUint32(at, true);
        for (const value of [-1, 0, 0x7fffffff, 0x80000000, bytes.length - at]) {
          view.setUint32(at, value, true);
          attempt();
        }
        view.setUint32(at, before, true);
      }
      for (let length = 0; length < bytes.length; length++) {
        const cut = bytes.slice(0, length);
        if (length >= 4) new DataView(cut.buffer).setUint32(0, length - 4, true);
        read(cut);
        if (length >= 8) guardedVerifier(length)(cut);
      }
      expect(refused).toBeGreaterThan(bytes.length);
      expect(read(bytes)).toEqual({ ok: true, frames: [frame] });
    },
  );

  /**
   * A verifier whose frame of `length` bytes lies between other bytes; a look at one of them throws.
   * Returns whether the frame passed V2–V7.
   */
  function guardedVerifier(length: number): (frame: Uint8Array) => boolean {
    const before = 64;
    const memory = new Uint8Array(before + length + 64).fill(0xff);
    const guard = (at: number, bytes: number) => {
      if (at >= before && at + bytes <= before + length) return at;
      throw new Error(`read ${bytes} bytes at ${at - before} of ${length}`);
    };
    const view = guarded(memory, guard);
    const bytes = new Proxy(memory, {
      get(target, name) {
        return target[guard(Number(name), 1)];
      },
    });
    const verifier = new FrameVerifier();
    verifier.message(bytes, view, 'toServer');
    return (frame) => {
      memory.set(frame, before);
      return verifier.verify(before, before + length);
    };
  }
});

/** A view with a guard in front of everything that the verifier reads with. */
function guarded(memory: Uint8Array, guard: (at: number, bytes: number) => number): DataView {
  const plain = new DataView(memory.buffer);
  return Object.assign(new DataView(memory.buffer), {
    getUint8: (at: number) => plain.getUint8(guard(at, 1)),
    getUint16: (at: number) => plain.getUint16(guard(at, 2), true),
    getUint32: (at: number) => plain.getUint32(guard(at, 4), true),
    getInt32: (at: number) => plain.getInt32(guard(at, 4), true),
  });
}

/** A Subscribe of 3 KB whose filter names the same 1,000 bytes over and over: 1 MB in all. */
function overlapping(): Uint8Array {
  const builder = new Builder(4096);
  const data = builder.createString('x'.repeat(1000));
  builder.startObject(1);
  builder.addFieldOffset(0, data, 0);
  const bytes = builder.endObject();
  const values = vectorOf(builder, Array<number>(16).fill(bytes));
  builder.startObject(4);
  builder.addFieldOffset(3, values, 0);
  const node = builder.endObject();
  return subscribeFrame(builder, vectorOf(builder, Array<number>(64).fill(node)));
}

/** A Subscribe whose two filter nodes have 700 values each, every one a table of its own. */
function manyTables(): Uint8Array {
  const builder = new Builder(4096);
  const nodes = [1, 2].map(() => {
    const tables = Array.from({ length: 700 }, () => {
      builder.startObject(1);
      return builder.endObject();
    });
    const values = vectorOf(builder, tables);
    builder.startObject(4);
    builder.addFieldOffset(3, values, 0);
    return builder.endObject();
  });
  return subscribeFrame(builder, vectorOf(builder, nodes));
}

function vectorOf(builder: Builder, offsets: readonly number[]): number {
  builder.startVector(4, offsets.length, 4);
  for (const offset of offsets) builder.addOffset(offset);
  return builder.endVector();
}

function subscribeFrame(builder: Builder, filter: number): Uint8Array {
  builder.startObject(24);
  builder.addFieldInt32(0, 1, 0);
  builder.addFieldInt32(1, 1, 0);
  builder.addFieldOffset(15, filter, 0);
  const body = builder.endObject();
  builder.startObject(2);
  builder.addFieldInt8(0, FrameTag.subscribe, 0);
  builder.addFieldOffset(1, body, 0);
  builder.finishSizePrefixed(builder.endObject());
  return padded(builder.asUint8Array());
}
