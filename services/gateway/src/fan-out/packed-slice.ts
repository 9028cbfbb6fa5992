import { PackedRecordsReader, PackedRecordsWriter, Projection } from '@millrace/gateway-protocol';
import type { Block, Entry } from './block.ts';
import { entryCount, entryIndex } from './entry.ts';

const projecting = new PackedRecordsWriter(0);

/**
 * Packed records of an entry from its `first`-th on, with offset deltas from `from`.
 *
 * With all parts asked for, records are copied as they lie and only the first field of each (u32 offsetDelta,
 * little-endian) is written anew; otherwise they are packed again.
 */
export function packedSlice(
  entry: Entry,
  first: number,
  from: number,
  projection: number,
): Uint8Array {
  if (projection !== Projection.ALL) return projected(entry, first, from, projection);
  const { block } = entry;
  const isWhole = entry.indexes === null && first === 0;
  if (isWhole && from === block.from) return block.payload;
  const shift = block.from - from;
  const count = entryCount(entry);
  let bytes = 0;
  for (let i = first; i < count; i++) {
    const index = entryIndex(entry, i);
    bytes += block.endAt(index) - (block.positions[index] as number);
  }
  const packed = new Uint8Array(bytes);
  const view = new DataView(packed.buffer);
  let at = 0;
  for (let i = first; i < count; i++) {
    const index = entryIndex(entry, i);
    const start = block.positions[index] as number;
    const end = block.endAt(index);
    packed.set(block.payload.subarray(start, end), at);
    view.setUint32(at, view.getUint32(at, true) + shift, true);
    at += end - start;
  }
  return packed;
}

function projected(entry: Entry, first: number, from: number, projection: number): Uint8Array {
  const { block } = entry;
  const reader = readerOf(block);
  const writer = projecting;
  writer.reset(block.baseTimestamp, projection);
  const count = entryCount(entry);
  for (let i = first; i < count; i++) {
    reader.readAt(block.positions[entryIndex(entry, i)] as number);
    writer.append(
      reader.offset - from,
      reader.timestamp,
      reader.key,
      reader.value,
      reader.headerCount === 0 ? [] : reader.headers,
      reader.isLogAppendTime,
    );
  }
  return writer.finish();
}

/** A reader over the whole block, to be moved with `readAt`. */
export function readerOf(block: Block): PackedRecordsReader {
  return new PackedRecordsReader(block.payload, {
    count: block.count,
    fromOffset: block.from,
    nextOffset: block.next,
    baseTimestamp: block.baseTimestamp,
  });
}
