// dist: one file that every page loads, and files that it loads when it needs them.
//
//   node scripts/bundle.ts
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as protocol from '@millrace/gateway-protocol';
import { type BuildOptions, build, type OutputFile, type Plugin } from 'esbuild';

const ROOT = path.resolve(import.meta.dirname, '..');

/** Loaded on demand; each is whole in itself but for the error classes, which must be those of the main file. */
export const ON_DEMAND = ['json-format', 'publishing', 'filter-plan'] as const;

/** The protocol's tables of numbers by name, as `Outcome`. */
const NUMBERS = new Map(
  Object.entries<unknown>({ ...protocol }).filter(
    (entry): entry is [string, Readonly<Record<string, number>>] =>
      /^[A-Z][A-Za-z]+$/.test(entry[0]) &&
      Object.values(Object(entry[1])).every((value) => typeof value === 'number'),
  ),
);

/** `Outcome.GAP` becomes `3`: a page needs neither the names nor the tables of what it never looks up. */
const numbersInPlace: Plugin = {
  name: 'numbers-in-place',
  setup({ onLoad }) {
    const use = new RegExp(
      `(?<!typeof )\\b(${[...NUMBERS.keys()].join('|')})\\.([A-Z][A-Z0-9_]+)\\b`,
      'g',
    );
    onLoad({ filter: /gateway-(client|protocol)[\\/]src[\\/].*\.ts$/ }, async ({ path: file }) => {
      const source = await readFile(file, 'utf8');
      const numberOf = (text: string, table: string, name: string): string =>
        String(NUMBERS.get(table)?.[name] ?? text);
      return { loader: 'ts', contents: source.replace(use, numberOf) };
    });
  },
};

/** Leaves imports of the sources matched by `filter` alone, as those of a file in dist. */
function keepOutside(filter: RegExp, target: (source: string) => string): Plugin {
  return {
    name: 'keep-outside',
    setup({ onResolve }) {
      onResolve({ filter }, ({ path: source }) => ({ path: target(source), external: true }));
    },
  };
}

function options(name: string, plugin: Plugin): BuildOptions {
  return {
    entryPoints: [path.join(ROOT, 'src', `${name}.ts`)],
    outfile: path.join(ROOT, 'dist', `${name}.js`),
    plugins: [plugin, numbersInPlace],
    bundle: true,
    minify: true,
    sourcemap: true,
    format: 'esm',
    // `node:` imports fail the build.
    platform: 'browser',
    target: 'es2022',
    conditions: ['@millrace/source'],
    logLevel: 'warning',
  };
}

/** Builds all files, in memory unless `write`. The first is the main one. */
export async function bundle(write: boolean): Promise<OutputFile[]> {
  const onDemand = new RegExp(`/(${ON_DEMAND.join('|')})\\.ts$`);
  const main = keepOutside(onDemand, (source) => source.replace(/\.ts$/, '.js'));
  const errors = keepOutside(/\/errors\.ts$/, () => './index.js');
  const builds = [options('index', main), ...ON_DEMAND.map((name) => options(name, errors))];
  const results = await Promise.all(builds.map((each) => build({ ...each, write })));
  return results.flatMap(({ outputFiles = [] }) => outputFiles);
}

if (process.argv[1] === import.meta.filename) await bundle(true);
