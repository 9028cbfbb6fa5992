import { EncodeError } from '@millrace/bytes';
import type { FrameInput } from './frames.ts';
import { type Row, type Shape, WIRE_BYTES, Wire } from './row.ts';
import { frameRows, tagOf } from './tables.ts';
import { writeUtf8 } from './utf8.ts';

type Values = Readonly<Record<string, unknown>>;

const FIRST_BYTES = 4096;

/**
 * Writes frames one behind the other, from the front to the back: a table's vtable, the table, then
 * what its fields point to. Every frame begins with the same 28 bytes:
 *
 *     0 u32 length │ 4 u32 → 16 │ 8 vtable {8, 9, tag at 8, body at 4} │ 16 i32 8 │ 20 u32 → body │ 24 u8 tag, 0 0 0
 */
class FrameWriter {
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  frames(frames: Iterable<FrameInput>): Uint8Array<ArrayBuffer> {
    this.#at = 0;
    for (const frame of frames) this.#frame(frame);
    return this.#bytes.slice(0, this.#at);
  }

  #frame(frame: FrameInput): void {
    const start = this.#at;
    const tag = tagOf(frame.kind);
    this.#reserve(28);
    const view = this.#view;
    view.setUint32(start + 4, 12, true);
    view.setUint32(start + 8, 0x0009_0008, true);
    view.setUint32(start + 12, 0x0004_0008, true);
    view.setInt32(start + 16, 8, true);
    view.setUint32(start + 24, tag, true);
    this.#at = start + 28;
    const body = this.#table((frameRows[tag - 1] as { shape: Shape }).shape, frame);
    this.#view.setUint32(start + 20, body - (start + 20), true);
    this.#align(8, 0);
    this.#view.setUint32(start, this.#at - start - 4, true);
  }

  /** Writes a table and all below it. Returns its position. */
  #table(shape: Shape, values: Values): number {
    const { rows, names, layout } = shape;
    let slots = 0;
    let room = 4;
    let hasLong = false;
    for (let slot = 0; slot < rows.length; slot++) {
      const row = rows[slot] as Row;
      if (isAbsent(row, values[names[slot] as string])) continue;
      slots = slot + 1;
      room += WIRE_BYTES[row.wire] as number;
      if (row.wire === Wire.I64) hasLong = true;
    }
    this.#align(2, 0);
    const vtable = this.#at;
    this.#reserve(4 + 2 * slots + room + 8);
    this.#bytes.fill(0, vtable, vtable + 4 + 2 * slots);
    this.#at = vtable + 4 + 2 * slots;
    // The field behind the first four bytes of the table is the largest one.
    this.#align(hasLong ? 8 : 4, hasLong ? 4 : 0);
    const position = this.#at;
    const view = this.#view;
    view.setUint16(vtable, 4 + 2 * slots, true);
    view.setUint16(vtable + 2, room, true);
    view.setInt32(position, position - vtable, true);
    let at = position + 4;
    for (const slot of layout) {
      const row = rows[slot] as Row;
      const value = values[names[slot] as string];
      if (isAbsent(row, value)) continue;
      view.setUint16(vtable + 4 + 2 * slot, at - position, true);
      if (row.wire < Wire.TEXT) this.#scalar(row, value, at);
      at += WIRE_BYTES[row.wire] as number;
    }
    this.#at = at;
    for (let slot = 0; slot < slots; slot++) {
      const row = rows[slot] as Row;
      const value = values[names[slot] as string];
      if (row.wire < Wire.TEXT || isAbsent(row, value)) continue;
      const field = position + this.#view.getUint16(vtable + 4 + 2 * slot, true);
      const target = this.#data(row, value, names[slot] as string);
      this.#view.setUint32(field, target - field, true);
    }
    return position;
  }

  #scalar(row: Row, value: unknown, at: number): void {
    const view = this.#view;
    const number = Number(value);
    if (!(number >= row.min && number <= row.max) || !Number.isInteger(number)) {
      throw new EncodeError(`${String(value)} is outside ${row.min} … ${row.max}`);
    }
    if (row.wire <= Wire.U8) view.setUint8(at, number);
    else if (row.wire === Wire.U16) view.setUint16(at, number, true);
    else if (row.wire === Wire.I64) view.setBigInt64(at, BigInt(value as bigint), true);
    else view.setUint32(at, number, true);
  }

  /** Writes what a field points to. Returns its position. */
  #data(row: Row, value: unknown, name: string): number {
    switch (row.wire) {
      case Wire.TEXT:
        return this.#text(row, value as string, name);
      case Wire.BYTES:
        return this.#blob(row, value as Uint8Array, name);
      case Wire.SCALARS:
        return this.#scalars(row, value as readonly unknown[], name);
      case Wire.STRUCTS:
        return this.#structs(row, value as readonly Values[], name);
      case Wire.TABLE:
        return this.#table(row.of as Shape, value as Values);
      default:
        return this.#tables(row, value as readonly unknown[], name);
    }
  }

  #text(row: Row, text: string, name: string): number {
    this.#align(4, 0);
    const position = this.#at;
    this.#reserve(4 + 3 * text.length + 1);
    const length = writeUtf8(text, this.#bytes, position + 4);
    checkCount(row, length, name);
    this.#view.setUint32(position, length, true);
    this.#bytes[position + 4 + length] = 0;
    this.#at = position + 5 + length;
    return position;
  }

  #blob(row: Row, bytes: Uint8Array, name: string): number {
    checkCount(row, bytes.length, name);
    const position = this.#vector(bytes.length, bytes.length, 1);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
    return position;
  }

  #scalars(row: Row, values: readonly unknown[], name: string): number {
    checkCount(row, values.length, name);
    const element = row.element as Row;
    const size = WIRE_BYTES[element.wire] as number;
    const position = this.#vector(values.length, size * values.length, size);
    for (const value of values) {
      this.#scalar(element, value, this.#at);
      this.#at += size;
    }
    return position;
  }

  #structs(row: Row, values: readonly Values[], name: string): number {
    checkCount(row, values.length, name);
    const { rows, names, places, bytes, align } = row.of as Shape;
    const position = this.#vector(values.length, bytes * values.length, align);
    for (const value of values) {
      this.#bytes.fill(0, this.#at, this.#at + bytes);
      for (let i = 0; i < rows.length; i++) {
        this.#scalar(rows[i] as Row, value[names[i] as string], this.#at + (places[i] as number));
      }
      this.#at += bytes;
    }
    return position;
  }

  #tables(row: Row, values: readonly unknown[], name: string): number {
    checkCount(row, values.length, name);
    const shape = row.of as Shape;
    const position = this.#vector(values.length, 4 * values.length, 4);
    let field = this.#at;
    this.#at += 4 * values.length;
    for (const value of values) {
      const fields = shape.isOnlyField ? { [shape.names[0] as string]: value } : value;
      const target = this.#table(shape, fields as Values);
      this.#view.setUint32(field, target - field, true);
      field += 4;
    }
    return position;
  }

  /** Makes room for a vector and writes its count. Returns its position. */
  #vector(count: number, bytes: number, align: number): number {
    this.#align(Math.max(align, 4), 4);
    const position = this.#at;
    this.#reserve(4 + bytes);
    this.#view.setUint32(position, count, true);
    this.#at = position + 4;
    return position;
  }

  /** Zeroes up to where `at + offset` is a multiple of `size`. */
  #align(size: number, offset: number): void {
    this.#reserve(8);
    while ((this.#at + offset) % size !== 0) this.#bytes[this.#at++] = 0;
  }

  #reserve(more: number): void {
    const needed = this.#at + more;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

function isAbsent(row: Row, value: unknown): boolean {
  if (value === row.absent || value === null || value === undefined) return true;
  return row.absent !== null && Array.isArray(value) && value.length === 0;
}

function checkCount(row: Row, count: number, name: string): void {
  if (count < row.min || count > row.max || (row.exact !== 0 && count !== row.exact)) {
    throw new EncodeError(`${name} has ${count} bytes or elements`);
  }
}

let writer: FrameWriter | null = null;

/** One frame with its length prefix, a multiple of 8 bytes. @throws EncodeError for impossible values. */
export function encodeFrame(frame: FrameInput): Uint8Array<ArrayBuffer> {
  return encodeMessage([frame]);
}

/** Frames back to back: one message, if there are at most 64. @throws EncodeError for impossible values. */
export function encodeMessage(frames: Iterable<FrameInput>): Uint8Array<ArrayBuffer> {
  writer ??= new FrameWriter();
  return writer.frames(frames);
}
