// House rules that no compiler knows: sizes, names, banned globals, the furniture of a package.
//
//   node scripts/tidy.ts
//
// Exceptions live in tidy-allow.json, each with its reason; one that is no longer needed is a complaint too.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { codeOnly } from './lib/source.ts';
import { filesBelow, isMain, ROOT, report, workspaces } from './lib/workspace.ts';

interface Allowed {
  /** Hand-written files longer than the limit: path → why. */
  readonly fileLength: Readonly<Record<string, string>>;
  /** Files that may touch banned globals: path → { globals, why }. */
  readonly globals: Readonly<
    Record<string, { readonly names: readonly string[]; readonly why: string }>
  >;
}

const LINES_MAX = 400;
const COLUMNS_MAX = 140;

/** Time, chance, output and environment come through packages/base, so that tests can hold them. */
const BANNED: readonly { readonly name: string; readonly pattern: RegExp }[] = [
  { name: 'Date.now', pattern: /\bDate\.now\b|\bnew Date\(\)/ },
  { name: 'performance.now', pattern: /\bperformance\.now\b|\bprocess\.hrtime\b/ },
  { name: 'setTimeout', pattern: /(?<![.\w])(?:setTimeout|setInterval)\(/ },
  { name: 'Math.random', pattern: /\bMath\.random\b/ },
  { name: 'console', pattern: /(?<![.\w])console\./ },
  { name: 'process.env', pattern: /\bprocess\.env\b/ },
  { name: 'process.exit', pattern: /\bprocess\.exit\(/ },
];

const TYPESCRIPT = /\.(ts|mjs)$/;
const HAND_WRITTEN = /\.(ts|mjs|rs|py|java)$/;

/** All complaints about the checkout at `root`. */
export function tidy(root: string = ROOT): string[] {
  const allowed = JSON.parse(
    readFileSync(path.join(root, 'scripts', 'tidy-allow.json'), 'utf8'),
  ) as Allowed;
  const files = ['packages', 'services', 'native', 'benchmarks', 'scripts', 'docs']
    .flatMap((folder) => filesBelow(path.join(root, folder), (name) => HAND_WRITTEN.test(name)))
    .map((file) => path.relative(root, file))
    .filter((place) => !place.includes('/generated/'));
  const used = new Set<string>();
  const complaints = files.flatMap((place) => {
    const source = readFileSync(path.join(root, place), 'utf8');
    return [
      ...checkName(place),
      ...checkSize(place, source, allowed, used),
      ...(isProduct(place) ? checkGlobals(place, source, allowed, used) : []),
      ...checkExports(place, source),
    ];
  });
  for (const key of [...Object.keys(allowed.fileLength), ...Object.keys(allowed.globals)])
    if (!used.has(key))
      complaints.push(`scripts/tidy-allow.json: ${key} needs no exception any more`);
  return [...complaints, ...checkPackages(root)];
}

/** Code that users run: tests, tools and benchmarks may look at the clock. */
function isProduct(place: string): boolean {
  return (
    /^(packages|services)\/[^/]+\/src\//.test(place) &&
    TYPESCRIPT.test(place) &&
    !/\.(test|bench)\.ts$|\.test-[\w-]+\.ts$/.test(place) &&
    !/^packages\/(testing|acceptance)\//.test(place)
  );
}

function checkName(place: string): string[] {
  const name = path.basename(place);
  if (name.endsWith('.java')) return [];
  const wanted = /\.(rs|py)$/.test(name)
    ? /^[a-z0-9]+(_[a-z0-9]+)*\.(rs|py)$/
    : /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*\.(ts|mjs)$/;
  const style = /\.(rs|py)$/.test(name) ? 'snake_case' : 'kebab-case';
  return wanted.test(name) ? [] : [`${place}: file names are ${style}`];
}

function checkSize(place: string, source: string, allowed: Allowed, used: Set<string>): string[] {
  const lines = source.split('\n');
  const complaints: string[] = [];
  const long = lines.findIndex((line) => line.length > COLUMNS_MAX);
  if (long >= 0 && TYPESCRIPT.test(place))
    complaints.push(`${place}:${long + 1}: ${lines[long]?.length} columns`);
  if (lines.length - 1 <= LINES_MAX) return complaints;
  if ((allowed.fileLength[place] ?? '') !== '') used.add(place);
  else complaints.push(`${place}: ${lines.length - 1} lines, more than ${LINES_MAX}`);
  return complaints;
}

function checkGlobals(
  place: string,
  source: string,
  allowed: Allowed,
  used: Set<string>,
): string[] {
  const lines = codeOnly(source).split('\n');
  const exception = allowed.globals[place];
  const found = BANNED.filter(({ pattern }) => lines.some((line) => pattern.test(line)));
  const complaints: string[] = [];
  for (const { name, pattern } of found) {
    if (exception?.names.includes(name) === true && exception.why !== '') continue;
    const line = lines.findIndex((text) => pattern.test(text)) + 1;
    complaints.push(`${place}:${line}: ${name} goes through packages/base`);
  }
  if (exception?.names.every((name) => found.some((entry) => entry.name === name)) === true)
    used.add(place);
  return complaints;
}

function checkExports(place: string, source: string): string[] {
  if (!TYPESCRIPT.test(place)) return [];
  const code = codeOnly(source);
  const complaints: string[] = [];
  if (/^export default\b/m.test(code) && !/\.config\.(ts|mjs)$/.test(place))
    complaints.push(`${place}: no default exports`);
  if (place.endsWith('/index.ts') && /^export \*/m.test(code))
    complaints.push(`${place}: name what is exported; no export *`);
  return complaints;
}

function checkPackages(root: string): string[] {
  const complaints: string[] = [];
  for (const { folder, place, manifest } of workspaces(root)) {
    if (!existsSync(path.join(folder, 'README.md'))) complaints.push(`${place}: has no README.md`);
    if (manifest.private === true || place === 'benchmarks') continue;
    if (!existsSync(path.join(folder, 'src', 'index.ts')))
      complaints.push(`${place}: has no src/index.ts`);
    const door = manifest.exports?.['.'] as Record<string, string> | undefined;
    if (door?.types === undefined || Object.keys(door)[0] !== '@millrace/source')
      complaints.push(
        `${place}/package.json: exports "." needs @millrace/source first, then types, import`,
      );
    for (const name of ['preinstall', 'install', 'postinstall'])
      if (manifest.scripts?.[name] !== undefined)
        complaints.push(`${place}/package.json: install scripts are not for users`);
  }
  return complaints;
}

if (isMain(import.meta.url)) report('tidy', tidy());
