import { crc32 } from 'node:zlib';
import { Reader } from '@millrace/bytes';
import { codecName } from '@millrace/records';

/** Formats 0 and 1, before record batches. */
export function isLegacyMagic(magic: number): boolean {
  return magic === 0 || magic === 1;
}

const CRC_AT = 12;
const MAGIC_AT = 16;
const CODEC_MASK = 0x07;
const LOG_APPEND_TIME_BIT = 0x08;

/**
 * A message of format 0 or 1, where it lies:
 *
 *     offset 8 · size 4 · crc-32 of the rest 4 · magic 1 · attributes 1 · [format 1: timestamp 8] ·
 *     key length 4 · key · value length 4 · value
 *
 * A compressed one wraps a message set in its value.
 */
export class LegacyMessage {
  readonly offset: number;
  readonly lengthBytes: number;
  readonly magic: number;
  readonly crc: number;
  readonly isValid: boolean;
  readonly codec: number;
  /** -1 in format 0. */
  readonly timestampMs: number;
  readonly timestampType: 'NoTimestampType' | 'CreateTime' | 'LogAppendTime';
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;

  /** @throws DecodeError when key or value do not fit. */
  constructor(bytes: Uint8Array) {
    const reader = new Reader(bytes);
    this.offset = reader.int64();
    this.lengthBytes = reader.int32() + CRC_AT;
    this.crc = reader.uint32();
    this.isValid = crc32(bytes.subarray(MAGIC_AT)) === this.crc;
    this.magic = reader.int8();
    const attributes = reader.int8();
    this.codec = attributes & CODEC_MASK;
    this.timestampMs = this.magic === 0 ? -1 : reader.int64();
    if (this.magic === 0) this.timestampType = 'NoTimestampType';
    else this.timestampType = attributes & LOG_APPEND_TIME_BIT ? 'LogAppendTime' : 'CreateTime';
    this.key = reader.nullableByteArray('key');
    this.value = reader.nullableByteArray('value');
  }

  get codecName(): string {
    return codecName(this.codec) ?? `unknown(${this.codec})`;
  }

  /** Bytes of a message without key and value. */
  static headerBytes(magic: number): number {
    return magic === 0 ? 26 : 34;
  }
}
