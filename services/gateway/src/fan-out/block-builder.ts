import { asError, assert } from '@millrace/base';
import {
  type HeaderField,
  PackedRecordsWriter,
  RECORDS_HEADER_BYTES,
  recordsFrameBytes,
} from '@millrace/gateway-protocol';
import { type PartitionRead, ReadCursor } from '../upstream.ts';
import { BlockKind, type BlockParts } from './block.ts';
import { type Damage, firstDamage } from './damage.ts';
import { visibleHeaders } from './visible-headers.ts';

/** The block being filled, without what only its receiver knows. */
export type BuiltBlock = Omit<BlockParts, 'isCold' | 'highWatermark' | 'arrivedAtMs'>;

export interface BlockBuilderOptions {
  /** A block is closed before it would exceed this; a single record may. Bytes of packed records. */
  readonly targetBytes: number;
  /** Largest record that is delivered. Bytes. */
  readonly recordBytesMax: number;
  readonly onBlock: (block: BuiltBlock) => void;
  /**
   * A batch cannot be read; `to` is -1 when nobody can tell where it ends, and `add` throws. Otherwise `[from, to)`
   * becomes a block of its own: one that ends as a Gap if this is true, else one where streams end.
   */
  readonly isSkipped: (from: number, to: number, error: Error) => boolean;
}

const NO_HEADERS: readonly HeaderField[] = [];
const RECORD_OVERHEAD_BYTES = 16;
/** `next − from` stays below 2³¹ (§5). */
const SPAN_MAX = 0x7fff_ffff;

/** Packs the records of one partition into blocks that follow one another without a hole. */
export class BlockBuilder {
  readonly #options: BlockBuilderOptions;
  readonly #cursor = new ReadCursor();
  readonly #writer = new PackedRecordsWriter(0);
  #positions = new Uint32Array(256);
  #from: number;
  #next: number;
  #epoch = -1;
  #baseTimestamp = 0;

  constructor(from: number, options: BlockBuilderOptions) {
    this.#from = from;
    this.#next = from;
    this.#options = options;
  }

  /** Everything below is in blocks, or in the open one. */
  get next(): number {
    return this.#next;
  }

  /** Where the open block begins. */
  get from(): number {
    return this.#from;
  }

  /** Epoch of what was read last, markers included; -1 when that is not known. */
  get epoch(): number {
    return this.#epoch;
  }

  get openBytes(): number {
    return this.#writer.bytes;
  }

  /** True when there is something to seal: records, or offsets without any. */
  get isOpen(): boolean {
    return this.#next > this.#from;
  }

  /** Drops the open block and begins at another place; `epoch` is that of what ends there, -1 unknown. */
  restart(from: number, epoch: number): void {
    this.#from = from;
    this.#next = from;
    this.#epoch = epoch;
    this.#writer.reset(0);
  }

