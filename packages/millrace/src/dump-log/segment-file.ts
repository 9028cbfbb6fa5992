import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';

/** A file that is only read, piece by piece: a segment may be larger than memory. */
export class SegmentFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly #fd: number;

  /** @throws Error as the file system says. */
  constructor(file: string) {
    this.path = file;
    this.#fd = openSync(file, 'r');
    this.sizeBytes = fstatSync(this.#fd).size;
  }

  /** File name without its folder. */
  get name(): string {
    return path.basename(this.path);
  }

  /** The offset that names the file; undefined when its name is no number. */
  get baseOffset(): number | undefined {
    const digits = this.name.slice(0, this.name.indexOf('.'));
    return /^\d+$/.test(digits) ? Number(digits) : undefined;
  }

  /** The same segment's file of another kind, for example `.log` of an `.index`. */
  sibling(extension: string): string {
    return path.join(
      path.dirname(this.path),
      `${this.name.slice(0, this.name.indexOf('.'))}${extension}`,
    );
  }

  /** Up to `length` bytes from `position`; fewer at the end of the file. */
  read(position: number, length: number): Uint8Array {
    const bytes = new Uint8Array(Math.max(0, Math.min(length, this.sizeBytes - position)));
    let filled = 0;
    while (filled < bytes.length) {
      const count = readSync(this.#fd, bytes, filled, bytes.length - filled, position + filled);
      if (count === 0) return bytes.subarray(0, filled);
      filled += count;
    }
    return bytes;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Runs `use` over an opened file and closes it. */
export function withFile<Result>(file: string, use: (opened: SegmentFile) => Result): Result {
  const opened = new SegmentFile(file);
  try {
    return use(opened);
  } finally {
    opened.close();
  }
}
