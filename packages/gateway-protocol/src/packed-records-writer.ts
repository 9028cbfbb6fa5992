import { EncodeError } from '@millrace/bytes';
import { Projection } from './enums.ts';
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
import { writeUtf8 } from './utf8.ts';

const FIRST_BYTES = 1024;
const NO_HEADERS: readonly HeaderField[] = [];
const INT32_MAX = 0x7fffffff;

/** Packs records one by one into memory of its own, which grows and is used again after `reset`. */
export class PackedRecordsWriter {
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #projection: number;
  #baseTimestamp: number;
  #lastDelta = -1;
  /** Bytes and records so far. */
  bytes = 0;
  count = 0;

  /** @param projection bits of `Projection`: the parts of the records that are kept. */
  constructor(baseTimestamp: number, projection: number = Projection.ALL) {
    this.#baseTimestamp = baseTimestamp;
    this.#projection = projection;
  }

  /** Begins another block. */
  reset(baseTimestamp: number, projection: number = this.#projection): void {
    this.#baseTimestamp = baseTimestamp;
    this.#projection = projection;
    this.#lastDelta = -1;
    this.bytes = 0;
    this.count = 0;
  }

  /**
   * @param offsetDelta offset − from_offset, larger than the one before
   * @param timestamp Unix milliseconds
   * @throws EncodeError when a length or delta does not fit the format; nothing is written then.
   */
  append(
    offsetDelta: number,
    timestamp: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    headers: readonly HeaderField[] = NO_HEADERS,
    isLogAppendTime = false,
  ): void {
    if (offsetDelta <= this.#lastDelta || offsetDelta > INT32_MAX)
      throw new EncodeError(`offset delta ${offsetDelta} after ${this.#lastDelta}`);
    const projection = this.#projection;
    const sentKey = (projection & Projection.KEY) === 0 ? null : key;
    const sentValue = (projection & Projection.VALUE) === 0 ? null : value;
    const sentHeaders = (projection & Projection.HEADERS) === 0 ? NO_HEADERS : headers;
    if (sentHeaders.length > 0xffff) throw new EncodeError(`${sentHeaders.length} headers`);
    const delta = (projection & Projection.TIMESTAMP) === 0 ? 0 : timestamp - this.#baseTimestamp;
    const isWideTime = delta !== (delta | 0);
    const keyLength = sentKey === null ? 0 : sentKey.length;
    const valueLength = sentValue === null ? 0 : sentValue.length;
    this.#reserve(RECORD_HEAD_BYTES + 14 + keyLength + valueLength + headerRoom(sentHeaders));

    const view = this.#view;
    const head = this.bytes;
    view.setUint32(head, offsetDelta, true);
    view.setInt32(head + 4, isWideTime ? 0 : delta, true);
    view.setUint32(head + 8, sentValue === null ? NULL_LENGTH : valueLength, true);
    const isWideKey = keyLength >= WIDE_KEY;
    view.setUint16(head + 12, sentKey === null ? NULL_KEY : isWideKey ? WIDE_KEY : keyLength, true);
    view.setUint8(head + 14, Math.min(sentHeaders.length, WIDE_HEADERS));
    view.setUint8(
      head + 15,
      (isWideTime ? RecordFlag.WIDE_TIME : 0) |
        (value === null ? RecordFlag.TOMBSTONE : 0) |
        (isLogAppendTime ? RecordFlag.LOG_APPEND_TIME : 0),
    );
    let at = head + RECORD_HEAD_BYTES;
    if (isWideTime) {
      view.setBigInt64(at, BigInt(timestamp), true);
      at += 8;
    }
    if (isWideKey) {
      view.setUint32(at, keyLength, true);
      at += 4;
    }
    if (sentHeaders.length >= WIDE_HEADERS) {
      view.setUint16(at, sentHeaders.length, true);
      at += 2;
    }
    if (sentKey !== null) this.#bytes.set(sentKey, at);
    at += keyLength;
    if (sentValue !== null) this.#bytes.set(sentValue, at);
    at += valueLength;
    for (const header of sentHeaders) at = this.#header(header, at);
    this.bytes = at;
    this.count++;
    this.#lastDelta = offsetDelta;
  }

  /** The packed records, borrowed: they live until the next `append` or `reset`. */
  borrow(): Uint8Array {
    return this.#bytes.subarray(0, this.bytes);
  }

  /** The packed records in memory of their own. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.bytes);
  }

  #header(header: HeaderField, at: number): number {
    const name = at + HEADER_HEAD_BYTES;
    const nameLength = writeUtf8(header.name ?? '', this.#bytes, name);
    if (nameLength > 0xffff) throw new EncodeError(`a header name of ${nameLength} bytes`);
    const value = header.value;
    this.#view.setUint16(at, nameLength, true);
    this.#view.setUint32(at + 2, value === null ? NULL_LENGTH : value.length, true);
    if (value === null) return name + nameLength;
    this.#bytes.set(value, name + nameLength);
    return name + nameLength + value.length;
  }

  #reserve(more: number): void {
    const needed = this.bytes + more;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.bytes));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/** Bytes that the headers need at most. */
function headerRoom(headers: readonly HeaderField[]): number {
  let bytes = 0;
  for (const { name, value } of headers)
    bytes += HEADER_HEAD_BYTES + 3 * (name ?? '').length + (value === null ? 0 : value.length);
  return bytes;
}
