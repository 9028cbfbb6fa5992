import { DecodeError } from './decode-error.ts';
import { decodeText, STRING_BYTES_MAX } from './text.ts';
import { type Uuid, uuidFromBytes } from './uuid.ts';

const TWO_32 = 0x1_0000_0000;
const NO_BYTES = new Uint8Array(0);

/** Memory that the arrays of any message may take, however short it is. */
const HEAP_BYTES_FREE = 64 * 1024;

/**
 * Tagged fields in one section. Kafka's structs have a handful; without a bound a message of nothing
 * but unknown tags would cost its reader a loop over all its bytes, again for every struct.
 */
const TAGGED_FIELDS_MAX = 1024;

export interface ReaderOptions {
  /** Malformed UTF-8 throws instead of becoming U+FFFD. Default false, as in Java. */
  readonly strictText?: boolean;
  /**
   * How much larger than its bytes a message may become when it is decoded: array elements together
   * may take 64 KiB and this many bytes for each byte of the message. Default 16. Requests of
   * honest clients need at most 8 (names of four letters, Fetch 4 with many partitions), responses
   * less than 16; arrays of empty elements need more.
   */
  readonly heapBytesPerByte?: number;
}

/**
 * Reads big-endian values from `bytes[start, end)`.
 *
 * Nothing is read beyond `end` and nothing is allocated on the word of the sender: every length and
 * count is compared with the bytes left first. Byte ranges are handed out as subarrays of the given
 * memory: they are borrowed and live as long as it does. `what` names the item in errors.
 * @throws DecodeError from every method that reads.
 */
export class Reader {
  private bytes_: Uint8Array;
  private end: number;
  private view: DataView | undefined;
  private readonly strictText: boolean;
  private readonly heapBytesPerByte: number;
  private heapBytesLeft: number;
  /** Index in the given memory of the next byte to read. */
  position: number;

  constructor(
    bytes: Uint8Array = NO_BYTES,
    start = 0,
    end = bytes.length,
    options: ReaderOptions = {},
  ) {
    this.bytes_ = bytes;
    this.position = start;
    this.end = end;
    this.view = undefined;
    this.strictText = options.strictText ?? false;
    this.heapBytesPerByte = options.heapBytesPerByte ?? 16;
    this.heapBytesLeft = HEAP_BYTES_FREE + this.heapBytesPerByte * (end - start);
  }

  /** Starts over on other memory. Returns the reader. */
  reset(bytes: Uint8Array, start = 0, end = bytes.length): this {
    this.bytes_ = bytes;
    this.position = start;
    this.end = end;
    this.view = undefined;
    this.heapBytesLeft = HEAP_BYTES_FREE + this.heapBytesPerByte * (end - start);
    return this;
  }

  /** Bytes left. */
  get remaining(): number {
    return this.end - this.position;
  }

  /** @throws DecodeError when bytes are left over. */
  finish(what = 'message'): void {
    if (this.position !== this.end) {
      throw new DecodeError(what, this.position, `${this.remaining} bytes left over`);
    }
  }

  boolean(): boolean {
    return this.uint8() !== 0;
  }

  int8(): number {
    return (this.uint8() << 24) >> 24;
  }

  uint8(): number {
    const at = this.position;
    if (at >= this.end) this.short('int8', 1);
    this.position = at + 1;
    return this.bytes_[at] as number;
  }

  int16(): number {
    return (this.uint16() << 16) >> 16;
  }

  uint16(): number {
    const at = this.position;
    if (at + 2 > this.end) this.short('int16', 2);
    this.position = at + 2;
    const bytes = this.bytes_;
    return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  }

