import { RecordsFlag } from '@millrace/gateway-protocol';
import type { Entry } from './block.ts';
import { entryCount, entryIndex, newEntry } from './entry.ts';
import { readerOf } from './packed-slice.ts';

/** A key as a map key, one character per byte. */
export function keyText(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
}

/** The entry with only the last record of each key; records without a key all stay. */
export function conflatedEntry(entry: Entry, isSnapshot: boolean): Entry {
  const flags = RecordsFlag.CONFLATED | (isSnapshot ? RecordsFlag.SNAPSHOT : 0);
  entry.conflated ??= new Map();
  let conflated = entry.conflated.get(flags);
  if (conflated === undefined) {
    conflated = newEntry(entry.block, latestIndexes(entry), flags);
    entry.conflated.set(flags, conflated);
    entry.block.grow(4 * entryCount(conflated));
  }
  return conflated;
}

function latestIndexes(entry: Entry): Uint32Array {
  const reader = readerOf(entry.block);
  const seen = new Set<string>();
  const kept: number[] = [];
  for (let i = entryCount(entry) - 1; i >= 0; i--) {
    const index = entryIndex(entry, i);
    reader.readAt(entry.block.positions[index] as number);
    const { key } = reader;
    if (key !== null) {
      const text = keyText(key);
      if (seen.has(text)) continue;
      seen.add(text);
    }
    kept.push(index);
  }
  return Uint32Array.from(kept.reverse());
}
