import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkDocs } from './check-docs.ts';

let root: string;

const STEPS = ['one', 'two', 'three', 'four', 'five'].map(
  (name, i) => `${i + 1}. \`packages/a/${name}.ts\` does it.`,
);

function page(...lines: string[]): string[] {
  writeFileSync(path.join(root, 'docs/architecture.md'), lines.join('\n'));
  return checkDocs(root);
}

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'millrace-docs-'));
  mkdirSync(path.join(root, 'docs'));
  mkdirSync(path.join(root, 'packages/a'), { recursive: true });
  for (const name of ['one', 'two', 'three', 'four', 'five'])
    writeFileSync(path.join(root, `packages/a/${name}.ts`), '');
});

afterEach(() => rmSync(root, { recursive: true }));

test('a corridor of files that are there is well', () => {
  expect(page('## Corridor: produce', ...STEPS)).toEqual([]);
});

test('a file that is gone, a step without a file, a step out of order and a short list are complaints', () => {
  rmSync(path.join(root, 'packages/a/two.ts'));
  expect(page('## Corridor: produce', ...STEPS)).toEqual([
    'docs/architecture.md:3: packages/a/two.ts is gone',
  ]);
  expect(
    page('## Corridor: produce', '1. nothing named', ...STEPS.slice(2), '9. `packages/a/one.ts`'),
  ).toEqual([
    'docs/architecture.md:2: a step names the file it happens in',
    'docs/architecture.md:3: step 3 should be 2',
    'docs/architecture.md:4: step 4 should be 3',
    'docs/architecture.md:5: step 5 should be 4',
    'docs/architecture.md:6: step 9 should be 5',
  ]);
  expect(page('## Corridor: fetch', ...STEPS.slice(0, 1))).toEqual([
    'docs/architecture.md: corridor "fetch" has 1 numbered steps',
  ]);
  expect(page('nothing')).toEqual(['docs/architecture.md: names no corridor']);
});
