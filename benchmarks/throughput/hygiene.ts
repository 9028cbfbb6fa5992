/**
 * Hygiene of measuring on a virtual machine: the hypervisor backs memory lazily and takes back what is free
 * for a while, and the first touch of such a page costs more than all the work under test. So every
 * measurement begins with next to no free memory: it is filled with clean page cache, and whatever a server
 * writes then goes into pages recycled from there, for every server alike.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  writeSync,
} from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';

const CHUNK_BYTES = 8 << 20;
const FILE_BYTES = 256 << 20;
/** The kernel keeps about this much free by itself. */
const LEFT_FREE_BYTES = 400 << 20;

export interface Ballast {
  /** Reads until no memory is free; the files take turns, so that each comes from the disk again. */
  refresh(): void;
}

/** Keeps files of `bytes` together in `dir`; 0 bytes = no hygiene, and figures that only compare roughly. */
export function fillPageCache(dir: string, bytes: number = totalmem()): Ballast {
  if (bytes === 0) return { refresh: () => {} };
  const folder = join(dir, 'page-cache-ballast');
  mkdirSync(folder, { recursive: true });
  const paths = Array.from({ length: Math.ceil(bytes / FILE_BYTES) }, (_, i) =>
    join(folder, String(i)),
  );
  const chunk = Buffer.alloc(CHUNK_BYTES, 0x5a);
  for (const path of paths) {
    if (existsSync(path)) continue;
    const fd = openSync(path, 'w');
    for (let at = 0; at < FILE_BYTES; at += CHUNK_BYTES) writeSync(fd, chunk);
    closeSync(fd);
  }
  let turn = 0;
  return {
    refresh: () => {
      for (let read = 0; read < paths.length && freeBytes() > LEFT_FREE_BYTES; read++) {
        const fd = openSync(paths[turn++ % paths.length] as string, 'r');
        while (readSync(fd, chunk, 0, CHUNK_BYTES, null) > 0);
        closeSync(fd);
      }
    },
  };
}

function freeBytes(): number {
  const line = /^MemFree: +(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'));
  return Number(line?.[1] ?? 0) * 1024;
}
