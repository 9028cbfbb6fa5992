import type { MemoryLogFiles, StoredBatch } from './memory-log.ts';

/** One log directory. */
export class MemoryDir {
  isLocked = false;
  readonly files = new Map<string, Uint8Array>();
  readonly logs = new Map<string, MemoryLogFiles>();
}

/** What an in-memory engine keeps its logs on. Give it to the next engine to restart on the same data. */
export class MemoryDisk {
  readonly #dirs = new Map<string, MemoryDir>();

  dir(path: string): MemoryDir {
    let dir = this.#dirs.get(path);
    if (dir === undefined) {
      dir = new MemoryDir();
      this.#dirs.set(path, dir);
    }
    return dir;
  }

  /** The process is gone: locks are free, everything appended is still there (the page cache). */
  killProcess(): void {
    for (const dir of this.#dirs.values()) dir.isLocked = false;
  }

  /** The power is gone: what was not flushed is lost as well. */
  crash(): void {
    this.killProcess();
    for (const dir of this.#dirs.values()) {
      for (const log of dir.logs.values()) {
        const isFlushed = (batch: StoredBatch) => batch.lastOffset < log.flushedOffset;
        log.segments = log.segments.filter(
          (segment, index) => index === 0 || segment.baseOffset <= log.flushedOffset,
        );
        for (const segment of log.segments) {
          segment.batches = segment.batches.filter(isFlushed);
          segment.sizeBytes = segment.batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
        }
      }
    }
  }
}
