/*
 * Record batch, magic 2 (KIP-98, KIP-534). All integers big-endian.
 *
 *   0         8        12       16 17     21     23        27          35         43         51    53     57     61
 *   | base    | batch  | leader |m | crc  | attr | last    | base      | max       | producer | pr. | base | rec. | records …
 *   | offset  | length | epoch  |  |      |      | off. Δ  | timestamp | timestamp | id       | ep. | seq. | count|
 *             └ counts from 12    └ CRC-32C of 21 … end
 *
 * Base offset and leader epoch are the leader's to write, so they lie outside the checksum. A message of
 * magic 0 or 1 has its magic at byte 16 too, which is how the three are told apart.
 */

export const BASE_OFFSET_AT = 0;
export const BATCH_LENGTH_AT = 8;
export const LEADER_EPOCH_AT = 12;
export const MAGIC_AT = 16;
export const CRC_AT = 17;
export const ATTRIBUTES_AT = 21;
export const LAST_OFFSET_DELTA_AT = 23;
export const BASE_TIMESTAMP_AT = 27;
export const MAX_TIMESTAMP_AT = 35;
export const PRODUCER_ID_AT = 43;
export const PRODUCER_EPOCH_AT = 51;
export const BASE_SEQUENCE_AT = 53;
export const RECORD_COUNT_AT = 57;

/** Bytes before the first record. */
export const BATCH_HEADER_BYTES = 61;
/** Base offset and batch length: what the batch length field does not count. */
export const BATCH_PREFIX_BYTES = 12;
/** Smallest value of the batch length field: a header without records. */
export const BATCH_LENGTH_MIN = BATCH_HEADER_BYTES - BATCH_PREFIX_BYTES;
/** Smallest record: length, attributes, two deltas, null key, null value, no headers: one byte each. */
export const RECORD_BYTES_MIN = 7;

/** The only magic that is written and served. */
export const MAGIC_V2 = 2;

export const CODEC_MASK = 0x07;
export const LOG_APPEND_TIME_BIT = 0x08;
export const TRANSACTIONAL_BIT = 0x10;
export const CONTROL_BIT = 0x20;
export const DELETE_HORIZON_BIT = 0x40;

/** Sequence numbers count 0 … 2³¹−1 and then start over at 0. */
export const SEQUENCE_MASK = 0x7fffffff;

/** Ids of the compression codecs, as in the lowest three attribute bits. */
export const Codec = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const;
export type Codec = (typeof Codec)[keyof typeof Codec];

const CODEC_NAMES = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
export type CodecName = (typeof CODEC_NAMES)[number];

/** Kafka's name of a codec (`compression.type`), or undefined for 5 … 7. */
export function codecName(codec: number): CodecName | undefined {
  return CODEC_NAMES[codec];
}

/** When a record's timestamp was taken: by its producer, or by the broker on append. */
export type TimestampType = 'CreateTime' | 'LogAppendTime';
