/**
 * Hygiene of measuring on a virtual machine: the hypervisor backs memory lazily, and the first touch of a
 * page costs more than all the work under test. A file as large as the memory keeps the page cache
 * full, so that new pages come from recycling; it is read again between runs.
 */
import { closeSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';

const CHUNK_BYTES = 8 << 20;

export interface Ballast {
  /** Reads the file again, so that its pages are the ones recycled next. */
  refresh(): void;
}

/** Writes (once) a file of `bytes` in `dir`; 0 bytes = no hygiene, and figures that only compare roughly. */
export function fillPageCache(dir: string, bytes: number = totalmem()): Ballast {
  if (bytes === 0) return { refresh: () => {} };
  const path = join(dir, 'page-cache-ballast');
  const chunk = Buffer.alloc(CHUNK_BYTES, 0x5a);
  let present = 0;
  try {
    present = statSync(path).size;
  } catch {
    present = 0;
  }
  if (present < bytes) {
    const fd = openSync(path, 'w');
    for (let at = 0; at < bytes; at += CHUNK_BYTES) writeSync(fd, chunk);
    closeSync(fd);
  }
  return {
    refresh: () => {
      const fd = openSync(path, 'r');
      while (readSync(fd, chunk, 0, CHUNK_BYTES, null) > 0);
      closeSync(fd);
    },
  };
}
