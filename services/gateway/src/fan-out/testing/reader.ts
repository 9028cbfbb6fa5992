import { inflateRawSync } from 'node:zlib';
import {
  Codec,
  encodeFrame,
  encodeJsonFrame,
  type Frame,
  type JsonFrameInput,
  PackedRecordsReader,
  type Records,
  RecordsFlag,
  readJsonMessage,
  readMessage,
  serverLimits,
} from '@millrace/gateway-protocol';
import { expect } from 'vitest';
import type { MemoryClient, MemoryMessage } from '../../ws/memory-socket-server.ts';
import type { Socket } from '../../ws/socket-server.ts';
import type {
  ControlLane,
  Cursor,
  CursorEvents,
  CursorOutcome,
  DeliveryTarget,
} from '../contract.ts';

/** A record as it arrived. */
export interface SeenRecord {
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
}

/** What arrived for one stream, with I1 and I2 checked on the way. */
export class SeenStream {
  /** Where the client stands; -1 before the first frame. */
  position: number;
  epoch = -1;
  readonly records: SeenRecord[] = [];
  readonly frames: Records[] = [];
  readonly gaps: { readonly from: number; readonly to: number; readonly reason: number }[] = [];
  readonly progress: number[] = [];
  readonly caughtUp: number[] = [];
  #parts: Uint8Array[] = [];

  constructor(position: number) {
    this.position = position;
  }

  take(frame: Frame): void {
    if (frame.kind === 'records') this.#records(frame);
    else if (frame.kind === 'gap') {
      const { fromOffset, toOffset, reason } = frame;
      expect(Number(fromOffset), 'a gap begins where the client stands').toBe(this.position);
      this.position = Number(toOffset);
      this.gaps.push({ from: Number(fromOffset), to: this.position, reason });
    } else if (frame.kind === 'caughtUp') this.caughtUp.push(Number(frame.offset));
  }

  /** What came of a record is void: the log was cut below it. */
  forgetParts(): void {
    this.#parts = [];
  }

  #records(frame: Records): void {
    const from = Number(frame.fromOffset);
    const next = Number(frame.nextOffset);
    if (this.position >= 0)
      expect(from, 'a frame begins where the client stands').toBe(this.position);
    expect(frame.leaderEpoch, 'the epoch does not go back').toBeGreaterThanOrEqual(this.epoch);
    this.frames.push(frame);
    this.#parts.push((frame.payload ?? new Uint8Array()).slice());
    if (frame.part < frame.parts - 1) return;
    const joined = Buffer.concat(this.#parts);
    const payload = frame.codec === Codec.DEFLATE_RAW ? inflateRawSync(joined) : joined;
    this.#parts = [];
    this.epoch = frame.leaderEpoch;
    this.position = next;
    const bounds = {
      count: frame.count,
      fromOffset: from,
      nextOffset: next,
      baseTimestamp: Number(frame.baseTimestamp),
    };
    const reader = new PackedRecordsReader(payload, bounds);
    while (reader.next()) {
      const { offset, key, value } = reader;
      this.records.push({ offset, key: text(key), value: text(value) });
    }
  }
}

function text(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('utf8');
}

class Lane implements ControlLane {
  readonly #waiting: Uint8Array[] = [];
  readonly #isText: boolean;
  bytes = 0;

  constructor(isText: boolean) {
    this.#isText = isText;
  }

  push(message: Uint8Array): void {
    this.#waiting.push(message);
    this.bytes += message.length;
  }

