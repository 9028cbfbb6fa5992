// What a page loads: no Node built-ins, and small.
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { bundle, ON_DEMAND } from '../scripts/bundle.ts';

/**
 * What is measured: minified files of dist without their source maps, each through gzip at level 9, as a page gets them.
 * `index.js` is all that a page of the binary subprotocol needs to subscribe, resume, commit and ping. The whole is that
 * with what a publish and a filter load when they are first used; only the JSON subprotocol is not in it.
 */
const INDEX_BYTES_MAX = 20 * 1024;
const WHOLE_BYTES_MAX = 26 * 1024;

const gzipped = (contents: Uint8Array): number => gzipSync(contents, { level: 9 }).length;

test('the file for every page is small; JSON, publishing and filters come when they are wanted', async () => {
  const files = (await bundle(false)).filter(({ path: place }) => place.endsWith('.js'));
  expect(files.map(({ path: place }) => path.basename(place, '.js'))).toEqual([
    'index',
    ...ON_DEMAND,
  ]);
  const [main, ...onDemand] = files;
  const [index = 0, , publishing = 0, filters = 0] = files.map(({ contents }) => gzipped(contents));
  expect(index).toBeGreaterThan(10_000);
  expect(index).toBeLessThanOrEqual(INDEX_BYTES_MAX);
  expect(index + publishing + filters).toBeLessThanOrEqual(WHOLE_BYTES_MAX);
  for (const name of ON_DEMAND) expect(main?.text).toContain(`/${name}.js`);
  for (const { text } of onDemand) expect(text).not.toContain('GatewayError"');
});
