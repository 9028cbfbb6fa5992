import { DecodeError } from '@millrace/bytes';
import type { HeaderField } from './frame-parts.ts';
import {
  HEADER_HEAD_BYTES,
  NULL_KEY,
  NULL_LENGTH,
  RECORD_HEAD_BYTES,
  RecordFlag,
  WIDE_HEADERS,
  WIDE_KEY,
} from './packed-record.ts';
import { isUtf8, textOf } from './utf8.ts';

const KNOWN_FLAGS = RecordFlag.WIDE_TIME | RecordFlag.TOMBSTONE | RecordFlag.LOG_APPEND_TIME;

/** What a block of packed records is read with: the fields of its Records frame. */
export interface BlockBounds {
  readonly count: number;
  readonly fromOffset: number;
  readonly nextOffset: number;
  readonly baseTimestamp: number;
}

/**
 * Walks over packed records without an object per record: `next` moves to the following one, the
 * properties are those of the record it stands on. Everything of a record, and at the end of the
 * block its count, is checked before it is handed out; byte fields are views on the block.
 */
export class PackedRecordsReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #bounds: BlockBounds;
  #end = 0;
  #left: number;
  #flags = 0;
  #keyAt = 0;
  #keyLength = -1;
  #valueAt = 0;
  #valueLength = -1;
  #headersAt = 0;
  /** Byte position of the current record; `readAt` comes back to it. */
  position = 0;
  offset = -1;
  timestamp = 0;
  headerCount = 0;

  constructor(block: Uint8Array, bounds: BlockBounds) {
    this.#bytes = block;
    this.#view = new DataView(block.buffer, block.byteOffset, block.byteLength);
    this.#bounds = bounds;
    this.#left = bounds.count;
  }

  /** Moves on; false behind the last record. @throws DecodeError when the block is not as §5 says. */
  next(): boolean {
    if (this.#left === 0) {
      if (this.#end !== this.#bytes.length)
        throw new DecodeError('packed records', this.#end, 'bytes behind the last record');
      return false;
    }
    const before = this.offset;
    this.readAt(this.#end);
    const { fromOffset, nextOffset } = this.#bounds;
    if (this.offset <= before || this.offset < fromOffset || this.offset >= nextOffset)
      throw new DecodeError(
        'packed record',
        this.position,
        `offset ${this.offset} is out of order`,
      );
    this.#left--;
    return true;
  }

  /** Stands on the record that begins at `position`. @throws DecodeError when there is none. */
  readAt(position: number): void {
    const view = this.#view;
    const total = this.#bytes.length;
    let at = position + RECORD_HEAD_BYTES;
    if (at > total) throw short(position);
    const flags = view.getUint8(position + 15);
    let keyLength = view.getUint16(position + 12, true);
    let headers = view.getUint8(position + 14);
    const isWideTime = (flags & RecordFlag.WIDE_TIME) !== 0;
    const more =
      (isWideTime ? 8 : 0) + (keyLength === WIDE_KEY ? 4 : 0) + (headers === WIDE_HEADERS ? 2 : 0);
    if (at + more > total) throw short(position);
    if ((flags & ~KNOWN_FLAGS) !== 0) throw new DecodeError('packed record', position, 'flags');
    let timestamp = this.#bounds.baseTimestamp + view.getInt32(position + 4, true);
    if (isWideTime) {
      timestamp = Number(view.getBigInt64(at, true));
      at += 8;
    }
    let hasKey = true;
    if (keyLength === WIDE_KEY) {
      keyLength = view.getUint32(at, true);
      at += 4;
    } else if (keyLength === NULL_KEY) {
      hasKey = false;
      keyLength = 0;
    }
    if (headers === WIDE_HEADERS) {
      headers = view.getUint16(at, true);
      at += 2;
    }
    const valueLength = view.getUint32(position + 8, true);
    const hasValue = valueLength !== NULL_LENGTH;
    if (hasValue && (flags & RecordFlag.TOMBSTONE) !== 0)
      throw new DecodeError('packed record', position, 'a tombstone with a value');
    const valueAt = at + keyLength;
    const headersAt = hasValue ? valueAt + valueLength : valueAt;
    if (headersAt > total) throw short(position);
    const end = this.#skipHeaders(position, headersAt, headers);

    this.position = position;
    this.offset = this.#bounds.fromOffset + view.getUint32(position, true);
    this.timestamp = timestamp;
    this.headerCount = headers;
    this.#flags = flags;
    this.#keyAt = at;
    this.#keyLength = hasKey ? keyLength : -1;
    this.#valueAt = valueAt;
    this.#valueLength = hasValue ? valueLength : -1;
    this.#headersAt = headersAt;
    this.#end = end;
  }

  get key(): Uint8Array | null {
    const at = this.#keyAt;
    return this.#keyLength < 0 ? null : this.#bytes.subarray(at, at + this.#keyLength);
  }

  /** Null also when the value was not asked for; `isTombstone` tells. */
  get value(): Uint8Array | null {
    const at = this.#valueAt;
    return this.#valueLength < 0 ? null : this.#bytes.subarray(at, at + this.#valueLength);
  }

  /** The record's value in the log is null. */
  get isTombstone(): boolean {
    return (this.#flags & RecordFlag.TOMBSTONE) !== 0;
  }

  get isLogAppendTime(): boolean {
    return (this.#flags & RecordFlag.LOG_APPEND_TIME) !== 0;
  }

  /** Bytes of the current record. */
  get bytes(): number {
    return this.#end - this.position;
  }

  get headers(): HeaderField[] {
    const headers: HeaderField[] = [];
    let at = this.#headersAt;
    for (let left = this.headerCount; left > 0; left--) {
      const name = at + HEADER_HEAD_BYTES;
      const value = name + this.#view.getUint16(at, true);
      const length = this.#view.getUint32(at + 2, true);
      at = length === NULL_LENGTH ? value : value + length;
      headers.push({
        name: textOf(this.#bytes, name, value),
        value: length === NULL_LENGTH ? null : this.#bytes.subarray(value, at),
      });
    }
    return headers;
  }

  #skipHeaders(position: number, start: number, count: number): number {
    const total = this.#bytes.length;
    let at = start;
    for (let left = count; left > 0; left--) {
      const name = at + HEADER_HEAD_BYTES;
      if (name > total) throw short(position);
      const value = name + this.#view.getUint16(at, true);
      const length = this.#view.getUint32(at + 2, true);
      at = length === NULL_LENGTH ? value : value + length;
      if (at > total) throw short(position);
      if (!isUtf8(this.#bytes, name, value))
        throw new DecodeError('packed record', position, 'a header name is not UTF-8');
    }
    return at;
  }
}

function short(position: number): DecodeError {
  return new DecodeError('packed record', position, 'ends beyond the block');
}
