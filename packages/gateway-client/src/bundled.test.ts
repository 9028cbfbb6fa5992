// What the other tests ask of the sources, asked of the files that are published: minified, in parts, without the tables.
import { rmSync } from 'node:fs';
import { afterAll, expect, test, vi } from 'vitest';

const dist = await vi.hoisted(async () => {
  const { execFileSync } = await import('node:child_process');
  const { mkdtempSync } = await import('node:fs');
  const { tmpdir } = await import('node:os');
  const path = await import('node:path');
  const { pathToFileURL } = await import('node:url');
  const directory = mkdtempSync(path.join(tmpdir(), 'millrace-sdk-'));
  // Not in here, where the sources that it reads are replaced.
  const script = path.resolve(import.meta.dirname, '../scripts/bundle.ts');
  execFileSync(process.execPath, ['--conditions=@millrace/source', script, directory]);
  return {
    directory,
    load: (name: string): Promise<object> =>
      import(pathToFileURL(path.join(directory, name)).href) as Promise<object>,
  };
});

vi.mock('./client.ts', () => dist.load('index.js'));
vi.mock('./errors.ts', () => dist.load('index.js'));
vi.mock('./publishing.ts', () => dist.load('publishing.js'));
vi.mock('./filter-plan.ts', () => dist.load('filter-plan.js'));
vi.mock('./json-format.ts', () => dist.load('json-format.js'));

import { GatewayClient } from './client.ts';

import './codecs.test.ts';
import './consumer.test.ts';
import './disconnects.prop.test.ts';
import './door.test.ts';
import './hostile.test.ts';
import './made-anew.test.ts';
import './overload.test.ts';
import './pending-starts.test.ts';
import './publish-credit.test.ts';
import './publish.test.ts';
import './race.test.ts';
import './reconnect.test.ts';
import './subscribe.test.ts';
import './tokens.test.ts';

afterAll(() => rmSync(dist.directory, { recursive: true }));

test('these are the published files', () => {
  expect(String(GatewayClient).split('\n')).toHaveLength(1);
});
