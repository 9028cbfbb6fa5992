import type { HeaderField } from '@millrace/gateway-protocol';
import { type Block, type BlockClass, ENTRY_BYTES, type Entry } from './block.ts';
import type { CompiledFilter } from './compiled-filter.ts';
import { newEntry } from './entry.ts';
import { readerOf } from './packed-slice.ts';

const NO_HEADERS: readonly HeaderField[] = [];

/** What a class sees of a block that is in no list of its matches; found out on first use. */
export function entryOf(block: Block, cls: BlockClass): Entry | null {
  block.seen ??= new Map();
  let entry = block.seen.get(cls);
  if (entry === undefined) {
    entry = passing(block, cls.filter);
    block.seen.set(cls, entry);
    block.grow(ENTRY_BYTES + 4 * (entry?.indexes?.length ?? 0));
  }
  return entry;
}

/** What passes a filter of one block; null when nothing does. */
function passing(block: Block, filter: CompiledFilter | null): Entry | null {
  if (block.isUnreadable) return newEntry(block, null);
  if (block.count === 0) return null;
  if (filter === null) return newEntry(block, null);
  const reader = readerOf(block);
  const indexes: number[] = [];
  for (let i = 0; i < block.count; i++) {
    reader.readAt(block.positions[i] as number);
    const headers = reader.headerCount === 0 ? NO_HEADERS : reader.headers;
    if (filter.passes(reader.key, headers)) indexes.push(i);
  }
  return indexes.length === 0 ? null : newEntry(block, Uint32Array.from(indexes));
}
