import { type BlockBounds, PackedRecordsReader, RecordsFlag } from '@millrace/gateway-protocol';
import { ProtocolViolation } from './errors.ts';
import type { GatewayRecord, RecordBlock, RecordHeader } from './gateway-record.ts';
import type { ReceivedBlock } from './partition-state.ts';

const decoder = new TextDecoder();

/**
 * A block over its packed records, all of which are checked now, so that the consumer meets no
 * broken one.
 * @throws ProtocolViolation
 */
export function parseBlock(
  topic: string,
  partition: number,
  { header, fromOffset, nextOffset }: ReceivedBlock,
  packed: Uint8Array,
): RecordBlock {
  const { count, flags, leaderEpoch } = header;
  const baseTimestamp = Number(header.baseTimestamp);
  const bounds: BlockBounds = { count, fromOffset, nextOffset, baseTimestamp };
  const reader = new PackedRecordsReader(packed, bounds);
  const places: number[] = [];
  try {
    while (reader.next()) places.push(reader.position);
  } catch (cause) {
    throw new ProtocolViolation(`a broken block at ${fromOffset} of partition ${partition}`, cause);
  }
  return {
    topic,
    partition,
    fromOffset,
    nextOffset,
    leaderEpoch,
    highWatermark: Number(header.highWatermark),
    count,
    conflated: (flags & RecordsFlag.CONFLATED) !== 0,
    snapshot: (flags & RecordsFlag.SNAPSHOT) !== 0,
    *[Symbol.iterator]() {
      for (const place of places) yield new PackedRecord(reader, packed, bounds, place);
    },
  };
}

/** Moves the reader of its block to itself whenever it is looked at. */
class PackedRecord implements GatewayRecord {
  readonly #reader: PackedRecordsReader;
  readonly #packed: Uint8Array;
  readonly #bounds: BlockBounds;
  readonly #place: number;

  constructor(reader: PackedRecordsReader, packed: Uint8Array, bounds: BlockBounds, place: number) {
    this.#reader = reader;
    this.#packed = packed;
    this.#bounds = bounds;
    this.#place = place;
  }

  get offset(): number {
    return this.#here().offset;
  }

  get timestamp(): number {
    return this.#here().timestamp;
  }

  get key(): Uint8Array | null {
    return this.#here().key;
  }

  get value(): Uint8Array | null {
    return this.#here().value;
  }

  get headers(): readonly RecordHeader[] {
    return this.#here().headers as readonly RecordHeader[];
  }

  text(): string | null {
    const { value } = this;
    return value === null ? null : decoder.decode(value);
  }

  json<T>(): T | null {
    const text = this.text();
    return text === null ? null : (JSON.parse(text) as T);
  }

  copy(): GatewayRecord {
    const length = this.#here().bytes;
    const own = this.#packed.slice(this.#place, this.#place + length);
    const reader = new PackedRecordsReader(own, this.#bounds);
    reader.readAt(0);
    return new PackedRecord(reader, own, this.#bounds, 0);
  }

  #here(): PackedRecordsReader {
    if (this.#reader.position !== this.#place) this.#reader.readAt(this.#place);
    return this.#reader;
  }
}
