// Adds up what the suites left behind, names what failed, and ends with the plain line "N passed, N failed". Arguments
// are the suites that must have left a result.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { printSum, RESULTS_FOLDER, type SuiteResult } from './lib/results.ts';

const present = readdirSync(RESULTS_FOLDER)
  .filter((name) => name.endsWith('.json'))
  .map((name) => path.basename(name, '.json'));
const suites = new Set([...present, ...process.argv.slice(2)]);
const results = new Map<string, SuiteResult | undefined>();
for (const suite of [...suites].sort()) {
  const file = path.join(RESULTS_FOLDER, `${suite}.json`);
  const text = present.includes(suite) ? readFileSync(file, 'utf8') : undefined;
  results.set(suite, text === undefined ? undefined : (JSON.parse(text) as SuiteResult));
}
const { text, failed } = printSum(results);
process.stdout.write(text);
if (failed > 0) process.exitCode = 1;
