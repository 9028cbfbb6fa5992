import { DecodeError, Reader } from '@millrace/bytes';
import { Codec, RECORD_BYTES_MIN, SEQUENCE_MASK } from './batch-layout.ts';
import type { BatchView } from './batch-view.ts';
import type { RecordHeader } from './record.ts';

const NO_HEADERS: readonly RecordHeader[] = [];
/** A header takes at least two bytes: the lengths of an empty key and of a null value. */
const HEADER_BYTES_MIN = 2;
const text = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Walks the records of one batch without making an object per record.
 *
 *     cursor.reset(view);                 // or reset(view, inflatedBody)
 *     while (cursor.next()) use(cursor.offset, cursor.key);
 *
 * Every size is checked against the bytes there are before it is used (kafka-surface H6). `key` and `value`
 * are subarrays of the body: borrowed, and made only when asked for.
 * @throws DecodeError from `reset` and `next` when the body is not what its header says.
 */
export class RecordCursor {
  readonly #reader = new Reader();
  #body: Uint8Array = new Uint8Array(0);
  #baseOffset = 0;
  #baseTimestamp = 0;
  #baseSequence = -1;
  /** With LogAppendTime the one timestamp of all records. */
  #appendTimeMs: number | undefined;
  #left = 0;
  #lastDelta = -1;
  #keyAt = 0;
  #keyLength = 0;
  #valueAt = 0;
  #valueLength = 0;
  #headersAt = 0;
  #end = 0;

  /** Distance of this record's offset from the batch's base offset. */
  offsetDelta = 0;
  timestampMs = 0;
  /** How many headers this record has. */
  headerCount = 0;

  /**
   * Starts at the first record of a batch.
   * @param body the records, inflated. May be left out only for a batch without a codec.
   * @throws DecodeError when the body is compressed, or too small for the record count.
   */
  reset(view: BatchView, body?: Uint8Array): this {
    if (body === undefined && view.codec !== Codec.none) {
      throw new DecodeError('records', view.position, 'the batch is compressed: inflate it first');
    }
    const bytes = body ?? view.body;
    const count = view.recordCount;
    if (count < 0 || count * RECORD_BYTES_MIN > bytes.length) {
      throw new DecodeError('record count', 0, `${count} records in ${bytes.length} bytes`);
    }
    this.#body = bytes;
    this.#reader.reset(bytes);
    this.#left = count;
    this.#lastDelta = -1;
    this.#baseOffset = view.baseOffset;
    this.#baseTimestamp = view.baseTimestamp;
    this.#baseSequence = view.baseSequence;
    this.#appendTimeMs = view.timestampType === 'LogAppendTime' ? view.maxTimestamp : undefined;
    return this;
  }

  /** Moves to the next record. False after the last, when the body must be used up. */
  next(): boolean {
    const reader = this.#reader;
    if (this.#left === 0) {
      reader.finish('records');
      return false;
    }
    this.#left--;
    const at = reader.position;
    const length = reader.varint('record length');
    const end = reader.position + length;
    if (length < RECORD_BYTES_MIN - 1 || length > reader.remaining) {
      throw new DecodeError('record length', at, `${length} bytes, ${reader.remaining} left`);
    }
    reader.int8();
    const timestampDelta = reader.varlong('timestamp delta');
    this.timestampMs = this.#appendTimeMs ?? this.#baseTimestamp + timestampDelta;
    this.offsetDelta = reader.varint('offset delta');
    if (this.offsetDelta <= this.#lastDelta) {
      throw new DecodeError('offset delta', at, `${this.offsetDelta} after ${this.#lastDelta}`);
    }
    this.#lastDelta = this.offsetDelta;
    this.#keyLength = this.#skipNullable('key');
    this.#keyAt = reader.position - Math.max(this.#keyLength, 0);
    this.#valueLength = this.#skipNullable('value');
    this.#valueAt = reader.position - Math.max(this.#valueLength, 0);
    this.#skipHeaders(at, end);
    if (reader.position !== end) {
      throw new DecodeError('record', at, `says it ends at byte ${end}, not ${reader.position}`);
    }
    this.#end = end;
    return true;
  }

  get offset(): number {
    return this.#baseOffset + this.offsetDelta;
  }

  /** Sequence of this record, wrapped at 2³¹; -1 when the batch has none. */
  get sequence(): number {
    return this.#baseSequence < 0 ? -1 : (this.#baseSequence + this.offsetDelta) & SEQUENCE_MASK;
  }

  get hasKey(): boolean {
    return this.#keyLength >= 0;
  }

  /** False for a tombstone. */
  get hasValue(): boolean {
    return this.#valueLength >= 0;
  }

  /** -1 for null. */
  get keyBytes(): number {
    return this.#keyLength;
  }

  /** -1 for null. */
  get valueBytes(): number {
    return this.#valueLength;
  }

  /** Borrowed. */
  get key(): Uint8Array | null {
    return this.#keyLength < 0
      ? null
      : this.#body.subarray(this.#keyAt, this.#keyAt + this.#keyLength);
  }

  /** Borrowed. */
  get value(): Uint8Array | null {
    return this.#valueLength < 0
      ? null
      : this.#body.subarray(this.#valueAt, this.#valueAt + this.#valueLength);
  }

  /** Headers in order; values are borrowed. */
  get headers(): readonly RecordHeader[] {
    if (this.headerCount === 0) return NO_HEADERS;
    const reader = new Reader(this.#body, this.#headersAt, this.#end);
    const headers: RecordHeader[] = [];
    for (let i = 0; i < this.headerCount; i++) {
      const key = text.decode(reader.bytes(reader.varint()));
      const valueLength = reader.varint();
      headers.push({ key, value: valueLength < 0 ? null : reader.bytes(valueLength) });
    }
    return headers;
  }

  #skipNullable(what: string): number {
    const reader = this.#reader;
    const length = reader.varint(what);
    if (length < -1) throw new DecodeError(what, reader.position, `length ${length}`);
    if (length > 0) reader.skip(length, what);
    return length;
  }

  #skipHeaders(at: number, end: number): void {
    const reader = this.#reader;
    const count = reader.varint('header count');
    if (count < 0 || count * HEADER_BYTES_MIN > end - reader.position) {
      throw new DecodeError('header count', at, `${count} in ${end - reader.position} bytes`);
    }
    this.headerCount = count;
    this.#headersAt = reader.position;
    for (let i = 0; i < count; i++) {
      reader.skip(reader.varint('header key'), 'header key');
      this.#skipNullable('header value');
    }
  }
}
