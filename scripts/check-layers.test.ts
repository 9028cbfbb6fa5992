import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkLayers } from './check-layers.ts';

let root: string;

const LAYERS = {
  packages: {
    '@millrace/low': [],
    '@millrace/high': ['@millrace/low'],
    '@millrace/testing': ['*'],
  },
  development: { only: ['@millrace/testing'], never: [] },
  rooms: {
    'packages/high/src': {
      order: [['net'], ['api'], ['log']],
      composition: ['main.ts'],
      packages: { log: { never: ['@millrace/low'] } },
    },
  },
  crates: { 'millrace-low': [], 'millrace-high': ['millrace-low'] },
};

function put(place: string, text: string | object): void {
  const file = path.join(root, place);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, typeof text === 'string' ? text : JSON.stringify(text));
}

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'millrace-layers-'));
  put('layers.json', LAYERS);
  put('packages/low/package.json', { name: '@millrace/low' });
  put('packages/low/src/index.ts', 'export const low = 1;');
  put('packages/high/package.json', {
    name: '@millrace/high',
    dependencies: { '@millrace/low': '0.1.0' },
  });
  put('packages/high/src/index.ts', "export { low } from '@millrace/low';");
});

afterEach(() => rmSync(root, { recursive: true }));

test('a tree that keeps the rules has no complaint', () => {
  put('packages/high/src/net/server.ts', "import { api } from '../api/api.ts';\nexport { api };");
  put('packages/high/src/api/api.ts', 'export const api = 1;');
  put(
    'native/high/Cargo.toml',
    '[package]\nname = "millrace-high"\n[dependencies]\nmillrace-low = { path = "../low" }\n',
  );
  expect(checkLayers(root)).toEqual([]);
});

test('what is bundled has all that it imports as devDependencies', () => {
  const { development } = LAYERS;
  put('layers.json', { ...LAYERS, development: { ...development, bundled: ['@millrace/high'] } });
  expect(checkLayers(root)).toEqual([expect.stringMatching(/what is bundled has no dependencies/)]);
  const low = { '@millrace/low': '0.1.0' };
  put('packages/high/package.json', { name: '@millrace/high', devDependencies: low });
  expect(checkLayers(root)).toEqual([]);
  put('packages/high/package.json', { name: '@millrace/high' });
  expect(checkLayers(root)).toEqual([expect.stringMatching(/is not in the dependencies/)]);
});

const BROKEN: readonly [title: string, place: string, text: string, complaint: RegExp][] = [
  [
    'an import upward',
    'packages/low/src/up.ts',
    "import '@millrace/high';",
    /low may not import @millrace\/high/,
  ],
  [
    'a type imported upward',
    'packages/low/src/up.ts',
    "import type { H } from '@millrace/high';",
    /may not import/,
  ],
  [
    'a deep import',
    'packages/high/src/deep.ts',
    "import '@millrace/low/src/x.ts';",
    /past the door/,
  ],
  [
    'a path out of the package',
    'packages/high/src/out.ts',
    "import '../../low/src/index.ts';",
    /leaves the package/,
  ],
  [
    'an undeclared dependency',
    'packages/low/src/far.ts',
    "import 'left-pad';",
    /"left-pad" is not in the dependencies/,
  ],
  [
    'testing in a product',
    'packages/high/src/t.ts',
    "import '@millrace/testing';",
    /may not import @millrace\/testing/,
  ],
  [
    'a room that looks up',
    'packages/high/src/log/l.ts',
    "import '../api/a.ts';",
    /log may not import api/,
  ],
  [
    'a room beside the order',
    'packages/high/src/aside/a.ts',
    "import '../log/l.ts';",
    /aside stands beside/,
  ],
  [
    'a package kept out of a room',
    'packages/high/src/log/l.ts',
    "import '@millrace/low';",
    /log never imports/,
  ],
  [
    'an import of the composition',
    'packages/high/src/api/a.ts',
    "import '../main.ts';",
    /nothing imports main.ts/,
  ],
  [
    'a file importing itself round',
    'packages/low/src/a.ts',
    "import './a.ts';",
    /files import each other/,
  ],
  ['an unknown package', 'packages/odd/package.json', '{"name":"@millrace/odd"}', /has no row/],
  [
    'a crate that looks up',
    'native/low/Cargo.toml',
    '[package]\nname = "millrace-low"\n[dependencies]\nmillrace-high = { path = "../high" }\n',
    /millrace-low may not depend on millrace-high/,
  ],
];

test.each(BROKEN)('complains about %s', (_title, place, text, complaint) => {
  put(place, text);
  expect(checkLayers(root).join('\n')).toMatch(complaint);
});

test('complains about an unused dependency and about testing among the dependencies', () => {
  put('packages/low/package.json', {
    name: '@millrace/low',
    dependencies: { '@millrace/testing': '0.1.0' },
  });
  const complaints = checkLayers(root).join('\n');
  expect(complaints).toMatch(/is never imported/);
  expect(complaints).toMatch(/only ever a devDependency/);
});
