// Adds up what the suites left behind and ends with the plain line "N passed, N failed".
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { RESULTS_FOLDER, type SuiteResult } from './lib/results.ts';

const wanted = process.argv.slice(2);
const sum = { passed: 0, failed: 0, skipped: 0 };
const present = readdirSync(RESULTS_FOLDER).filter((name) => name.endsWith('.json'));
for (const name of present.sort()) {
  const result = JSON.parse(readFileSync(path.join(RESULTS_FOLDER, name), 'utf8')) as SuiteResult;
  process.stdout.write(`${path.basename(name, '.json')}: ${JSON.stringify(result)}\n`);
  sum.passed += result.passed;
  sum.failed += result.failed;
  sum.skipped += result.skipped;
}
for (const suite of wanted) {
  if (present.includes(`${suite}.json`)) continue;
  process.stdout.write(`${suite}: left no result\n`);
  sum.failed += 1;
}
if (sum.skipped > 0) process.stdout.write(`${sum.skipped} skipped\n`);
process.stdout.write(`${sum.passed} passed, ${sum.failed} failed\n`);
if (sum.failed > 0) process.exitCode = 1;
