import { type Direction, FrameVerifier } from './frame-verifier.ts';
import type { ClientFrame, Frame, ServerFrame } from './frames.ts';
import type { ReadLimits } from './limits.ts';
import { badMessage, type MessageReading, refused } from './message-reading.ts';
import { type Row, type Shape, WIRE_BYTES, Wire } from './row.ts';
import { textOf } from './utf8.ts';

/** Makes frames from the places that the verifier has found. */
class FrameReader {
  readonly #verifier = new FrameVerifier();
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(this.#bytes.buffer);
  /** Next place on the tape. */
  #next = 0;

  read(bytes: Uint8Array, direction: Direction, limits: ReadLimits): MessageReading {
    const verifier = this.#verifier;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    verifier.message(bytes, this.#view, direction);
    const frames = [];
    if (!verifier.frames(limits.messageBytes, limits.frames))
      return badMessage('V1', verifier.problem);
    for (let at = 0; at < bytes.length; ) {
      const end = at + 4 + this.#view.getUint32(at, true);
      if (!verifier.verify(at, end)) return badMessage(verifier.check ?? 'V1', verifier.problem);
      frames.push(this.#frame(limits));
      at = end;
    }
    return { ok: true, frames };
  }

  #frame(limits: ReadLimits) {
    const { row, check, problem } = this.#verifier;
    this.#next = 0;
    const frame = this.#table(row.shape) as unknown as Frame;
    if (check !== null) return refused(row.kind, { ...frame }, problem);
    if (frame.kind === 'records' && frame.rawSize > limits.rawBytes)
      return refused(row.kind, { ...frame }, 'rawSize is above the limit');
    return frame;
  }

  #table(shape: Shape): Record<string, unknown> {
    const { rows, names } = shape;
    const values: Record<string, unknown> = { ...shape.empty };
    for (let slot = 0; slot < rows.length; slot++) {
      const place = this.#verifier.tape[this.#next++] as number;
      if (place !== 0) values[names[slot] as string] = this.#value(rows[slot] as Row, place);
    }
    return values;
  }

  #value(row: Row, at: number): unknown {
    if (row.wire < Wire.TEXT) return this.#scalar(row, at);
    if (row.wire === Wire.TABLE) return this.#table(row.of as Shape);
    const count = this.#verifier.tape[this.#next++] as number;
    if (row.wire === Wire.TEXT) return textOf(this.#bytes, at, at + count);
    if (row.wire === Wire.BYTES)
      return row.isPayload
        ? this.#bytes.subarray(at, at + count)
        : this.#bytes.slice(at, at + count);
    const values: unknown[] = [];
    if (row.wire === Wire.TABLES) {
      const shape = row.of as Shape;
      for (let i = 0; i < count; i++) values.push(this.#element(shape));
    } else if (row.wire === Wire.STRUCTS) {
      const shape = row.of as Shape;
      for (let i = 0; i < count; i++) values.push(this.#struct(shape, at + i * shape.bytes));
    } else {
      const element = row.element as Row;
      const size = WIRE_BYTES[element.wire] as number;
      for (let i = 0; i < count; i++) values.push(this.#scalar(element, at + i * size));
    }
    return values;
  }

  #element(shape: Shape): unknown {
    if (!shape.isOnlyField) return this.#table(shape);
    const place = this.#verifier.tape[this.#next++] as number;
    return place === 0 ? NO_BYTES : this.#value(shape.rows[0] as Row, place);
  }

  #struct(shape: Shape, at: number): Record<string, unknown> {
    const { rows, names, places } = shape;
    const values: Record<string, unknown> = { ...shape.empty };
    for (let field = 0; field < rows.length; field++)
      values[names[field] as string] = this.#scalar(
        rows[field] as Row,
        at + (places[field] as number),
      );
    return values;
  }

  #scalar(row: Row, at: number): unknown {
    switch (row.wire) {
      case Wire.BOOL:
        return this.#bytes[at] !== 0;
      case Wire.U8:
        return this.#bytes[at];
      case Wire.U16:
        return this.#view.getUint16(at, true);
      case Wire.I32:
        return this.#view.getInt32(at, true);
      case Wire.U32:
        return this.#view.getUint32(at, true);
      default:
        return this.#view.getBigInt64(at, true);
    }
  }
}

const NO_BYTES = new Uint8Array(0);
let reader: FrameReader | null = null;

/**
 * Verifies and reads a binary message. Never throws, whatever the bytes are. Keys, values,
 * header values and payloads are views on `bytes`: whoever keeps one beyond the message copies it.
 */
export function readMessage(
  bytes: Uint8Array,
  direction: 'toServer',
  limits: ReadLimits,
): MessageReading<ClientFrame>;
export function readMessage(
  bytes: Uint8Array,
  direction: 'toClient',
  limits: ReadLimits,
): MessageReading<ServerFrame>;
export function readMessage(
  bytes: Uint8Array,
  direction: Direction,
  limits: ReadLimits,
): MessageReading {
  reader ??= new FrameReader();
  return reader.read(bytes, direction, limits);
}
