import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './workspace.ts';

/** How one suite ended. */
export interface SuiteResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Where suites leave their counts for scripts/sum-results.ts. */
export const RESULTS_FOLDER = path.join(ROOT, '.cache', 'results');

/** Leaves a suite's counts, over those of an earlier run. */
export function writeResult(suite: string, result: SuiteResult): void {
  mkdirSync(RESULTS_FOLDER, { recursive: true });
  writeFileSync(path.join(RESULTS_FOLDER, `${suite}.json`), `${JSON.stringify(result)}\n`);
}

/** Adds up the `test result:` lines that cargo test prints. */
export function cargoCounts(output: string): SuiteResult {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const [, passed, failed, ignored] of output.matchAll(
    /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/gm,
  )) {
    sum.passed += Number(passed);
    sum.failed += Number(failed);
    sum.skipped += Number(ignored);
  }
  return sum;
}

/** What vitest's JSON reporter says of a whole run. */
export function vitestCounts(json: string): SuiteResult {
  const summary = JSON.parse(json) as {
    numPassedTests: number;
    numFailedTests: number;
    numPendingTests: number;
    numTodoTests: number;
    numFailedTestSuites: number;
    testResults: { status: string; assertionResults: unknown[] }[];
  };
  // A file that dies while it is imported has no tests to fail: count the file.
  const deadFiles = summary.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  ).length;
  return {
    passed: summary.numPassedTests,
    failed: summary.numFailedTests + deadFiles,
    skipped: summary.numPendingTests + summary.numTodoTests,
  };
}
