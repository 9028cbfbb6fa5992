import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A new empty folder; `using` removes it at the end of the block, `remove()` when called. */
export interface TempFolder extends Disposable {
  readonly path: string;
  remove(): void;
}

/** Makes a temporary folder whose name begins with `millrace-<name>-`. */
export function tempFolder(name: string): TempFolder {
  const folder = mkdtempSync(path.join(tmpdir(), `millrace-${name}-`));
  const remove = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  return { path: folder, remove, [Symbol.dispose]: remove };
}
