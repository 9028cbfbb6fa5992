import { crc32c, EncodeError, utf8Length, varintSize, varlongSize, Writer } from '@millrace/bytes';
import {
  ATTRIBUTES_AT,
  BATCH_HEADER_BYTES,
  BATCH_PREFIX_BYTES,
  CONTROL_BIT,
  Codec,
  CRC_AT,
  DELETE_HORIZON_BIT,
  LOG_APPEND_TIME_BIT,
  MAGIC_V2,
  TRANSACTIONAL_BIT,
} from './batch-layout.ts';
import type { NewRecord, RecordHeader } from './record.ts';

/** What stands in the header of a batch beside its records. Everything has Kafka's "none" as its default. */
export interface BatchOptions {
  /** Default 0, as a producer sends it. */
  readonly baseOffset?: number;
  /** Default -1. */
  readonly leaderEpoch?: number;
  /** -1 (default): not idempotent. */
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  readonly isTransactional?: boolean;
  readonly isControl?: boolean;
  /** Stamps the batch with LogAppendTime of this instant, ms. Default: CreateTime. */
  readonly logAppendTimeMs?: number;
  /** Keeps the offsets of removed records: default the last record's delta. */
  readonly lastOffsetDelta?: number;
}

/** Deflates a body. `compress` of @millrace/compression is one. */
export type Deflate<Result> = (codec: Codec, body: Uint8Array) => Result;

const encoder = new TextEncoder();

/**
 * Gathers records into one batch of magic 2. Offsets count up from the batch's base offset; the first
 * record's timestamp is the base timestamp. `build` copies: its result is owned, and the builder may be
 * `reset` and used again.
 */
export class BatchBuilder {
  readonly #writer: Writer;
  #recordCount = 0;
  #lastDelta = -1;
  #baseTimestamp = -1;
  #maxTimestamp = -1;
  #deleteHorizonMs: number | undefined;

  /** @param bytesExpected first size of the memory records are gathered in. */
  constructor(bytesExpected = 1024) {
    this.#writer = new Writer(bytesExpected);
    this.reset();
  }

  /**
   * Starts an empty batch.
   * @param deleteHorizonMs when tombstones of this batch may go (KIP-534); it takes the base timestamp's place.
   */
  reset(deleteHorizonMs?: number): this {
    this.#writer.reset();
    this.#writer.reserve(BATCH_HEADER_BYTES);
    this.#recordCount = 0;
    this.#lastDelta = -1;
    this.#deleteHorizonMs = deleteHorizonMs;
    this.#baseTimestamp = deleteHorizonMs ?? -1;
    this.#maxTimestamp = -1;
    return this;
  }

  get recordCount(): number {
    return this.#recordCount;
  }

  /** Bytes of the batch as it stands, uncompressed, header included. */
  get sizeBytes(): number {
    return this.#writer.position;
  }

  /** Largest timestamp so far, ms; -1 when there is none. */
  get maxTimestamp(): number {
    return this.#maxTimestamp;
  }

  /** Bytes of the batch, uncompressed, if `record` were appended next. */
  sizeWith(record: NewRecord): number {
    const content = this.#contentBytes(record, this.#lastDelta + 1);
    return this.#writer.position + varintSize(content) + content;
  }

