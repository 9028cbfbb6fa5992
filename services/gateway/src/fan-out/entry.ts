import type { Block } from './block.ts';
import type { Packet } from './packet.ts';

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

export function newEntry(block: Block, indexes: Uint32Array | null, flags = 0): Entry {
  return { block, indexes, flags, variants: [], conflated: null };
}

/** How many records of the block it is. */
export function entryCount(entry: Entry): number {
  return entry.indexes === null ? entry.block.count : entry.indexes.length;
}

/** Index into the block of the entry's i-th record. */
export function entryIndex(entry: Entry, i: number): number {
  return entry.indexes === null ? i : (entry.indexes[i] as number);
}

/** The first of the entry's records at or above an offset; its count when there is none. */
export function firstAtOrAbove(entry: Entry, offset: number): number {
  let low = 0;
  let high = entryCount(entry);
  if (offset <= entry.block.from) return 0;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (entry.block.offsetAt(entryIndex(entry, middle)) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
