import { rmSync } from 'node:fs';
import { build } from 'esbuild';

/*
 * The command as a few large files: a broker of some 240 modules takes 160 ms to import, its bundle 40. What finds
 * files beside itself (a native library, a worker) stays outside. Importers of the package get the modules.
 */
const OUT = 'dist/cli';

rmSync(OUT, { recursive: true, force: true });
await build({
  entryPoints: ['src/cli.ts'],
  outdir: OUT,
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node22',
  sourcemap: true,
  sourcesContent: false,
  external: ['@millrace/engine', '@millrace/compression'],
  logLevel: 'warning',
});