  /**
   * Appends a record.
   * @param offsetDelta default: one after the last. Must ascend; gaps are what compaction leaves.
   * @returns the record's offset delta.
   * @throws EncodeError when the delta does not ascend or the timestamp is not a safe integer.
   */
  append(record: NewRecord, offsetDelta = this.#lastDelta + 1): number {
    if (offsetDelta <= this.#lastDelta) {
      throw new EncodeError(`offset delta ${offsetDelta} after ${this.#lastDelta}`);
    }
    if (!Number.isSafeInteger(record.timestampMs)) {
      throw new EncodeError(`timestamp ${record.timestampMs}`);
    }
    if (this.#recordCount === 0 && this.#deleteHorizonMs === undefined) {
      this.#baseTimestamp = record.timestampMs;
    }
    const writer = this.#writer;
    writer.varint(this.#contentBytes(record, offsetDelta));
    writer.int8(0);
    writer.varlong(record.timestampMs - this.#baseTimestamp);
    writer.varint(offsetDelta);
    writeNullable(writer, record.key);
    writeNullable(writer, record.value);
    writeHeaders(writer, record.headers ?? []);
    this.#recordCount++;
    this.#lastDelta = offsetDelta;
    if (record.timestampMs > this.#maxTimestamp) this.#maxTimestamp = record.timestampMs;
    return offsetDelta;
  }

  /**
   * The batch, owned by the caller.
   * @param codec with `deflate`, which is called once with the records; none by default.
   */
  build(
    options: BatchOptions = {},
    codec: Codec = Codec.none,
    deflate?: Deflate<Uint8Array>,
  ): Uint8Array {
    if (codec === Codec.none || deflate === undefined)
      return this.#assemble(options, Codec.none, this.#body());
    return this.#assemble(options, codec, deflate(codec, this.#body()));
  }

  /**
   * The same with a codec that answers later, on a worker pool. The builder must not be touched until the
   * promise settles.
   */
  async buildLater(
    options: BatchOptions,
    codec: Codec,
    deflate: Deflate<Promise<Uint8Array>>,
  ): Promise<Uint8Array> {
    if (codec === Codec.none) return this.#assemble(options, codec, this.#body());
    return this.#assemble(options, codec, await deflate(codec, this.#body()));
  }

  #body(): Uint8Array {
    return this.#writer.finishBytes().subarray(BATCH_HEADER_BYTES);
  }

  #assemble(options: BatchOptions, codec: Codec, body: Uint8Array): Uint8Array {
    const batch = new Uint8Array(BATCH_HEADER_BYTES + body.length);
    batch.set(body, BATCH_HEADER_BYTES);
    const lastOffsetDelta = options.lastOffsetDelta ?? Math.max(this.#lastDelta, 0);
    if (lastOffsetDelta < this.#lastDelta) {
      throw new EncodeError(`last offset delta ${lastOffsetDelta} below ${this.#lastDelta}`);
    }
    const appendTimeMs = options.logAppendTimeMs;
    const attributes =
      codec |
      (appendTimeMs === undefined ? 0 : LOG_APPEND_TIME_BIT) |
      (options.isTransactional ? TRANSACTIONAL_BIT : 0) |
      (options.isControl ? CONTROL_BIT : 0) |
      (this.#deleteHorizonMs === undefined ? 0 : DELETE_HORIZON_BIT);
    const header = new Writer(0).reset(batch, 0, BATCH_HEADER_BYTES);
    header.int64(options.baseOffset ?? 0);
    header.int32(batch.length - BATCH_PREFIX_BYTES);
    header.int32(options.leaderEpoch ?? -1);
    header.int8(MAGIC_V2);
    header.int32(0);
    header.int16(attributes);
    header.int32(lastOffsetDelta);
    header.int64(this.#baseTimestamp);
    header.int64(appendTimeMs ?? this.#maxTimestamp);
    header.int64(options.producerId ?? -1);
    header.int16(options.producerEpoch ?? -1);
    header.int32(options.baseSequence ?? -1);
    header.int32(this.#recordCount);
    header.patchInt32(CRC_AT, crc32c(batch, ATTRIBUTES_AT));
    return batch;
  }

  /** Bytes of a record behind its length field. */
  #contentBytes(record: NewRecord, offsetDelta: number): number {
    const first = this.#recordCount === 0 && this.#deleteHorizonMs === undefined;
    const timestampDelta = first ? 0 : record.timestampMs - this.#baseTimestamp;
    const headers = record.headers ?? [];
    let size =
      1 +
      varlongSize(timestampDelta) +
      varintSize(offsetDelta) +
      nullableBytes(record.key) +
      nullableBytes(record.value) +
      varintSize(headers.length);
    for (const header of headers) {
      const keyBytes = utf8Length(header.key);
      size += varintSize(keyBytes) + keyBytes + nullableBytes(header.value);
    }
    return size;
  }
}

function nullableBytes(bytes: Uint8Array | null): number {
  return bytes === null ? 1 : varintSize(bytes.length) + bytes.length;
}

function writeNullable(writer: Writer, bytes: Uint8Array | null): void {
  if (bytes === null) {
    writer.varint(-1);
    return;
  }
  writer.varint(bytes.length);
  writer.bytes(bytes);
}

function writeHeaders(writer: Writer, headers: readonly RecordHeader[]): void {
  writer.varint(headers.length);
  for (const header of headers) {
    writeNullable(writer, encoder.encode(header.key));
    writeNullable(writer, header.value);
  }
}
