// docs/internals/gateway-conformance.md says which test covers which case of the gateway; here it is held to that.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '..');
const CASES = Array.from({ length: 52 }, (_, i) => `C${String(i + 1).padStart(2, '0')}`);
const page = readFileSync(path.join(ROOT, 'docs/internals/gateway-conformance.md'), 'utf8');

const rows = page
  .split('\n')
  .filter((line) => /^\| C\d/.test(line))
  .map((line) => {
    const [number = '', files = '', asserted = '', open = ''] = line.split('|').slice(1, -1);
    const named = [...files.matchAll(/`([^`]+)`/g)].map(([, file = '']) => file);
    return { number: number.trim(), files: named, asserted: asserted.trim(), open: open.trim() };
  });

/** Where tests are: beside what they test, and among the rows of `npm run compat` that need Apache Kafka or a browser. */
const TEST_FILE = /\.test\.|^packages\/acceptance\/(gateway-kafka\/|gateway\/sdk\/checks\.ts)/;

/** The titles and comments of a test that name the case. */
function names(file: string, number: string): boolean {
  const full = path.join(ROOT, file);
  return existsSync(full) && new RegExp(`\\b${number}\\b`).test(readFileSync(full, 'utf8'));
}

test('every case has one row, in order', () => {
  expect(rows.map(({ number }) => number)).toEqual(CASES);
});

test.each(rows)('$number is named in the files of its row', ({ number, files, open }) => {
  expect(files.filter((file) => !names(file, number))).toEqual([]);
  expect(files.filter((file) => !TEST_FILE.test(file))).toEqual([]);
  // A case without a test says so.
  expect(files.length > 0 || open !== '').toBe(true);
});

test('a row says what is asserted, or what is open', () => {
  expect(rows.filter(({ asserted, open }) => asserted + open === '')).toEqual([]);
});