  flush(socket: Socket, roomBytes: number): number {
    let sent = 0;
    for (let message = this.#waiting[0]; message !== undefined; message = this.#waiting[0]) {
      if (sent + message.length > roomBytes) break;
      this.#waiting.shift();
      sent += message.length;
      socket.send(message, this.#isText);
    }
    this.bytes -= sent;
    return sent;
  }
}

/** A connection with a session that passes everything on, and a client that checks it. */
export class Reader implements DeliveryTarget, CursorEvents {
  readonly socket: Socket;
  readonly control: Lane;
  readonly isText: boolean;
  creditBytes = 1 << 30;
  readonly principalKey: string;
  readonly client: MemoryClient;
  readonly streams = new Map<number, SeenStream>();
  readonly outcomes: CursorOutcome[] = [];
  readonly messages: MemoryMessage[] = [];
  /** Announced DIVERGED: the next Progress of that stream may go back, to there. */
  readonly rewinds: { readonly stream: SeenStream; readonly to: number }[] = [];
  slowCount = 0;
  droppedCount = 0;
  unsentMax = 0;
  /** Called when there is something in the lane. */
  wake: () => void = () => {};

  constructor(socket: Socket, client: MemoryClient, isText: boolean, principalKey: string) {
    this.principalKey = principalKey;
    this.socket = socket;
    this.client = client;
    this.isText = isText;
    this.control = new Lane(isText);
  }

  stream(id: number): SeenStream {
    const stream = this.streams.get(id);
    if (stream === undefined) throw new Error(`nothing is known of stream ${id}`);
    return stream;
  }

  dropped(): void {
    this.droppedCount++;
  }

  progress(cursor: Cursor, offset: number): void {
    const { streamId: stream, leaderEpoch: epoch } = cursor;
    this.#say({ kind: 'progress', streams: [{ offset: BigInt(offset), stream, epoch }] });
  }

  gap(cursor: Cursor, from: number, to: number, reason: number): void {
    this.#say({
      kind: 'gap',
      stream: cursor.streamId,
      fromOffset: BigInt(from),
      toOffset: BigInt(to),
      reason,
      leaderEpoch: -1,
    });
  }

  caughtUp(cursor: Cursor, offset: number): void {
    this.#say({ kind: 'caughtUp', stream: cursor.streamId, offset: BigInt(offset) });
  }

  outcome(_cursor: Cursor, outcome: CursorOutcome): void {
    this.outcomes.push(outcome);
  }

  slow(): void {
    this.slowCount++;
  }

  /** The once-a-second round of the session; -1 when it says nothing. */
  round(cursor: Cursor): number {
    return cursor.progressDue() ? this.announce(cursor) : -1;
  }

  /** Progress before something that must not come without. */
  announce(cursor: Cursor): number {
    const offset = cursor.takeProgress();
    if (offset >= 0) this.progress(cursor, offset);
    return offset;
  }

  /** Looks at a message as the client does. */
  receive(message: MemoryMessage): void {
    this.messages.push(message);
    const reading = message.isText
      ? readJsonMessage(message.bytes, 'toClient', serverLimits)
      : readMessage(message.bytes, 'toClient', serverLimits);
    if (!reading.ok) throw new Error(`a bad message: ${reading.message}`);
    for (const frame of reading.frames) this.#frame(frame as Frame);
  }

  #frame(frame: Frame): void {
    if (frame.kind === 'progress') {
      for (const { stream, offset } of frame.streams) {
        const seen = this.stream(stream);
        const rewind = this.rewinds.findIndex(
          (each) => each.stream === seen && each.to === Number(offset),
        );
        if (Number(offset) < seen.position && rewind < 0) throw new Error('progress goes back');
        if (rewind >= 0) {
          this.rewinds.splice(rewind, 1);
          seen.forgetParts();
        }
        seen.position = Number(offset);
        seen.progress.push(Number(offset));
      }
    } else if (frame.kind === 'records' || frame.kind === 'gap' || frame.kind === 'caughtUp') {
      this.stream(frame.stream).take(frame);
    } else throw new Error(`an unexpected ${frame.kind}`);
  }

  #say(frame: Frame): void {
    this.control.push(
      this.isText ? Buffer.from(encodeJsonFrame(frame as JsonFrameInput)) : encodeFrame(frame),
    );
    this.wake();
  }
}

/** The frames of a stream that have a flag. */
export function withFlag(stream: SeenStream, flag: keyof typeof RecordsFlag): number {
  return stream.frames.filter((frame) => (frame.flags & RecordsFlag[flag]) !== 0).length;
}
