// Who may import whom: reads layers.json and holds every import of TypeScript and Rust against it.
//
//   node scripts/check-layers.ts
import { existsSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import path from 'node:path';
import { cyclesOf } from './lib/cycles.ts';
import { importsOf } from './lib/source.ts';
import { filesBelow, isMain, ROOT, report, type Workspace, workspaces } from './lib/workspace.ts';

interface Rooms {
  readonly order: readonly (readonly string[])[];
  /** Files that wire the rooms together and may import any of them. */
  readonly composition: readonly string[];
  readonly packages: Readonly<Record<string, { readonly never: readonly string[] }>>;
}

interface Layers {
  readonly packages: Readonly<Record<string, readonly string[]>>;
  readonly development: {
    readonly only: readonly string[];
    readonly never: readonly string[];
    /** Their files hold what they import, so that whoever installs them gets nothing else: all of it are devDependencies. */
    readonly bundled?: readonly string[];
    /** Folders whose files tests of other packages may read. */
    readonly sharedTestData?: readonly string[];
  };
  readonly rooms: Readonly<Record<string, Rooms>>;
  readonly crates: Readonly<Record<string, readonly string[]>>;
}

interface SourceFile {
  readonly file: string;
  /** Path from the root, for complaints. */
  readonly place: string;
  readonly isTest: boolean;
  readonly imports: readonly { readonly specifier: string; readonly line: number }[];
}

const BUILTIN = new Set([...builtinModules, ...builtinModules.map((name) => `node:${name}`)]);
const TEST = /\.(test|bench)\.ts$|\.test-[\w-]+\.ts$|\/(test|testing|fixtures)\//;

/** All complaints about the checkout at `root`; none means the rules hold. */
export function checkLayers(root: string = ROOT): string[] {
  const layers = JSON.parse(readFileSync(path.join(root, 'layers.json'), 'utf8')) as Layers;
  const all = workspaces(root);
  const complaints: string[] = [];
  const fileGraph = new Map<string, string[]>();
  const packageGraph = new Map<string, string[]>();
  for (const workspace of all) {
    const sources = readSources(root, workspace);
    complaints.push(
      ...checkPackage(layers, workspace, sources),
      ...checkDependencies(layers, workspace, sources),
    );
    for (const source of sources) fileGraph.set(source.place, relativeTargets(root, source));
    const own = new Set(all.map((other) => other.manifest.name));
    packageGraph.set(
      workspace.manifest.name,
      Object.keys({
        ...workspace.manifest.dependencies,
        ...workspace.manifest.devDependencies,
      }).filter((name) => own.has(name)),
    );
  }
  for (const cycle of cyclesOf(fileGraph))
    complaints.push(`files import each other: ${cycle.join(' → ')}`);
  for (const cycle of cyclesOf(packageGraph))
    complaints.push(`packages depend on each other: ${cycle.join(' → ')}`);
  for (const [folder, rooms] of Object.entries(layers.rooms))
    complaints.push(...checkRooms(root, folder, rooms));
  complaints.push(...checkCrates(root, layers.crates));
  return complaints;
}

function readSources(root: string, workspace: Workspace): SourceFile[] {
  return filesBelow(
    workspace.folder,
    (name) => name.endsWith('.ts') && !name.endsWith('.d.ts'),
  ).map((file) => {
    const place = path.relative(root, file);
    const inSource = place.startsWith(`${workspace.place}/src/`);
    const imports = importsOf(readFileSync(file, 'utf8'));
    return { file, place, isTest: !inSource || TEST.test(place), imports };
  });
}

function relativeTargets(root: string, source: SourceFile): string[] {
  return source.imports
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ specifier }) =>
      path.relative(root, path.resolve(path.dirname(source.file), specifier)),
    );
}

/** `@scope/name/deep` → `@scope/name`. */
function packageNameOf(specifier: string): string {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? specifier);
}

function isOurs(name: string): boolean {
  return name === 'millrace' || name.startsWith('@millrace/');
}

function isBare(specifier: string): boolean {
  return !specifier.startsWith('.') && !BUILTIN.has(specifier) && !specifier.startsWith('node:');
}

function checkPackage(
  layers: Layers,
  workspace: Workspace,
  sources: readonly SourceFile[],
): string[] {
  const { name } = workspace.manifest;
  const allowed = layers.packages[name];
  if (allowed === undefined) return [`${name}: layers.json has no row for it`];
  const complaints: string[] = [];
  for (const { place, isTest, imports } of sources) {
    for (const { specifier, line } of imports) {
      const at = `${place}:${line}`;
      if (specifier.startsWith('.')) {
        if (!specifier.endsWith('.ts') && !specifier.endsWith('.json'))
          complaints.push(`${at}: "${specifier}" is written without its .ts`);
        const into = path.join(path.dirname(place), specifier);
        const isTestData =
          isTest && layers.development.sharedTestData?.some((folder) => into.startsWith(folder));
        if (!into.startsWith(workspace.place) && isTestData !== true)
          complaints.push(`${at}: "${specifier}" leaves the package; import it by name`);
        continue;
      }
      const target = packageNameOf(specifier);
      if (!isOurs(target)) continue;
      if (specifier !== target && !specifier.endsWith('/package.json'))
        complaints.push(`${at}: "${specifier}" goes past the door of ${target}`);
      if (target === name || (isTest && layers.development.only.includes(target))) continue;
      if (layers.development.never.includes(target))
        complaints.push(`${at}: nothing imports ${target}`);
      else if (!allowed.includes('*') && !allowed.includes(target))
        complaints.push(`${at}: ${name} may not import ${target}`);
    }
  }
  for (const target of Object.keys(workspace.manifest.dependencies ?? {}))
    if (layers.development.only.includes(target))
      complaints.push(`${workspace.place}/package.json: ${target} is only ever a devDependency`);
  return complaints;
}

