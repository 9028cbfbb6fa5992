import { readFile } from 'node:fs/promises';

/** Files that one partition keeps open: the log and its two indexes. */
const FILES_PER_PARTITION = 3;
/** Files left for connections, recovery and everything else. */
const FILES_KEPT_FREE = 2000;
/** Where the system does not say; also the most, so that no client can make the start take minutes. */
const PARTITIONS_MAX = 20_000;
const PARTITIONS_MIN = 100;

/** How many partitions the process may hold, going by the files it may have open. */
export async function partitionCap(limitsFile = '/proc/self/limits'): Promise<number> {
  try {
    const limits = await readFile(limitsFile, 'utf8');
    const files = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.NaN);
    if (Number.isNaN(files)) return PARTITIONS_MAX;
    const fitting = Math.floor((files - FILES_KEPT_FREE) / FILES_PER_PARTITION);
    return Math.min(PARTITIONS_MAX, Math.max(PARTITIONS_MIN, fitting));
  } catch {
    return PARTITIONS_MAX;
  }
}
