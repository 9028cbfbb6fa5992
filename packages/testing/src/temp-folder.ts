import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A new empty folder; `remove()` takes it away with all that is in it. */
export interface TempFolder {
  readonly path: string;
  remove(): void;
}

/** Makes a temporary folder whose name begins with `millrace-<name>-`. */
export function tempFolder(name: string): TempFolder {
  const folder = mkdtempSync(path.join(tmpdir(), `millrace-${name}-`));
  return {
    path: folder,
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }),
  };
}
