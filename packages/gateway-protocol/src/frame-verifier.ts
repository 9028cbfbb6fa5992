import { TABLES_PER_FRAME_MAX } from './limits.ts';
import { type Row, type Shape, WIRE_BYTES, Wire } from './row.ts';
import { type FrameRow, frameRows } from './tables.ts';
import { isUtf8 } from './utf8.ts';

/** The checks of a message, in the order in which they are made. */
export type Check = 'V1' | 'V2' | 'V3' | 'V4' | 'V5' | 'V6' | 'V7' | 'V8';

/** Who reads: a gateway what clients sent, or a client what a gateway sent. */
export type Direction = 'toServer' | 'toClient';

/** Largest vtable: 64 slots. */
const VTABLE_BYTES_MAX = 132;

/** Numbers that the places of one frame take: every table of the budget with its 10 widest fields. */
const TAPE_LENGTH = 2 * 10 * TABLES_PER_FRAME_MAX;

/**
 * Proves that a frame can be read, without allocating anything, and writes down where everything is.
 *
 * The places stand on the `tape`, in the order in which the fields are visited: a table's fields by
 * slot, what a field points to directly behind it. A scalar leaves its position; text, bytes and
 * vectors leave the position of their data and its count; a nested table 1. An absent field leaves 0.
 * Whoever decodes follows the same order and looks at no offset again.
 *
 * Positions are those of the view, which holds the whole message; nothing outside of the frame's
 * `[start, end)` is looked at.
 */