  int32(): number {
    const at = this.position;
    if (at + 4 > this.end) this.short('int32', 4);
    this.position = at + 4;
    const bytes = this.bytes_;
    return (
      ((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)
    );
  }

  uint32(): number {
    return this.int32() >>> 0;
  }

  /** @throws DecodeError also when the value is outside the safe integer range. */
  int64(): number {
    const at = this.position;
    if (at + 8 > this.end) this.short('int64', 8);
    const value = this.int32() * TWO_32 + (this.int32() >>> 0);
    if (!Number.isSafeInteger(value)) throw unsafe('int64', at);
    return value;
  }

  int64Big(): bigint {
    if (this.position + 8 > this.end) this.short('int64', 8);
    const high = this.int32();
    return (BigInt(high) << 32n) | BigInt(this.int32() >>> 0);
  }

  float64(): number {
    const at = this.position;
    if (at + 8 > this.end) this.short('float64', 8);
    this.position = at + 8;
    const bytes = this.bytes_;
    this.view ??= new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return this.view.getFloat64(at);
  }

  uuid(): Uuid {
    const at = this.position;
    if (at + 16 > this.end) this.short('uuid', 16);
    this.position = at + 16;
    return uuidFromBytes(this.bytes_, at);
  }

  /** An unsigned 32-bit value of at most five bytes. */
  unsignedVarint(what = 'unsigned varint'): number {
    const first = this.uint8();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let shift = 7; shift < 28; shift += 7) {
      const byte = this.uint8();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    const last = this.uint8();
    if (last > 0x0f) throw new DecodeError(what, this.position - 5, 'more than 32 bits');
    return (value | (last << 28)) >>> 0;
  }

  /** A signed 32-bit value in zigzag form, of at most five bytes. */
  varint(what = 'varint'): number {
    const raw = this.unsignedVarint(what);
    return (raw >>> 1) ^ -(raw & 1);
  }

  /**
   * A signed 64-bit value in zigzag form, of at most ten bytes.
   * @throws DecodeError also when the value is outside the safe integer range.
   */
  varlong(what = 'varlong'): number {
    const at = this.position;
    let low = 0;
    let high = 0;
    for (let index = 0; ; index++) {
      const byte = this.uint8();
      const bits = byte & 0x7f;
      if (index < 4) {
        low |= bits << (7 * index);
      } else if (index === 4) {
        low |= bits << 28;
        high = bits >>> 4;
      } else if (index < 9) {
        high |= bits << (7 * index - 32);
      } else {
        if (byte > 1) throw new DecodeError(what, at, 'more than 64 bits');
        high |= bits << 31;
      }
      if (byte < 0x80) break;
    }
    const negative = low & 1;
    const halfLow = ((low >>> 1) | (high << 31)) ^ -negative;
    const halfHigh = (high >>> 1) ^ -negative;
    const value = halfHigh * TWO_32 + (halfLow >>> 0);
    if (!Number.isSafeInteger(value)) throw unsafe(what, at);
    return value;
  }

  /** The next `length` bytes, borrowed. */
  bytes(length: number, what = 'bytes'): Uint8Array {
    const at = this.position;
    if (length < 0 || length > this.end - at) this.short(what, length);
    this.position = at + length;
    return this.bytes_.subarray(at, at + length);
  }

  skip(length: number, what = 'bytes'): void {
    if (length < 0 || length > this.end - this.position) this.short(what, length);
    this.position += length;
  }

  /** int16 length, then UTF-8. */
  string(what = 'string'): string {
    const length = this.int16();
    if (length < 0) throw badNull(what, this.position - 2, length);
    return this.text(length, what);
  }

  /** int16 length, -1 for null. */
  nullableString(what = 'string'): string | null {
    const length = this.int16();
    if (length === -1) return null;
    if (length < 0) throw badNull(what, this.position - 2, length);
    return this.text(length, what);
  }

  /** Unsigned varint of length + 1, then UTF-8. */
  compactString(what = 'string'): string {
    const at = this.position;
    const length = this.unsignedVarint(what) - 1;
    if (length < 0) throw badNull(what, at, length);
    return this.text(length, what);
  }

  /** Unsigned varint of length + 1, 0 for null. */
  compactNullableString(what = 'string'): string | null {
    const length = this.unsignedVarint(what) - 1;
    return length < 0 ? null : this.text(length, what);
  }

  /** int32 length, then that many bytes, borrowed. */
  byteArray(what = 'bytes'): Uint8Array {
    const length = this.int32();
    if (length < 0) throw badNull(what, this.position - 4, length);
    return this.bytes(length, what);
  }

  /** int32 length, -1 for null. */
  nullableByteArray(what = 'bytes'): Uint8Array | null {
    const length = this.int32();
    if (length === -1) return null;
    if (length < 0) throw badNull(what, this.position - 4, length);
    return this.bytes(length, what);
  }

  /** Unsigned varint of length + 1, then the bytes, borrowed. */
  compactByteArray(what = 'bytes'): Uint8Array {
    const at = this.position;
    const length = this.unsignedVarint(what) - 1;
    if (length < 0) throw badNull(what, at, length);
    return this.bytes(length, what);
  }

  /** Unsigned varint of length + 1, 0 for null. */
  compactNullableByteArray(what = 'bytes'): Uint8Array | null {
    const length = this.unsignedVarint(what) - 1;
    return length < 0 ? null : this.bytes(length, what);
  }

  /**
   * int32 count of elements that take at least `minElementBytes` each here and about
   * `elementHeapBytes` each once decoded.
   */
  arrayLength(minElementBytes: number, what = 'array', elementHeapBytes = 8): number {
    const count = this.int32();
    if (count < 0) throw badNull(what, this.position - 4, count);
    this.admit(count, minElementBytes, what, elementHeapBytes);
    return count;
  }

  /** The same; -1 for null. */
  nullableArrayLength(minElementBytes: number, what = 'array', elementHeapBytes = 8): number {
    const count = this.int32();
    if (count < -1) throw badNull(what, this.position - 4, count);
    this.admit(count, minElementBytes, what, elementHeapBytes);
    return count;
  }

  /** Unsigned varint of count + 1. */
  compactArrayLength(minElementBytes: number, what = 'array', elementHeapBytes = 8): number {
    const at = this.position;
    const count = this.unsignedVarint(what) - 1;
    if (count < 0) throw badNull(what, at, count);
    this.admit(count, minElementBytes, what, elementHeapBytes);
    return count;
  }

  /** Unsigned varint of count + 1; -1 when it is 0, for null. */
  compactNullableArrayLength(
    minElementBytes: number,
    what = 'array',
    elementHeapBytes = 8,
  ): number {
    const count = this.unsignedVarint(what) - 1;
    this.admit(count, minElementBytes, what, elementHeapBytes);
    return count;
  }

  /** Count of tagged fields, each of which takes at least two bytes; at most 1024. */
  taggedFieldCount(): number {
    const count = this.unsignedVarint('tagged fields');
    if (count > TAGGED_FIELDS_MAX) throw this.tooMany('tagged fields', count);
    if (count * 2 > this.end - this.position) throw this.tooMany('tagged fields', count);
    return count;
  }

  /** A tag, which must be above `previous` (-1 before the first). Its size follows. */
  tag(previous: number): number {
    const at = this.position;
    const tag = this.unsignedVarint('tag');
    if (tag <= previous) throw new DecodeError('tag', at, `${tag} after ${previous}`);
    return tag;
  }

  /** Size of a tagged field's content, at most the bytes left. */
  tagSize(): number {
    const at = this.position;
    const size = this.unsignedVarint('tag size');
    if (size > this.end - this.position) {
      throw new DecodeError('tag size', at, `${size} bytes, ${this.end - this.position} left`);
    }
    return size;
  }

  /** A whole section of tagged fields of which none is known: order and sizes checked, content skipped. */
  skipTaggedFields(): void {
    if (this.position < this.end && this.bytes_[this.position] === 0) {
      this.position++;
      return;
    }
    let previous = -1;
    for (let left = this.taggedFieldCount(); left > 0; left--) {
      previous = this.tag(previous);
      const size = this.tagSize();
      this.position += size;
    }
  }

  private text(length: number, what: string): string {
    const at = this.position;
    const end = at + length;
    if (end > this.end) this.short(what, length);
    if (length > STRING_BYTES_MAX) throw new DecodeError(what, at, `a string of ${length} bytes`);
    this.position = end;
    return decodeText(this.bytes_, at, end, this.strictText, what);
  }

  /** Refuses a count that the bytes left, or the memory left, cannot hold. */
  private admit(count: number, minElementBytes: number, what: string, heapBytes: number): void {
    if (count * minElementBytes > this.end - this.position) throw this.tooMany(what, count);
    this.heapBytesLeft -= count * heapBytes;
    if (this.heapBytesLeft < 0) {
      throw new DecodeError(what, this.position, `${count} elements need too much memory`);
    }
  }

  private tooMany(what: string, count: number): DecodeError {
    return new DecodeError(what, this.position, `${count} elements in ${this.remaining} bytes`);
  }

  private short(what: string, needed: number): never {
    throw new DecodeError(what, this.position, `needs ${needed} bytes, ${this.remaining} left`);
  }
}

function badNull(what: string, position: number, length: number): DecodeError {
  return new DecodeError(
    what,
    position,
    length === -1 ? 'null is not allowed' : `length ${length}`,
  );
}

function unsafe(what: string, position: number): DecodeError {
  return new DecodeError(what, position, 'outside the safe integer range');
}
