import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The checkout's root. */
export const ROOT = path.resolve(import.meta.dirname, '../../..');

/** What the pack tests read of a package.json. */
export interface PackageManifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
}

/** One package that people can install. */
export interface PublicPackage {
  readonly folder: string;
  readonly manifest: PackageManifest;
}

/** Every workspace that is not private. */
export function publicPackages(): PublicPackage[] {
  return ['packages', 'services']
    .flatMap((group) =>
      readdirSync(path.join(ROOT, group)).map((name) => path.join(ROOT, group, name)),
    )
    .filter((folder) => existsSync(path.join(folder, 'package.json')))
    .map((folder) => ({
      folder,
      manifest: JSON.parse(
        readFileSync(path.join(folder, 'package.json'), 'utf8'),
      ) as PackageManifest,
    }))
    .filter(({ manifest }) => manifest.private !== true);
}

/** The package and all of ours that it needs, however far down. */
export function withOurDependencies(name: string, all: readonly PublicPackage[]): PublicPackage[] {
  const found = new Map<string, PublicPackage>();
  const visit = (wanted: string): void => {
    const one = all.find(({ manifest }) => manifest.name === wanted);
    if (one === undefined || found.has(wanted)) return;
    found.set(wanted, one);
    for (const dependency of Object.keys(one.manifest.dependencies ?? {})) visit(dependency);
  };
  visit(name);
  return [...found.values()];
}
