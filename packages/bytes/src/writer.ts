import { EncodeError } from './decode-error.ts';
import type { FileSlice, Piece } from './file-slice.ts';
import { encodeText, stringBytes } from './text.ts';
import { type Uuid, uuidToBytes } from './uuid.ts';
import { unsignedVarintSize } from './varint.ts';

const TWO_32 = 0x1_0000_0000;
const FIRST_BYTES = 256;
/** More own memory than this is given back at the next reset, so that one large message is not kept. */
const KEPT_BYTES_MAX = 1 << 20;
/** Longer texts go to TextEncoder: below, a loop over characters is faster. */
const SHORT_TEXT_MAX = 48;

interface Cut {
  readonly position: number;
  readonly slice: FileSlice;
}

/**
 * Writes big-endian values one after the other into memory of its own, which grows, or into memory
 * given to `reset` for as long as the message fits there.
 *
 * Positions count from the start of the message and leave file slices out. What `finish` and
 * `finishBytes` return is borrowed: it is dead after the next `reset`. Small integers are not range
 * checked: they wrap, as in a DataView.
 */
export class Writer {
  private memory: Uint8Array;
  private own: Uint8Array | undefined;
  /** Over the same memory: one checked store writes four bytes. */
  private view: DataView;
  private start: number;
  private cursor: number;
  private end: number;
  private cuts: Cut[];
  private sliceBytes: number;

  /** @param bytesExpected first size of its own memory. */
  constructor(bytesExpected = FIRST_BYTES) {
    this.own = new Uint8Array(bytesExpected);
    this.memory = this.own;
    this.view = viewOf(this.own);
    this.start = 0;
    this.cursor = 0;
    this.end = this.own.length;
    this.cuts = [];
    this.sliceBytes = 0;
  }

  /**
   * Starts a new message: in `bytes[start, end)` when given, else in own memory. A message that
   * outgrows the given memory moves to own memory; `spilled` tells. Returns the writer.
   */
  reset(bytes?: Uint8Array, start = 0, end = bytes?.length ?? 0): this {
    if (this.own !== undefined && this.own.length > KEPT_BYTES_MAX) this.own = undefined;
    if (bytes === undefined) {
      this.own ??= new Uint8Array(FIRST_BYTES);
      this.memory = this.own;
      this.start = 0;
      this.end = this.own.length;
    } else {
      this.memory = bytes;
      this.start = start;
      this.end = end;
    }
    this.cursor = this.start;
    if (!covers(this.view, this.memory)) this.view = viewOf(this.memory);
    if (this.cuts.length > 0) this.cuts = [];
    this.sliceBytes = 0;
    return this;
  }

  /** Bytes written to memory since the reset. */
  get position(): number {
    return this.cursor - this.start;
  }

  /** Bytes of the whole message: those in memory and those in file slices. */
  get lengthBytes(): number {
    return this.cursor - this.start + this.sliceBytes;
  }

  /** True when the message does not lie in the memory given to `reset`. */
  get spilled(): boolean {
    return this.memory === this.own;
  }

  /** The message in order; one piece when there is no file slice. Borrowed. */
  finish(): Piece[] {
    const pieces: Piece[] = [];
    let from = this.start;
    for (const cut of this.cuts) {
      const to = this.start + cut.position;
      if (to > from) pieces.push(this.memory.subarray(from, to));
      pieces.push(cut.slice);
      from = to;
    }
    if (this.cursor > from || pieces.length === 0) {
      pieces.push(this.memory.subarray(from, this.cursor));
    }
    return pieces;
  }

  /** The message as one piece of memory. Borrowed. @throws EncodeError when it has file slices. */
  finishBytes(): Uint8Array {
    if (this.cuts.length > 0) throw new EncodeError('the message has file slices: use finish()');
    return this.memory.subarray(this.start, this.cursor);
  }

  boolean(value: boolean): void {
    this.int8(value ? 1 : 0);
  }

  int8(value: number): void {
    if (this.cursor >= this.end) this.grow(1);
    this.memory[this.cursor++] = value;
  }

  int16(value: number): void {
    if (this.cursor + 2 > this.end) this.grow(2);
    this.view.setInt16(this.cursor, value);
    this.cursor += 2;
  }

  int32(value: number): void {
    if (this.cursor + 4 > this.end) this.grow(4);
    this.view.setInt32(this.cursor, value);
    this.cursor += 4;
  }

