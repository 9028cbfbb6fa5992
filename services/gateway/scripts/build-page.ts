// Bundles the demo page into dist/page: one script, one style sheet, nothing from elsewhere.
//
//   node --conditions=@millrace/source scripts/build-page.ts
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

const PACKAGE = path.dirname(import.meta.dirname);
const OUT = path.join(PACKAGE, 'dist', 'page');

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
await build({
  entryPoints: [
    { in: path.join(PACKAGE, 'page', 'main.ts'), out: 'page' },
    { in: path.join(PACKAGE, 'page', 'page.css'), out: 'page' },
  ],
  outdir: OUT,
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2023',
  conditions: ['@millrace/source'],
  legalComments: 'inline',
  logLevel: 'warning',
});
for (const name of ['index.html', 'icon.svg']) {
  copyFileSync(path.join(PACKAGE, 'page', name), path.join(OUT, name));
}
