// What a page loads: no Node built-ins, and small.
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { bundle, ON_DEMAND } from '../scripts/bundle.ts';

const BYTES_MAX = 20 * 1024;

test('the file for every page is small; JSON, publishing and filters come when they are wanted', async () => {
  const files = (await bundle(false)).filter(({ path: place }) => place.endsWith('.js'));
  expect(files.map(({ path: place }) => path.basename(place, '.js'))).toEqual([
    'index',
    ...ON_DEMAND,
  ]);
  const [main, ...onDemand] = files;
  const bytes = gzipSync(main?.contents ?? '', { level: 9 }).length;
  expect(bytes).toBeGreaterThan(10_000);
  expect(bytes).toBeLessThanOrEqual(BYTES_MAX);
  for (const name of ON_DEMAND) expect(main?.text).toContain(`/${name}.js`);
  for (const { text } of onDemand) expect(text).not.toContain('GatewayError"');
});
