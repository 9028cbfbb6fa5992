// What a page loads: no Node built-ins, and small.
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

const BYTES_MAX = 20 * 1024;

test('the bundle for a page has no Node built-ins and stays small', async () => {
  const { outputFiles, metafile } = await build({
    entryPoints: [path.join(import.meta.dirname, 'index.ts')],
    bundle: true,
    minify: true,
    splitting: true,
    format: 'esm',
    // `node:` imports fail the build.
    platform: 'browser',
    target: 'es2022',
    conditions: ['@millrace/source'],
    outdir: path.join(import.meta.dirname, '../dist'),
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
  const sizes = new Map(
    outputFiles.map(({ path: place, contents }) => [
      path.basename(place),
      gzipSync(contents, { level: 9 }).length,
    ]),
  );
  // JSON is loaded when it is asked for; everything else at once.
  const [main] = Object.entries(metafile.outputs).filter(([, { entryPoint }]) =>
    entryPoint?.endsWith('src/index.ts'),
  );
  const loaded = (main?.[1].imports ?? []).filter(({ kind }) => kind === 'import-statement');
  const names = [main?.[0] ?? '', ...loaded.map(({ path: place }) => place)];
  const bytes = names.reduce((sum, name) => sum + (sizes.get(path.basename(name)) ?? 0), 0);
  expect(names).toHaveLength(2);
  expect(bytes).toBeGreaterThan(10_000);
  expect(bytes).toBeLessThanOrEqual(BYTES_MAX);
});
