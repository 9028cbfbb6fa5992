import { Reader } from '@millrace/bytes';
import { BatchView } from '@millrace/records';
import { batchesOf, type FoundBatch } from './batches.ts';
import type { DumpContext } from './dump-context.ts';
import { Inflater, maxTimestampOf } from './inflater.ts';
import type { Problems } from './problems.ts';
import { SegmentFile } from './segment-file.ts';

const OFFSET_ENTRY_BYTES = 8;
const TIME_ENTRY_BYTES = 12;

interface OffsetEntry {
  readonly offset: number;
  readonly position: number;
}

interface TimeEntry {
  readonly offset: number;
  readonly timestampMs: number;
}

/** `.index`: entries of int32 offset − base and int32 position of the batch that ends with it. */
export function dumpOffsetIndex(file: SegmentFile, context: DumpContext): void {
  const { options, print, problems } = context;
  const base = file.baseOffset ?? 0;
  const entries = offsetEntries(file, base);
  if (options.onlySanity) {
    sanity(file, OFFSET_ENTRY_BYTES, entries.at(-1)?.offset, context);
    return;
  }
  if (file.sizeBytes < OFFSET_ENTRY_BYTES) print(`${file.path} is empty.`);
  withLog(file, problems, (log) => {
    for (const entry of entries) {
      const found = log === undefined ? undefined : firstBatch(log, entry.position);
      const logged = found === undefined ? -1 : lastOffsetOf(found);
      if (log !== undefined && logged !== entry.offset) {
        problems.indexMismatch(file.path, entry.offset, logged);
      }
      if (!options.onlyVerifies) print(`offset: ${entry.offset} position: ${entry.position}`);
    }
  });
}

/** `.timeindex`: entries of int64 timestamp and int32 offset − base, both ascending. */
export function dumpTimeIndex(file: SegmentFile, context: DumpContext): void {
  const { options, print, problems } = context;
  const base = file.baseOffset ?? 0;
  const entries = timeEntries(file, base);
  if (options.onlySanity) {
    const last = entries.at(-1);
    if (last !== undefined && last.timestampMs < (entries[0]?.timestampMs ?? 0)) {
      problems.other(file.path, 'the last timestamp is below the first');
    } else {
      sanity(file, TIME_ENTRY_BYTES, last?.offset, context);
    }
    return;
  }
  withLog(file, problems, (log) => {
    const positions = offsetEntriesBeside(file, base);
    let previousMs = -1;
    for (const entry of entries) {
      if (log !== undefined) checkTimeEntry(file, log, entry, previousMs, positions, context);
      if (!options.onlyVerifies) print(`timestamp: ${entry.timestampMs} offset: ${entry.offset}`);
      previousMs = entry.timestampMs;
    }
  });
}

/** An entry names the batch that holds the largest timestamp so far, by its last offset. */
function checkTimeEntry(
  file: SegmentFile,
  log: SegmentFile,
  entry: TimeEntry,
  previousMs: number,
  positions: readonly OffsetEntry[],
  { options, problems }: DumpContext,
): void {
  const start = positions.findLast(({ offset }) => offset <= entry.offset)?.position ?? 0;
  let found: FoundBatch | undefined;
  for (const one of batchesOf(log, start)) {
    if (lastOffsetOf(one) < entry.offset) continue;
    found = one;
    break;
  }
  const logged = found === undefined ? -1 : lastOffsetOf(found);
  if (found === undefined || logged !== entry.offset) {
    problems.offsetNotFound(file.path, entry.offset, logged);
    return;
  }
  const loggedMs = maxTimestampOf(found.batch, new Inflater(options.messageBytesMax));
  if (loggedMs !== entry.timestampMs) {
    problems.timestampMismatch(file.path, entry.timestampMs, loggedMs);
  }
  if (previousMs >= entry.timestampMs) {
    problems.timestampOrder(file.path, entry.timestampMs, previousMs);
  }
}

function offsetEntries(file: SegmentFile, base: number): OffsetEntry[] {
  const reader = new Reader(file.read(0, file.sizeBytes));
  const entries: OffsetEntry[] = [];
  while (reader.remaining >= OFFSET_ENTRY_BYTES) {
    const offset = base + reader.int32();
    const position = reader.int32();
    // The rest of an index that was given its room beforehand is zeros.
    if (offset === base && entries.length > 0) break;
    entries.push({ offset, position });
  }
  return entries;
}

function timeEntries(file: SegmentFile, base: number): TimeEntry[] {
  const reader = new Reader(file.read(0, file.sizeBytes));
  const entries: TimeEntry[] = [];
  while (reader.remaining >= TIME_ENTRY_BYTES) {
    const timestampMs = Number(reader.int64Big());
    const offset = base + reader.int32();
    if (offset === base && entries.length > 0) break;
    entries.push({ offset, timestampMs });
  }
  return entries;
}

/** Entries of the `.index` of the same segment, to start near an offset; none when there is no such file. */
function offsetEntriesBeside(file: SegmentFile, base: number): OffsetEntry[] {
  const index = openOrUndefined(file.sibling('.index'));
  if (index === undefined) return [];
  try {
    return offsetEntries(index, base);
  } finally {
    index.close();
  }
}

function withLog(
  file: SegmentFile,
  problems: Problems,
  use: (log: SegmentFile | undefined) => void,
): void {
  const log = openOrUndefined(file.sibling('.log'));
  if (log === undefined)
    problems.other(file.path, `there is no ${file.sibling('.log')} to compare with`);
  try {
    use(log);
  } finally {
    log?.close();
  }
}

function openOrUndefined(file: string): SegmentFile | undefined {
  try {
    return new SegmentFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function sanity(
  file: SegmentFile,
  entryBytes: number,
  lastOffset: number | undefined,
  { print, problems }: DumpContext,
): void {
  const base = file.baseOffset ?? 0;
  if (file.sizeBytes % entryBytes !== 0) {
    problems.other(
      file.path,
      `its size of ${file.sizeBytes} bytes is no multiple of ${entryBytes}`,
    );
  } else if (lastOffset !== undefined && lastOffset < base) {
    problems.other(file.path, `its last offset ${lastOffset} is below the base offset ${base}`);
  } else {
    print(`${file.path} passed sanity check.`);
  }
}

function firstBatch(log: SegmentFile, position: number): FoundBatch | undefined {
  const first = batchesOf(log, position).next();
  return first.done ? undefined : first.value;
}

function lastOffsetOf(found: FoundBatch): number {
  return found.batch instanceof BatchView ? found.batch.lastOffset : found.batch.offset;
}
