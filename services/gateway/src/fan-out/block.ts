import { RECORDS_HEADER_BYTES, recordsFrameBytes } from '@millrace/gateway-protocol';
import type { CompiledFilter } from './compiled-filter.ts';
import type { Packet } from './packet.ts';

/** Where a block's bytes are accounted: a ring or the cold cache. */
export interface BlockHome {
  addBytes(delta: number): void;
  /** Of these, what lists of matches take. */
  addMatchBytes(delta: number): void;
}

/** What a block knows of a class of cursors. */
export interface BlockClass {
  readonly filter: CompiledFilter | null;
  /** `murmur2` of the keys of a filter by key; null for any other. */
  readonly keyHashes: ReadonlySet<number> | null;
  readonly entries: { dropFirst(block: Block): void };
}

/** What one class sees of one block: some of its records, at least one. */
export interface Entry {
  readonly block: Block;
  /** Ascending indexes of its records; null = all. */
  readonly indexes: Uint32Array | null;
  /** Bits of `RecordsFlag` that its frames have beside those of block and class. */
  readonly flags: number;
  /** First packets of what was encoded, one for each place that cursors came from. */
  readonly variants: Packet[];
  /** The same with only the last record of each key, by flags; made on first use. */
  conflated: Map<number, Entry> | null;
}

/** What a block holds. */
export const BlockKind = {
  records: 0,
  /** Its last record is beyond the largest that is delivered: the value is left out, it ends as a Gap. */
  oversize: 1,
  /** Nothing of it can be read, and it may be for anybody: a Gap. */
  unreadable: 2,
  /** The same, and streams end there. */
  fatal: 3,
} as const;
export type BlockKind = (typeof BlockKind)[keyof typeof BlockKind];

/** What a block is made of. */
export interface BlockParts {
  readonly from: number;
  readonly next: number;
  readonly epoch: number;
  readonly count: number;
  readonly baseTimestamp: number;
  readonly highWatermark: number;
  /** Monotonic ms of its coming from the cluster. */
  readonly arrivedAtMs: number;
  readonly isCold: boolean;
  readonly kind: BlockKind;
  /** Packed records with all parts, offset deltas from `from`. The bytes of a frame around them are free (`claimFrame`). */
  readonly payload: Uint8Array;
  /** Byte position of each record in `payload`. */
  readonly positions: Uint32Array;
}

/**
 * Packed records covering `[from, next)` of one leader epoch; holes of compaction, control records and aborted ones
 * are covered too. Immutable but for what is cached on it: which records pass which filter, and the frames made of it.
 */
export class Block implements BlockParts {
  readonly from: number;
  readonly next: number;
  readonly epoch: number;
  readonly count: number;
  readonly baseTimestamp: number;
  readonly highWatermark: number;
  readonly arrivedAtMs: number;
  readonly isCold: boolean;
  readonly kind: BlockKind;
  readonly payload: Uint8Array;
  readonly positions: Uint32Array;
  /** Classes that have this block in their list of matches. */
  matched: BlockClass[] = NONE;
  readonly #view: DataView;
  #home: BlockHome | null;
  #isFramed = false;
  /** What classes see of it that have it in no list of matches; null: nothing. */
  seen: Map<BlockClass, Entry | null> | null = null;
  /** Indexes of its records by `murmur2` of their keys; made when a class asks that is in no index of keys. */
  keyPlaces: ReadonlyMap<number, readonly number[]> | null = null;
  /** Everything held for it, overhead included. */
  bytes: number;
  #matchBytes = 0;

  constructor(parts: BlockParts, home: BlockHome, overheadBytes: number) {
    this.from = parts.from;
    this.next = parts.next;
    this.epoch = parts.epoch;
    this.count = parts.count;
    this.baseTimestamp = parts.baseTimestamp;
    this.highWatermark = parts.highWatermark;
    this.arrivedAtMs = parts.arrivedAtMs;
    this.isCold = parts.isCold;
    this.kind = parts.kind;
    this.payload = parts.payload;
    this.positions = parts.positions;
    const { buffer, byteOffset, byteLength } = parts.payload;
    this.#view = new DataView(buffer, byteOffset, byteLength);
    this.#home = home;
    this.bytes =
      recordsFrameBytes(parts.payload.length) + 4 * parts.positions.length + overheadBytes;
  }

  /** Nobody knows whose records it holds. */
  get isUnreadable(): boolean {
    return this.kind >= BlockKind.unreadable;
  }

  /** Offset of the i-th record. */
  offsetAt(index: number): number {
    return this.from + this.#view.getUint32(this.positions[index] as number, true);
  }

  /** Where the i-th record ends in the payload. */
  endAt(index: number): number {
    return index + 1 < this.count ? (this.positions[index + 1] as number) : this.payload.length;
  }

  /**
   * The bytes of a frame whose payload is all of it, where they stand: the caller writes the header. For the first who
   * asks; null for others, whose frames are copies. A fast topic's records are in memory once, for its usual one class.
   */
  claimFrame(): Uint8Array | null {
    if (this.#isFramed) return null;
    this.#isFramed = true;
    const { buffer, byteOffset, length } = this.payload;
    return new Uint8Array(buffer, byteOffset - RECORDS_HEADER_BYTES, recordsFrameBytes(length));
  }

  /** Something cached on it grew. */
  grow(bytes: number): void {
    this.bytes += bytes;
    this.#home?.addBytes(bytes);
  }

  /** It has another list of matches, of a class with a filter. */
  growMatches(bytes: number): void {
    this.grow(bytes);
    this.#matchBytes += bytes;
    this.#home?.addMatchBytes(bytes);
  }

  /** It is accounted nowhere any more; who still reads it may. */
  leave(): void {
    this.#home?.addMatchBytes(-this.#matchBytes);
    this.#home = null;
  }
}

const NONE: BlockClass[] = [];
/** What a list of matches costs beside its indexes, about. */
export const ENTRY_BYTES = 128;
/** What remembering costs that a class sees nothing of a block, about. */
export const MISS_BYTES = 48;
