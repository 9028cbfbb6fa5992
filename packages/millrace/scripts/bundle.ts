import { rmSync } from 'node:fs';
import { build, type Plugin } from 'esbuild';

/*
 * The command as a few large files: a broker of some 240 modules takes 160 ms to import, its bundle 40. What finds
 * files beside itself (a native library, a worker) stays outside. Importers of the package get the modules.
 */
const OUT = 'dist/cli';

/**
 * Node's built-in modules without their ES facade. Making that reads every export once, and some are getters that
 * load half of Node: `import 'node:http'` takes 50 ms (undici), `node:util` 15; asked for this way, 6 and 0.
 */
const plainBuiltins: Plugin = {
  name: 'plain-builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: 'builtin' }));
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};

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
  external: ['@millrace/engine', '@millrace/compression', 'uWebSockets.js'],
  plugins: [plainBuiltins],
  logLevel: 'warning',
});
