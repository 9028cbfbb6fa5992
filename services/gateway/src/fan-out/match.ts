import type { HeaderField } from '@millrace/gateway-protocol';
import type { Block } from './block.ts';
import type { CompiledFilter } from './compiled-filter.ts';
import { type Entry, newEntry } from './entry.ts';
import { readerOf } from './packed-slice.ts';

const NO_HEADERS: readonly HeaderField[] = [];

/** What passes a filter of one block; null when nothing does. */
export function entryOf(block: Block, filter: CompiledFilter | null): Entry | null {
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
