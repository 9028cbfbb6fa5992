import { murmur2 } from '@millrace/bytes';
import type { HeaderField } from '@millrace/gateway-protocol';
import { deliveryLimits } from '../limits.ts';
import { type Block, type BlockClass, ENTRY_BYTES, type Entry, MISS_BYTES } from './block.ts';
import { newEntry } from './entry.ts';
import type { EntryList } from './entry-list.ts';
import { readerOf } from './packed-slice.ts';
import type { Ring } from './ring.ts';

const NO_HEADERS: readonly HeaderField[] = [];

/** A class whose matches among the ring's blocks are complete from `matchedFrom` on. */
export interface MatchedClass extends BlockClass {
  readonly entries: EntryList;
  matchedFrom: number;
}

/** What a class sees of a block that is in no list of its matches; found out on first use. */
export function entryOf(block: Block, cls: BlockClass): Entry | null {
  const known = block.seen?.get(cls);
  if (known !== undefined) return known;
  const entry = passing(block, cls);
  // That a key is not there is seen as quickly again.
  if (entry === null && cls.keyHashes !== null) return null;
  block.seen ??= new Map();
  block.seen.set(cls, entry);
  grow(block, cls, entry === null ? MISS_BYTES : entryBytes(entry));
  return entry;
}

/** Puts what a class sees of a block of the ring into its list; the caller keeps the order. */
export function noteMatch(cls: BlockClass, entry: Entry): void {
  entry.block.matched.push(cls);
  grow(entry.block, cls, entryBytes(entry));
}

/**
 * Finds the matches of a class among the ring's blocks that came before it was made, down to an offset; some blocks at a
 * time. True when the list reaches there.
 */
export function matchBackTo(cls: MatchedClass, ring: Ring, offset: number): boolean {
  const older: Entry[] = [];
  let from = cls.matchedFrom;
  let left: number = deliveryLimits.blocksMatchedPerTurn;
  ring.descend(from, (block) => {
    const entry = passing(block, cls);
    if (entry !== null) {
      noteMatch(cls, entry);
      older.push(entry);
    }
    from = block.from;
    return from > offset && --left > 0;
  });
  cls.matchedFrom = from;
  cls.entries.prepend(older.reverse());
  return from <= offset;
}

function grow(block: Block, { filter }: BlockClass, bytes: number): void {
  if (filter === null) block.grow(bytes);
  else block.growMatches(bytes);
}

function entryBytes({ indexes }: Entry): number {
  return ENTRY_BYTES + 4 * (indexes?.length ?? 0);
}

/** What passes the filter of a class of one block; null when nothing does. */
function passing(block: Block, cls: BlockClass): Entry | null {
  if (block.isUnreadable) return newEntry(block, null);
  if (block.count === 0) return null;
  const { filter } = cls;
  if (filter === null) return newEntry(block, null);
  const indexes: number[] = [];
  const candidates = candidatesOf(block, cls);
  if (candidates !== null && candidates.length === 0) return null;
  const reader = readerOf(block);
  const count = candidates === null ? block.count : candidates.length;
  for (let i = 0; i < count; i++) {
    const index = candidates === null ? i : (candidates[i] as number);
    reader.readAt(block.positions[index] as number);
    const isPlain = reader.headerCount === 0 || !filter.needsHeaders;
    const headers = isPlain ? NO_HEADERS : reader.headers;
    if (filter.passes(reader.key, headers)) indexes.push(index);
  }
  return indexes.length === 0 ? null : newEntry(block, Uint32Array.from(indexes));
}

/** The records of a block whose keys a filter may pass, in order; null = any. */
function candidatesOf(block: Block, { keyHashes }: BlockClass): readonly number[] | null {
  if (keyHashes === null) return null;
  const known = placesOf(block);
  let found: readonly number[] = NOWHERE;
  for (const hash of keyHashes) {
    const places = known.get(hash);
    if (places !== undefined) found = found === NOWHERE ? places : [...found, ...places];
  }
  return keyHashes.size === 1 ? found : [...found].sort((a, b) => a - b);
}

/** Where the keys of each hash stand in a block: made once, for all filters by key that are in no index of their own. */
function placesOf(block: Block): ReadonlyMap<number, readonly number[]> {
  if (block.keyPlaces !== null) return block.keyPlaces;
  const places = new Map<number, number[]>();
  const reader = readerOf(block);
  for (let i = 0; i < block.count; i++) {
    reader.readAt(block.positions[i] as number);
    const { key } = reader;
    if (key === null) continue;
    const hash = murmur2(key);
    const known = places.get(hash);
    if (known === undefined) places.set(hash, [i]);
    else known.push(i);
  }
  block.keyPlaces = places;
  block.growMatches(block.count * KEY_PLACE_BYTES);
  return places;
}

const NOWHERE: readonly number[] = [];
/** What the place of a key costs, about. */
const KEY_PLACE_BYTES = 64;