  /** @throws EncodeError when `value` is not a safe integer. */
  int64(value: number): void {
    if (!Number.isSafeInteger(value)) throw new EncodeError(`not a safe integer: ${value}`);
    if (this.cursor + 8 > this.end) this.grow(8);
    this.view.setInt32(this.cursor, Math.floor(value / TWO_32));
    this.view.setInt32(this.cursor + 4, value);
    this.cursor += 8;
  }

  int64Big(value: bigint): void {
    this.int32(Number(BigInt.asIntN(32, value >> 32n)));
    this.int32(Number(BigInt.asIntN(32, value)));
  }

  float64(value: number): void {
    if (this.cursor + 8 > this.end) this.grow(8);
    this.view.setFloat64(this.cursor, value);
    this.cursor += 8;
  }

  uuid(value: Uuid): void {
    if (this.cursor + 16 > this.end) this.grow(16);
    uuidToBytes(value, this.memory, this.cursor);
    this.cursor += 16;
  }

  /** An unsigned 32-bit value. */
  unsignedVarint(value: number): void {
    if (this.cursor + 5 > this.end) this.grow(5);
    let rest = value;
    let at = this.cursor;
    while (rest >>> 0 >= 0x80) {
      this.memory[at++] = rest | 0x80;
      rest >>>= 7;
    }
    this.memory[at++] = rest;
    this.cursor = at;
  }

  /** A signed 32-bit value in zigzag form. */
  varint(value: number): void {
    this.unsignedVarint((value << 1) ^ (value >> 31));
  }

