// dist: one file that every page loads, and files that it loads when it needs them.
//
//   node scripts/bundle.ts [DIRECTORY]
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as protocol from '@millrace/gateway-protocol';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { type CompressOptions, minify } from 'terser';

const ROOT = path.resolve(import.meta.dirname, '..');
const PACKAGES = path.dirname(ROOT);

/** Loaded on demand. */
export const ON_DEMAND = ['json-format', 'publishing', 'filter-plan'] as const;

/**
 * What the main file has and the others want as well: they import it from there, so that no page loads it twice, and an
 * error is of the same class wherever it comes from.
 */
const SHARED = [
  'gateway-client/src/errors.ts',
  'gateway-client/src/producer-session.ts',
  'gateway-protocol/src/base64.ts',
  'gateway-protocol/src/message-reading.ts',
  'gateway-protocol/src/row.ts',
  'gateway-protocol/src/tables.ts',
  'gateway-protocol/src/utf8.ts',
  'bytes/src/crc32c.ts',
  'bytes/src/decode-error.ts',
];

/** One file of dist. */
export interface DistFile {
  /** `index.js` for example. */
  readonly name: string;
  readonly code: string;
  readonly map: string;
}

/** An export of a shared file, and the name under which the main file hands it on: no name that anybody else would use. */
interface Handed {
  readonly file: string;
  readonly name: string;
  readonly as: string;
}

const { Wire }: { readonly Wire: unknown } = await import(
  path.join(PACKAGES, 'gateway-protocol', 'src', 'row.ts')
);

/** The protocol's tables of numbers by name, as `Outcome`. */
const NUMBERS = new Map(
  Object.entries<unknown>({ ...protocol, Wire }).filter(
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

/** What `names.ts` makes of tables stands there as it comes out, without the tables. */
const namesInPlace: Plugin = {
  name: 'names-in-place',
  setup({ onLoad }) {
    onLoad({ filter: /gateway-client[\\/]src[\\/]names\.ts$/ }, async ({ path: file }) => {
      const names = Object.entries<unknown>(await import(file));
      const contents = names.map(
        ([name, value]) => `export const ${name}=${JSON.stringify(value)};`,
      );
      return { contents: contents.join('') };
    });
  },
};

/** Leaves imports of what is loaded on demand alone, as those of files in dist. */
const onDemandOutside: Plugin = {
  name: 'on-demand-outside',
  setup({ onResolve }) {
    const filter = new RegExp(`/(${ON_DEMAND.join('|')})\\.ts$`);
    onResolve({ filter }, ({ path: source }) => ({
      path: source.replace(/\.ts$/, '.js'),
      external: true,
    }));
  },
};

/** Takes what shared files export from the main file. */
function sharedOutside(handed: readonly Handed[]): Plugin {
  return {
    name: 'shared-outside',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /\.ts$/ }, ({ path: source, resolveDir }) => {
        const file = path.resolve(resolveDir, source);
        const isShared = handed.some((one) => one.file === file);
        return isShared ? { path: file, namespace: 'shared' } : null;
      });
      onResolve({ filter: /^\.\/index\.js$/ }, () => ({ path: './index.js', external: true }));
      onLoad({ filter: /.*/, namespace: 'shared' }, ({ path: file }) => {
        const own = handed.filter((one) => one.file === file);
        return { contents: `export { ${own.map(renamed('as', 'name'))} } from './index.js';` };
      });
    },
  };
}

const renamed =
  (from: 'name' | 'as', to: 'name' | 'as') =>
  (one: Handed): string =>
    `${one[from]} as ${one[to]}`;

async function handedOn(): Promise<Handed[]> {
  const files = SHARED.map((place) => path.join(PACKAGES, place));
  const modules = await Promise.all(files.map((file): Promise<object> => import(file)));
  const names = modules.flatMap((module, at) =>
    Object.keys(module).map((name) => ({ file: files[at] as string, name })),
  );
  return names.map((one, at) => ({ ...one, as: `$${at}` }));
}

/** The source of the main file: what the package exports, and what the others import. */
function mainSource(handed: readonly Handed[], others: readonly DistFile[]): string {
  const wanted = new Set(
    others.flatMap(({ code }) =>
      [...code.matchAll(/import\{([^}]*)\}from"\.\/index\.js"/g)].flatMap(
        ([, names = '']) => names.match(/\$\d+/g) ?? [],
      ),
    ),
  );
  const more = handed
    .filter(({ as }) => wanted.has(as))
    .map((one) => `export { ${renamed('name', 'as')(one)} } from '${one.file}';`);
  return ["export * from './src/index.ts';", ...more].join('\n');
}

/** Found by trying: what repeats itself compresses best, not what is shortest. */
const SMALLEST: CompressOptions = {
  passes: 3,
  hoist_funs: true,
  inline: 1,
  lhs_constants: false,
  sequences: false,
};

async function distFile(name: string, source: string, plugin: Plugin): Promise<DistFile> {
  const options: BuildOptions = {
    stdin: { contents: source, resolveDir: ROOT, sourcefile: name },
    outfile: path.join(ROOT, 'dist', name),
    plugins: [plugin, namesInPlace, numbersInPlace],
    bundle: true,
    minify: true,
    sourcemap: true,
    write: false,
    format: 'esm',
    // `node:` imports fail the build.
    platform: 'browser',
    target: 'es2022',
    conditions: ['@millrace/source'],
    logLevel: 'warning',
  };
  const { outputFiles = [] } = await build(options);
  const text = (end: string): string =>
    outputFiles.find((file) => file.path.endsWith(end))?.text ?? '';
  // What esbuild leaves, terser makes some three percent smaller.
  const { code = '', map } = await minify(text('.js'), {
    module: true,
    ecma: 2020,
    compress: SMALLEST,
    sourceMap: { content: text('.map'), url: `${name}.map` },
  });
  return { name, code, map: String(map) };
}

/** Builds all files in memory. The first is the main one. */
export async function bundle(): Promise<DistFile[]> {
  const handed = await handedOn();
  const outside = sharedOutside(handed);
  const others = await Promise.all(
    ON_DEMAND.map((name) => distFile(`${name}.js`, `export * from './src/${name}.ts';`, outside)),
  );
  const main = await distFile('index.js', mainSource(handed, others), onDemandOutside);
  return [main, ...others];
}

/**
 * Of the declarations that the compiler left, only those stay that `index.d.ts` needs. They must name no other package: whoever
 * installs this one has no other.
 */
async function keepPublicTypes(directory: string): Promise<void> {
  const needed = new Set(['index.d.ts']);
  for (const name of needed) {
    const text = await readFile(path.join(directory, name), 'utf8');
    for (const [, source = ''] of text.matchAll(/\b(?:from |import\()['"]([^'"]+)['"]/g)) {
      if (!source.startsWith('./')) throw new Error(`${name} imports ${source}`);
      needed.add(path.basename(source).replace(/\.ts$/, '.d.ts'));
    }
  }
  for (const name of await readdir(directory))
    if (name.endsWith('.d.ts') && !needed.has(name)) await rm(path.join(directory, name));
}

if (process.argv[1] === import.meta.filename) {
  const directory = process.argv[2] ?? path.join(ROOT, 'dist');
  for (const { name, code, map } of await bundle()) {
    await writeFile(path.join(directory, name), code);
    await writeFile(path.join(directory, `${name}.map`), map);
  }
  if (process.argv[2] === undefined) await keepPublicTypes(directory);
}
