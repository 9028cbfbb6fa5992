import type { Block, Entry } from './block.ts';

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
