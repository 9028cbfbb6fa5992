import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { partitionCap } from './partition-cap.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-cap-'));
});

afterEach(() => rm(folder, { recursive: true }));

it.each([
  ['Max open files            20000                20000                files', 6000],
  ['Max open files            1024                 1048576              files', 100],
  ['Max open files            1048576              1048576              files', 20_000],
  ['Max open files            unlimited            unlimited            files', 20_000],
  ['nothing', 20_000],
])('%s: %i', async (line, expected) => {
  const file = join(folder, 'limits');
  await writeFile(file, `Limit  Soft Limit\n${line}\n`);
  expect(await partitionCap(file)).toBe(expected);
});

it('does without the file', async () => {
  expect(await partitionCap(join(folder, 'missing'))).toBe(20_000);
});
