import { Reader } from '@millrace/bytes';
import {
  ATTRIBUTES_AT,
  BASE_OFFSET_AT,
  BASE_SEQUENCE_AT,
  BASE_TIMESTAMP_AT,
  BATCH_HEADER_BYTES,
  BATCH_LENGTH_AT,
  BATCH_PREFIX_BYTES,
  CODEC_MASK,
  CONTROL_BIT,
  type Codec,
  CRC_AT,
  DELETE_HORIZON_BIT,
  LAST_OFFSET_DELTA_AT,
  LEADER_EPOCH_AT,
  LOG_APPEND_TIME_BIT,
  MAGIC_AT,
  MAX_TIMESTAMP_AT,
  PRODUCER_EPOCH_AT,
  PRODUCER_ID_AT,
  RECORD_COUNT_AT,
  SEQUENCE_MASK,
  type TimestampType,
  TRANSACTIONAL_BIT,
} from './batch-layout.ts';

const TWO_32 = 0x1_0000_0000;
const NO_BYTES = new Uint8Array(0);

/**
 * The header of one record batch where it lies: no copy, nothing decoded before it is asked for, one
 * view for any number of batches.
 *
 * The view trusts its bytes: run `checkBatch` first on what came from outside. The memory is borrowed:
 * the view and what `body` returns live as long as it does. int64 fields are numbers; a value outside the
 * safe range is rounded (`checkBatch` refuses those it matters for).
 */
export class BatchView {
  #reader = new Reader();
  #bytes: Uint8Array = NO_BYTES;
  #offset = 0;

  constructor(bytes?: Uint8Array, offset = 0) {
    if (bytes !== undefined) this.reset(bytes, offset);
  }

  /** Points the view at the batch that starts at `bytes[offset]`. Returns the view. */
  reset(bytes: Uint8Array, offset = 0): this {
    this.#bytes = bytes;
    this.#offset = offset;
    this.#reader.reset(bytes, offset);
    return this;
  }

  /** The memory given to `reset`. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Where in that memory the batch starts. */
  get position(): number {
    return this.#offset;
  }

  /** Offset of the first record as appended; 0 as a producer sends it. Compaction may have removed that record. */
  get baseOffset(): number {
    return this.#int64(BASE_OFFSET_AT);
  }

  /** Bytes of the whole batch, prefix and header included. */
  get lengthBytes(): number {
    return this.#int32(BATCH_LENGTH_AT) + BATCH_PREFIX_BYTES;
  }

  /** -1 as a producer sends it. */
  get leaderEpoch(): number {
    return this.#int32(LEADER_EPOCH_AT);
  }

  get magic(): number {
    this.#reader.position = this.#offset + MAGIC_AT;
    return this.#reader.int8();
  }

  /** Unsigned CRC-32C as stored; `verifyCrc` computes it. */
  get crc(): number {
    return this.#int32(CRC_AT) >>> 0;
  }

  get attributes(): number {
    return this.#int16(ATTRIBUTES_AT);
  }

  /** Codec of the body. Ids 5 … 7 do not exist: `checkBatch` refuses them. */
  get codec(): Codec {
    return (this.attributes & CODEC_MASK) as Codec;
  }

  get isTransactional(): boolean {
    return (this.attributes & TRANSACTIONAL_BIT) !== 0;
  }

  get isControl(): boolean {
    return (this.attributes & CONTROL_BIT) !== 0;
  }

  get timestampType(): TimestampType {
    return (this.attributes & LOG_APPEND_TIME_BIT) !== 0 ? 'LogAppendTime' : 'CreateTime';
  }

  get hasDeleteHorizon(): boolean {
    return (this.attributes & DELETE_HORIZON_BIT) !== 0;
  }

  /** When tombstones of this batch may go (KIP-534), ms; undefined when not set. */
  get deleteHorizonMs(): number | undefined {
    return this.hasDeleteHorizon ? this.#int64(BASE_TIMESTAMP_AT) : undefined;
  }

  get lastOffsetDelta(): number {
    return this.#int32(LAST_OFFSET_DELTA_AT);
  }

  get lastOffset(): number {
    return this.baseOffset + this.lastOffsetDelta;
  }

  /** What record timestamps are relative to, ms. With a delete horizon it is the horizon itself. */
  get baseTimestamp(): number {
    return this.#int64(BASE_TIMESTAMP_AT);
  }

  /** Largest timestamp, ms; the append time with LogAppendTime; -1 when no record has one. */
  get maxTimestamp(): number {
    return this.#int64(MAX_TIMESTAMP_AT);
  }

  /** -1: not idempotent. */
  get producerId(): number {
    return this.#int64(PRODUCER_ID_AT);
  }

  get producerEpoch(): number {
    return this.#int16(PRODUCER_EPOCH_AT);
  }

  /** -1: no sequence (not idempotent, or a control batch). */
  get baseSequence(): number {
    return this.#int32(BASE_SEQUENCE_AT);
  }

  /** Sequence of the last record, wrapped at 2³¹; -1 when there is none. */
  get lastSequence(): number {
    const first = this.baseSequence;
    return first < 0 ? -1 : (first + this.lastOffsetDelta) & SEQUENCE_MASK;
  }

  /** Records left in the batch. Compaction may leave none. */
  get recordCount(): number {
    return this.#int32(RECORD_COUNT_AT);
  }

  /** The records as stored: compressed when there is a codec. Borrowed. */
  get body(): Uint8Array {
    return this.#bytes.subarray(this.#offset + BATCH_HEADER_BYTES, this.#offset + this.lengthBytes);
  }

  /** The whole batch. Borrowed. */
  get batchBytes(): Uint8Array {
    return this.#bytes.subarray(this.#offset, this.#offset + this.lengthBytes);
  }

  #int16(at: number): number {
    this.#reader.position = this.#offset + at;
    return this.#reader.int16();
  }

  #int32(at: number): number {
    this.#reader.position = this.#offset + at;
    return this.#reader.int32();
  }

  /** Unlike Reader.int64 it does not throw on an unsafe value: a header can be looked at whatever it holds. */
  #int64(at: number): number {
    this.#reader.position = this.#offset + at;
    const high = this.#reader.int32();
    return high * TWO_32 + (this.#reader.int32() >>> 0);
  }
}