/** Every bare import is declared where it is used, and every dependency of ours or others is used. */
function checkDependencies(
  layers: Layers,
  workspace: Workspace,
  sources: readonly SourceFile[],
): string[] {
  const { manifest, place } = workspace;
  const runtime = new Set(
    Object.keys({
      ...manifest.dependencies,
      ...manifest.peerDependencies,
      ...manifest.optionalDependencies,
    }),
  );
  const development = new Set(Object.keys(manifest.devDependencies ?? {}));
  const isBundled = layers.development.bundled?.includes(manifest.name) === true;
  const rootTools = new Set(['vitest', 'fast-check', 'esbuild', 'typescript']);
  const complaints: string[] = [];
  const used = new Set<string>();
  if (isBundled && runtime.size > 0)
    complaints.push(`${place}/package.json: what is bundled has no dependencies`);
  for (const source of sources) {
    for (const { specifier, line } of source.imports) {
      if (!isBare(specifier)) continue;
      const name = packageNameOf(specifier);
      used.add(name);
      const declared =
        name === manifest.name ||
        runtime.has(name) ||
        (isBundled && development.has(name)) ||
        (source.isTest && (development.has(name) || rootTools.has(name)));
      if (!declared)
        complaints.push(
          `${source.place}:${line}: "${name}" is not in the dependencies of ${place}/package.json`,
        );
    }
  }
  // The umbrella has services and packages in its tarball that it only re-exports or starts by name.
  for (const name of Object.keys(manifest.dependencies ?? {}))
    if (!used.has(name))
      complaints.push(`${place}/package.json: dependency "${name}" is never imported`);
  return complaints;
}

/** The rooms of one service: imports go down the order, and some rooms never touch some packages. */
function checkRooms(root: string, folder: string, rooms: Rooms): string[] {
  const base = path.join(root, folder);
  const rank = new Map(
    rooms.order.flatMap((names, index) => names.map((name) => [name, index] as const)),
  );
  const complaints: string[] = [];
  for (const file of filesBelow(base, (name) => name.endsWith('.ts'))) {
    const inside = path.relative(base, file);
    const folders = inside.split(path.sep);
    // Helpers of tests may use what tests may use.
    if (TEST.test(inside) || folders.includes('testing')) continue;
    if (rooms.composition.includes(inside)) continue;
    const room = folders[0] ?? '';
    for (const { specifier, line } of importsOf(readFileSync(file, 'utf8'))) {
      const at = `${folder}/${inside}:${line}`;
      if (rooms.packages[room]?.never.includes(specifier) === true)
        complaints.push(`${at}: ${room} never imports ${specifier}`);
      if (!specifier.startsWith('.')) continue;
      const target = path.relative(base, path.resolve(path.dirname(file), specifier));
      if (rooms.composition.includes(target))
        complaints.push(`${at}: nothing imports ${target}, which wires all`);
      const to = target.split(path.sep)[0] ?? '';
      const [from, into] = [rank.get(room), rank.get(to)];
      if (room === to || into === undefined) continue;
      if (from === undefined)
        complaints.push(`${at}: ${room} stands beside the order and may not import ${to}`);
      else if (into <= from)
        complaints.push(`${at}: ${room} may not import ${to}, which is not below it`);
    }
  }
  return complaints;
}

function checkCrates(root: string, crates: Layers['crates']): string[] {
  const complaints: string[] = [];
  for (const file of filesBelow(path.join(root, 'native'), (name) => name === 'Cargo.toml')) {
    const text = readFileSync(file, 'utf8');
    const name = /^\[package\][^[]*?^name\s*=\s*"([^"]+)"/ms.exec(text)?.[1];
    const place = path.relative(root, file);
    if (name === undefined || place.startsWith('native/fuzz')) continue;
    const allowed = crates[name];
    if (allowed === undefined) {
      complaints.push(`${place}: layers.json has no row for crate ${name}`);
      continue;
    }
    const runtime = /^\[dependencies\]\n((?:(?!^\[).*\n?)*)/m.exec(text)?.[1] ?? '';
    for (const [, dependency = ''] of runtime.matchAll(/^(millrace-[\w-]+)/gm))
      if (!allowed.includes('*') && !allowed.includes(dependency))
        complaints.push(`${place}: ${name} may not depend on ${dependency}`);
  }
  return complaints;
}

if (isMain(import.meta.url)) {
  if (!existsSync(path.join(ROOT, 'layers.json'))) throw new Error('layers.json is missing');
  report('layers', checkLayers());
}