  /** A signed value in zigzag form. @throws EncodeError when `value` is not a safe integer. */
  varlong(value: number): void {
    if (!Number.isSafeInteger(value)) throw new EncodeError(`not a safe integer: ${value}`);
    if (this.cursor + 10 > this.end) this.grow(10);
    const sign = value < 0 ? -1 : 0;
    const highIn = Math.floor(value / TWO_32) | 0;
    const lowIn = value | 0;
    let high = (((highIn << 1) | (lowIn >>> 31)) ^ sign) >>> 0;
    let low = ((lowIn << 1) ^ sign) >>> 0;
    let at = this.cursor;
    while (high !== 0 || low >= 0x80) {
      this.memory[at++] = low | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.memory[at++] = low;
    this.cursor = at;
  }

  /** The bytes as they are, copied. */
  bytes(value: Uint8Array): void {
    const length = value.length;
    if (this.cursor + length > this.end) this.grow(length);
    this.memory.set(value, this.cursor);
    this.cursor += length;
  }

  /** `length` zero bytes, to be filled later. Returns their position. */
  reserve(length: number): number {
    if (this.cursor + length > this.end) this.grow(length);
    const at = this.cursor;
    this.memory.fill(0, at, at + length);
    this.cursor = at + length;
    return at - this.start;
  }

  /** Overwrites four bytes that were written or reserved before. */
  patchInt32(position: number, value: number): void {
    if (position < 0 || position + 4 > this.position) {
      throw new EncodeError(`patch at ${position} of ${this.position} bytes`);
    }
    this.view.setInt32(this.start + position, value);
  }

  /** A cut: the file's bytes stand here in the message. */
  fileSlice(slice: FileSlice): void {
    if (slice.lengthBytes === 0) return;
    this.cuts.push({ position: this.position, slice });
    this.sliceBytes += slice.lengthBytes;
  }

  /** int16 length, then UTF-8. @throws EncodeError above 32,767 bytes. */
  string(value: string): void {
    const length = value.length;
    if (length <= SHORT_TEXT_MAX) {
      if (this.cursor + 2 + length > this.end) this.grow(2 + length);
      if (this.ascii(value, this.cursor + 2)) {
        const at = this.cursor;
        this.memory[at] = 0;
        this.memory[at + 1] = length;
        this.cursor = at + 2 + length;
        return;
      }
    }
    this.int16(stringBytes(value));
    this.utf8(value);
  }

  /** int16 length, -1 for null. */
  nullableString(value: string | null): void {
    if (value === null) this.int16(-1);
    else this.string(value);
  }

  /** Unsigned varint of length + 1, then UTF-8. @throws EncodeError above 32,767 bytes. */
  compactString(value: string): void {
    const length = value.length;
    if (length <= SHORT_TEXT_MAX) {
      if (this.cursor + 1 + length > this.end) this.grow(1 + length);
      if (this.ascii(value, this.cursor + 1)) {
        this.memory[this.cursor] = length + 1;
        this.cursor += 1 + length;
        return;
      }
    }
    this.unsignedVarint(stringBytes(value) + 1);
    this.utf8(value);
  }

  compactNullableString(value: string | null): void {
    if (value === null) this.int8(0);
    else this.compactString(value);
  }

  /** int32 length, then the bytes. */
  byteArray(value: Uint8Array): void {
    this.int32(value.length);
    this.bytes(value);
  }

  nullableByteArray(value: Uint8Array | null): void {
    if (value === null) this.int32(-1);
    else this.byteArray(value);
  }

  /** Unsigned varint of length + 1, then the bytes. */
  compactByteArray(value: Uint8Array): void {
    this.unsignedVarint(value.length + 1);
    this.bytes(value);
  }

  compactNullableByteArray(value: Uint8Array | null): void {
    if (value === null) this.int8(0);
    else this.compactByteArray(value);
  }

  /** int32 length (-1 for null), then memory or a file slice. */
  nullableRecords(value: Uint8Array | FileSlice | null): void {
    if (value === null) {
      this.int32(-1);
    } else if (value instanceof Uint8Array) {
      this.byteArray(value);
    } else {
      this.int32(value.lengthBytes);
      this.fileSlice(value);
    }
  }

  /** Unsigned varint of length + 1 (0 for null), then memory or a file slice. */
  compactNullableRecords(value: Uint8Array | FileSlice | null): void {
    if (value === null) {
      this.int8(0);
    } else if (value instanceof Uint8Array) {
      this.compactByteArray(value);
    } else {
      this.unsignedVarint(value.lengthBytes + 1);
      this.fileSlice(value);
    }
  }

  /** int32 count of an array's elements, -1 for null. */
  arrayLength(count: number): void {
    this.int32(count);
  }

  /** Unsigned varint of count + 1; -1 for null. */
  compactArrayLength(count: number): void {
    this.unsignedVarint(count + 1);
  }

  /**
   * Opens a tagged field: its tag, then room for its size. Content follows, then
   * `endTaggedField(mark)`. Fields must come in ascending order of tags.
   */
  beginTaggedField(tag: number): number {
    this.unsignedVarint(tag);
    return this.reserve(1);
  }

  /** Closes the field opened at `mark`: fills in the size, moving the content when it needs more room. */
  endTaggedField(mark: number): void {
    const size = this.position - mark - 1;
    const extra = unsignedVarintSize(size) - 1;
    if (extra > 0) {
      const last = this.cuts.at(-1);
      if (last !== undefined && last.position > mark) {
        throw new EncodeError('a tagged field cannot hold a file slice');
      }
      this.reserve(extra);
      const content = this.start + mark + 1;
      this.memory.copyWithin(content + extra, content, content + size);
    }
    let at = this.start + mark;
    let rest = size;
    for (; rest >= 0x80; rest >>>= 7) this.memory[at++] = rest | 0x80;
    this.memory[at] = rest;
  }

  private ascii(value: string, position: number): boolean {
    const memory = this.memory;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code >= 0x80) return false;
      memory[position + i] = code;
    }
    return true;
  }

  private utf8(value: string): void {
    const room = value.length * 3;
    if (this.cursor + room > this.end) this.grow(room);
    this.cursor += encodeText(value, this.memory, this.cursor);
  }

  /** Moves to own memory with room for `needed` more bytes. */
  private grow(needed: number): void {
    const used = this.cursor - this.start;
    const larger = new Uint8Array(Math.max(FIRST_BYTES, (used + needed) * 2));
    larger.set(this.memory.subarray(this.start, this.cursor));
    this.own = larger;
    this.memory = larger;
    this.view = viewOf(larger);
    this.start = 0;
    this.cursor = used;
    this.end = larger.length;
  }
}

function covers(view: DataView, memory: Uint8Array): boolean {
  return (
    view.buffer === memory.buffer &&
    view.byteOffset === memory.byteOffset &&
    view.byteLength === memory.byteLength
  );
}

function viewOf(memory: Uint8Array): DataView {
  return new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
}