export class FrameVerifier {
  readonly tape = new Int32Array(TAPE_LENGTH);
  /** The frame's kind, after `verify`. */
  row: FrameRow = frameRows[0] as FrameRow;
  /** The check that failed, after `verify` said no; the first one that meaning failed, else null. */
  check: Check | null = null;
  /** What failed, for the log and the Error frame: names fields, never values. */
  problem = '';

  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(this.#bytes.buffer);
  #start = 0;
  #end = 0;
  #direction: Direction = 'toServer';
  #length = 0;
  #tables = 0;
  #bytesNamed = 0;
  /** End of the last byte that something names; behind it are only zeroes. */
  #used = 0;
  #sawUnknown = false;
  #count = 0;
  // Of the table opened last.
  #vtable = 0;
  #vtableEnd = 0;
  #tableEnd = 0;

  /** Takes a message; `bytes` and `view` are the same memory. */
  message(bytes: Uint8Array, view: DataView, direction: Direction): void {
    this.#bytes = bytes;
    this.#view = view;
    this.#direction = direction;
  }

  /** V1, of the whole message: frames back to back, nothing beside them. */
  frames(bytesMax: number, framesMax: number): boolean {
    const view = this.#view;
    const total = view.byteLength;
    if (total < 16 || total > bytesMax) return this.#fail('V1', 'the message is too short or long');
    let at = 0;
    for (let count = 0; at < total; count++) {
      if (count >= framesMax) return this.#fail('V1', 'too many frames in a message');
      if (total - at < 16) return this.#fail('V1', 'a frame is shorter than 16 bytes');
      const bytes = view.getUint32(at, true) + 4;
      if (bytes < 16 || bytes % 8 !== 0 || bytes > total - at)
        return this.#fail('V1', 'frame lengths do not add up to the message');
      at += bytes;
    }
    return true;
  }

  /** V2–V8 of the frame at `[start, end)`. False when V2–V7 fail; V8 leaves its mark in `check`. */
  verify(start: number, end: number): boolean {
    this.#start = start;
    this.#end = end;
    this.#length = 0;
    this.#tables = 0;
    this.#bytesNamed = 0;
    this.#used = start + 8;
    this.#sawUnknown = false;
    this.check = null;
    this.problem = '';
    const view = this.#view;
    const root = view.getUint32(start + 4, true);
    const table = start + 4 + root;
    if (root < 4 || root % 4 !== 0 || table + 4 > end)
      return this.#fail('V2', 'the root is outside of the frame');
    if (!this.#openTable(table)) return false;
    const tagAt = this.#slot(table, this.#vtable + 4, this.#vtableEnd, this.#tableEnd, 1);
    const bodyAt = this.#slot(table, this.#vtable + 6, this.#vtableEnd, this.#tableEnd, 4);
    if (tagAt < 0 || bodyAt < 0) return this.#fail('V4', 'the union is outside of its table');
    this.#unknownSlots(2);
    const tag = tagAt === 0 ? 0 : view.getUint8(tagAt);
    const row = frameRows[tag - 1];
    if (row === undefined) return this.#fail('V6', 'unknown frame tag');
    if (!(this.#direction === 'toServer' ? row.fromClient : row.fromServer))
      return this.#fail('V6', 'a frame of the other direction');
    if (bodyAt === 0) return this.#fail('V6', 'a frame without a body');
    this.row = row;
    const body = this.#target(bodyAt);
    if (body < 0 || !this.#table(body, row.shape)) return false;
    return this.#sawUnknown || this.#padding();
  }

  /** Zeroes behind the last object are what makes a frame a multiple of 8 (V1). */
  #padding(): boolean {
    for (let at = this.#used; at < this.#end; at++)
      if (this.#bytes[at] !== 0) return this.#fail('V1', 'padding is not zero');
    return true;
  }

  /** V3 of the table at `position`, which is 4-aligned and has 4 bytes. */
  #openTable(position: number): boolean {
    if (++this.#tables > TABLES_PER_FRAME_MAX) return this.#fail('V7', 'too many tables');
    const view = this.#view;
    const vtable = position - view.getInt32(position, true);
    if (vtable < this.#start + 4 || vtable + 4 > this.#end || vtable % 2 !== 0)
      return this.#fail('V3', 'a vtable is outside of the frame');
    const vtableBytes = view.getUint16(vtable, true);
    const tableBytes = view.getUint16(vtable + 2, true);
    if (
      vtableBytes < 4 ||
      vtableBytes > VTABLE_BYTES_MAX ||
      vtableBytes % 2 !== 0 ||
      vtable + vtableBytes > this.#end
    )
      return this.#fail('V3', 'a vtable has an impossible size');
    if (tableBytes < 4 || position + tableBytes > this.#end)
      return this.#fail('V3', 'a table is outside of the frame');
    this.#vtable = vtable;
    this.#vtableEnd = vtable + vtableBytes;
    this.#tableEnd = position + tableBytes;
    this.#used = Math.max(this.#used, this.#vtableEnd, this.#tableEnd);
    return this.#name(tableBytes);
  }

  /** V4: position of the field with this vtable entry; 0 when absent, −1 when not in its table. */
  #slot(
    table: number,
    entry: number,
    vtableEnd: number,
    tableEnd: number,
    fieldBytes: number,
  ): number {
    const offset = entry < vtableEnd ? this.#view.getUint16(entry, true) : 0;
    if (offset === 0) return 0;
    const at = table + offset;
    return offset < 4 || at + fieldBytes > tableEnd || at % fieldBytes !== 0 ? -1 : at;
  }

  /** V8 of the open table: a server refuses fields it does not know, a client passes over them. */
  #unknownSlots(known: number): void {
    for (let entry = this.#vtable + 4 + 2 * known; entry < this.#vtableEnd; entry += 2) {
      if (this.#view.getUint16(entry, true) === 0) continue;
      this.#sawUnknown = true;
      if (this.#direction === 'toServer') this.#refuse('a field is not known');
      return;
    }
  }

  /** V3–V8 of a table and of all below it. */
  #table(table: number, shape: Shape): boolean {
    if (!this.#openTable(table)) return false;
    const { rows, names } = shape;
    this.#unknownSlots(rows.length);
    const vtableEnd = this.#vtableEnd;
    const tableEnd = this.#tableEnd;
    let entry = this.#vtable + 4;
    for (let slot = 0; slot < rows.length; slot++, entry += 2) {
      const row = rows[slot] as Row;
      const at = this.#slot(table, entry, vtableEnd, tableEnd, WIRE_BYTES[row.wire] as number);
      if (at < 0) return this.#fail('V4', `${names[slot]} is outside of its table`);
      if (at === 0) {
        this.tape[this.#length++] = 0;
        if (row.min > 0) this.#refuse(`${names[slot]} is missing`);
      } else if (row.wire < Wire.TEXT) {
        this.tape[this.#length++] = at;
        this.#scalar(row, at, names[slot] as string);
      } else if (!this.#data(row, at, names[slot] as string)) {
        return false;
      }
    }
    return true;
  }

  /** V8 of a scalar. */
  #scalar(row: Row, at: number, name: string): void {
    const view = this.#view;
    let value: number;
    if (row.wire <= Wire.U8) value = this.#bytes[at] as number;
    else if (row.wire === Wire.U16) value = view.getUint16(at, true);
    else if (row.wire === Wire.U32) value = view.getUint32(at, true);
    else if (row.wire === Wire.I32) value = view.getInt32(at, true);
    // Exact where it matters: the bounds of 64-bit fields are small.
    else value = view.getInt32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
    if (value < row.min || value > row.max) this.#refuse(`${name} is out of range`);
  }

  /** V5–V8 of what the field at `at` points to. */
  #data(row: Row, at: number, name: string): boolean {
    switch (row.wire) {
      case Wire.TABLE: {
        this.tape[this.#length++] = 1;
        const target = this.#target(at);
        return target >= 0 && this.#table(target, row.of as Shape);
      }
      case Wire.TEXT: {
        const data = this.#vector(row, at, 1, 1, name);
        return data >= 0 && this.#text(data, this.#count, name);
      }
      case Wire.BYTES:
        return this.#vector(row, at, 1, 1, name) >= 0;
      case Wire.SCALARS: {
        const element = row.element as Row;
        const size = WIRE_BYTES[element.wire] as number;
        const data = this.#vector(row, at, size, size, name);
        if (data < 0) return false;
        const end = data + size * this.#count;
        for (let item = data; item < end; item += size) this.#scalar(element, item, name);
        return true;
      }
      case Wire.STRUCTS: {
        const { bytes, align } = row.of as Shape;
        const data = this.#vector(row, at, bytes, align, name);
        if (data >= 0) this.#structs(row.of as Shape, data, this.#count);
        return data >= 0;
      }
      default: {
        const data = this.#vector(row, at, 4, 4, name);
        if (data < 0) return false;
        for (let item = data, left = this.#count; left > 0; item += 4, left--) {
          const target = this.#target(item);
          if (target < 0 || !this.#table(target, row.of as Shape)) return false;
        }
        return true;
      }
    }
  }

  /** V5: where the offset at `at` leads; −1 when that is not in the frame. */
  #target(at: number): number {
    const offset = this.#view.getUint32(at, true);
    const target = at + offset;
    if (offset > 0 && target % 4 === 0 && target + 4 <= this.#end) return target;
    this.#fail('V5', 'an offset leads out of the frame');
    return -1;
  }

  /** V5 and V7 of a vector; its data and count go onto the tape. Returns the data's position or −1. */
  #vector(row: Row, at: number, elementBytes: number, align: number, name: string): number {
    const target = this.#target(at);
    if (target < 0) return -1;
    const count = this.#view.getUint32(target, true);
    const data = target + 4;
    if (
      count > (this.#end - data) / elementBytes ||
      count > row.max ||
      (row.exact !== 0 && count !== row.exact) ||
      data % align !== 0
    ) {
      this.#fail('V5', `${name} has an impossible length or place`);
      return -1;
    }
    const bytes = count * elementBytes;
    if (!this.#name(bytes)) return -1;
    if (count < row.min) this.#refuse(`${name} is too short`);
    if (data + bytes > this.#used) this.#used = data + bytes;
    this.tape[this.#length++] = data;
    this.tape[this.#length++] = count;
    this.#count = count;
    return data;
  }

  /**
   * V7: objects that do not overlap have together at most the bytes of the frame. Tables count too,
   * or a list could name one of them a thousand times.
   */
  #name(bytes: number): boolean {
    this.#bytesNamed += bytes;
    return (
      this.#bytesNamed <= this.#end - this.#start ||
      this.#fail('V7', 'objects of the frame overlap')
    );
  }

  #text(data: number, count: number, name: string): boolean {
    const end = data + count;
    if (end >= this.#end || this.#bytes[end] !== 0 || !isUtf8(this.#bytes, data, end))
      return this.#fail('V5', `${name} is not text`);
    return true;
  }

  #structs(shape: Shape, data: number, count: number): void {
    const { rows, names, places, bytes } = shape;
    for (let at = data, left = count; left > 0; at += bytes, left--)
      for (let field = 0; field < rows.length; field++)
        this.#scalar(rows[field] as Row, at + (places[field] as number), names[field] as string);
  }

  #fail(check: Check, problem: string): false {
    this.check = check;
    this.problem = problem;
    return false;
  }

  /** Remembers the first thing that V8 has against the frame; the rest is still checked. */
  #refuse(problem: string): void {
    if (this.check !== null) return;
    this.check = 'V8';
    this.problem = problem;
  }
}
