import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout's root. */
export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

const SKIPPED = new Set(['node_modules', 'dist', 'target', 'data', '.git', '.turbo', '.cache']);

/** What the scripts read of a package.json. */
export interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly files?: readonly string[];
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** One npm workspace: its folder, absolute and from the root, and its package.json. */
export interface Workspace {
  readonly folder: string;
  readonly place: string;
  readonly manifest: Manifest;
}

/** Every npm workspace below `root`, in a fixed order. */
export function workspaces(root: string = ROOT): Workspace[] {
  const candidates = ['packages', 'services'].flatMap((group) =>
    existsSync(path.join(root, group))
      ? readdirSync(path.join(root, group))
          .sort()
          .map((name) => `${group}/${name}`)
      : [],
  );
  return [...candidates, 'benchmarks']
    .filter((place) => existsSync(path.join(root, place, 'package.json')))
    .map((place) => ({ folder: path.join(root, place), place, manifest: manifestOf(root, place) }));
}

function manifestOf(root: string, place: string): Manifest {
  return JSON.parse(readFileSync(path.join(root, place, 'package.json'), 'utf8')) as Manifest;
}

/** Files below `folder` (absolute) whose names `wanted` accepts, absolute, sorted; built and fetched things left out. */
export function filesBelow(folder: string, wanted: (name: string) => boolean): string[] {
  if (!existsSync(folder)) return [];
  const found: string[] = [];
  for (const name of readdirSync(folder).sort()) {
    if (SKIPPED.has(name)) continue;
    const place = path.join(folder, name);
    const stat = statSync(place, { throwIfNoEntry: false });
    if (stat === undefined) continue;
    if (stat.isDirectory()) found.push(...filesBelow(place, wanted));
    else if (wanted(name)) found.push(place);
  }
  return found;
}

/** Prints complaints and sets the exit code of a checking script. */
export function report(title: string, complaints: readonly string[]): void {
  for (const complaint of complaints) process.stdout.write(`  ${complaint}\n`);
  process.stdout.write(
    complaints.length === 0
      ? `${title}: nothing to complain about\n`
      : `${title}: ${complaints.length} complaint(s)\n`,
  );
  if (complaints.length > 0) process.exitCode = 1;
}

/** True when the module is the program that node was asked to run. */
export function isMain(moduleUrl: string): boolean {
  return (
    process.argv[1] !== undefined && fileURLToPath(moduleUrl) === path.resolve(process.argv[1])
  );
}
