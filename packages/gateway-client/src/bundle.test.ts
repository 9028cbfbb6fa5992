// What a page loads: no Node built-ins, and small.
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { bundle, ON_DEMAND } from '../scripts/bundle.ts';

/**
 * What is measured: minified files of dist without their source maps, each through gzip at level 9, as a page gets them.
 * `index.js` is all that a page of the binary subprotocol needs to subscribe, resume, commit and ping; the others come
 * when a page first wants JSON, publishes or filters. What several need is in `index.js` only.
 */
const BYTES_MAX = {
  'index.js': 20_480,
  'json-format.js': 6_000,
  'publishing.js': 3_100,
  'filter-plan.js': 2_000,
};
/** All but JSON, which nobody needs who does not ask for it. */
const BINARY_BYTES_MAX = 25 * 1_024;

test('the file for every page is small; JSON, publishing and filters come when they are wanted', async () => {
  const files = await bundle();
  let binaryBytes = 0;
  expect(files.map(({ name }) => name)).toEqual(Object.keys(BYTES_MAX));
  for (const { name, code } of files) {
    const bytes = gzipSync(code, { level: 9 }).length;
    const max = BYTES_MAX[name as keyof typeof BYTES_MAX];
    expect(bytes, name).toBeLessThanOrEqual(max);
    // A bound that is far off says nothing.
    expect(bytes, name).toBeGreaterThan(0.9 * max);
    if (name !== 'json-format.js') binaryBytes += bytes;
  }
  expect(binaryBytes).toBeLessThanOrEqual(BINARY_BYTES_MAX);
  const [main, ...others] = files;
  for (const name of ON_DEMAND) expect(main?.code).toContain(`/${name}.js`);
  for (const { code } of others) {
    expect(code).toContain('from"./index.js"');
    expect(code).not.toContain('GatewayError"');
    expect(code).not.toContain('clusterTag');
  }
});