  /**
   * Adds what was read from `next` on, up to `limit` (exclusive), or up to a batch that cannot be read.
   *
   * @throws DecodeError when what comes next is no batch at all; what came before it is added.
   */
  add(read: PartitionRead, limit = Number.POSITIVE_INFINITY): void {
    assert(read.fetchOffset === this.#next, 'a read goes on where the one before ended');
    const damage = firstDamage(read);
    const batches = damage === null ? read.batches : read.batches.subarray(0, damage.position);
    const cursor = this.#cursor.reset({ ...read, batches });
    try {
      this.#walk(limit);
      if (this.#next < limit) cursor.assertSound();
    } catch (error) {
      this.#skip(Math.min(cursor.nextOffset, limit), cursor.epoch, asError(error));
      return;
    }
    if (damage === null || this.#next >= limit) return;
    this.#skip(Math.min(damage.to, limit), this.#epochOf(damage), damage.error);
  }

  /**
   * Of a damaged batch. A wrong one would be asked of the cluster with the next read, which would answer that the log was
   * cut or is another one. What the header names is believed only where it is the epoch of what came before.
   */
  #epochOf({ nextEpoch, namedEpoch }: Damage): number {
    if (nextEpoch >= 0) return nextEpoch;
    return namedEpoch === this.#epoch ? namedEpoch : -1;
  }

  #walk(limit: number): void {
    const cursor = this.#cursor;
    const { record } = cursor;
    while (cursor.next()) {
      const { offset } = record;
      if (offset >= limit) break;
      if (offset < this.#next) continue;
      const headers = record.headerCount === 0 ? NO_HEADERS : visibleHeaders(record.headers);
      const bytes = packedBytes(record.keyBytes, record.valueBytes, headers);
      const isOversize = bytes > this.#options.recordBytesMax;
      this.#makeRoom(offset, bytes, cursor.epoch, isOversize);
      if (this.#writer.count === 0) {
        this.#baseTimestamp = record.timestampMs;
        this.#writer.reset(record.timestampMs);
      }
      this.#mark(this.#writer.bytes);
      this.#epoch = cursor.epoch;
      this.#writer.append(
        offset - this.#from,
        record.timestampMs,
        record.key,
        isOversize ? NOTHING : record.value,
        headers,
        cursor.batch.timestampType === 'LogAppendTime',
      );
      this.#next = offset + 1;
      if (isOversize) this.#close(BlockKind.oversize);
    }
    this.#enterEpoch(cursor.epoch);
    this.#next = Math.max(this.#next, Math.min(cursor.nextOffset, limit));
  }

  /** What lies between `next` and `to` cannot be read; `epoch` is that of what ends there, -1 unknown. */
  #skip(to: number, epoch: number, error: Error): void {
    const isKnown = to > this.#next;
    const isSkipped = this.#options.isSkipped(this.#next, isKnown ? to : -1, error);
    if (!isKnown) throw error;
    this.seal();
    this.#epoch = epoch;
    this.#next = to;
    this.#close(isSkipped ? BlockKind.unreadable : BlockKind.fatal);
  }

  /** Closes the open block, if there is one. */
  seal(): void {
    if (this.isOpen) this.#close(BlockKind.records);
  }

  /**
   * What follows the last record, holes and markers, is of the epoch that was read last: a position behind it must have
   * that epoch too, or it would seem to lie beyond the end of an older one. -1 for a read without batches.
   */
  #enterEpoch(epoch: number): void {
    if (epoch < 0 || epoch === this.#epoch) return;
    if (this.#writer.count > 0) this.seal();
    this.#epoch = epoch;
  }

  /** Closes the open block when the record at `offset` must not join it. */
  #makeRoom(offset: number, bytes: number, epoch: number, isOversize: boolean): void {
    if (offset - this.#from >= SPAN_MAX) this.seal();
    if (this.#writer.count === 0) return;
    const isFull = this.#writer.bytes + bytes > this.#options.targetBytes;
    if (isFull || isOversize || epoch !== this.#epoch) this.seal();
  }

  #mark(position: number): void {
    const { count } = this.#writer;
    if (count === this.#positions.length) {
      const longer = new Uint32Array(2 * count);
      longer.set(this.#positions);
      this.#positions = longer;
    }
    this.#positions[count] = position;
  }

  #close(kind: BlockKind): void {
    const { count } = this.#writer;
    const block = {
      from: this.#from,
      next: this.#next,
      epoch: this.#epoch,
      count,
      baseTimestamp: count === 0 ? 0 : this.#baseTimestamp,
      kind,
      payload: framed(this.#writer.borrow()),
      positions: this.#positions.slice(0, count),
    };
    this.#from = this.#next;
    this.#writer.reset(0);
    this.#options.onBlock(block);
  }
}

const NOTHING = new Uint8Array();

/** A copy with room around it for the frame of the class that wants all of it (`Block.claimFrame`). */
function framed(packed: Uint8Array): Uint8Array {
  const frame = new Uint8Array(recordsFrameBytes(packed.length));
  frame.set(packed, RECORDS_HEADER_BYTES);
  return frame.subarray(RECORDS_HEADER_BYTES, RECORDS_HEADER_BYTES + packed.length);
}

/** What a record takes, to within a few bytes. Lengths are -1 for null. */
function packedBytes(key: number, value: number, headers: readonly HeaderField[]): number {
  let bytes = RECORD_OVERHEAD_BYTES + Math.max(key, 0) + Math.max(value, 0);
  for (const { name, value: held } of headers) {
    bytes += 6 + Buffer.byteLength(name ?? '') + (held === null ? 0 : held.length);
  }
  return bytes;
}
