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
  block.seen ??= new Map();
  let entry = block.seen.get(cls);
  if (entry === undefined) {
    entry = passing(block, cls);
    block.seen.set(cls, entry);
    grow(block, cls, entry === null ? MISS_BYTES : entryBytes(entry));
  }
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
function passing(block: Block, { filter, keyHashes }: BlockClass): Entry | null {
  if (block.isUnreadable) return newEntry(block, null);
  if (block.count === 0) return null;
  if (filter === null) return newEntry(block, null);
  const hashes = keyHashes === null ? null : hashesOf(block);
  let reader: ReturnType<typeof readerOf> | null = null;
  const indexes: number[] = [];
  for (let i = 0; i < block.count; i++) {
    if (hashes !== null && keyHashes?.has(hashes[i] as number) !== true) continue;
    reader ??= readerOf(block);
    reader.readAt(block.positions[i] as number);
    const headers = reader.headerCount === 0 ? NO_HEADERS : reader.headers;
    if (filter.passes(reader.key, headers)) indexes.push(i);
  }
  return indexes.length === 0 ? null : newEntry(block, Uint32Array.from(indexes));
}

/** The hash of each record's key, 0 for none: most filters by key see at once that a block is not for them. */
function hashesOf(block: Block): Int32Array {
  if (block.keyHashes !== null) return block.keyHashes;
  const hashes = new Int32Array(block.count);
  const reader = readerOf(block);
  for (let i = 0; i < block.count; i++) {
    reader.readAt(block.positions[i] as number);
    const { key } = reader;
    if (key !== null) hashes[i] = murmur2(key);
  }
  block.keyHashes = hashes;
  block.grow(hashes.byteLength);
  return hashes;
}
