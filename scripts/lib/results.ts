import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { ROOT } from './workspace.ts';

/** One thing that went wrong: its full name, and the first lines of what it said. */
export interface Failure {
  readonly name: string;
  readonly lines: readonly string[];
}

/** How one suite ended. `failures` may be shorter than `failed`: what died at once names no test. */
export interface SuiteResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly Failure[];
}

/** Where suites leave their counts for scripts/sum-results.ts. */
export const RESULTS_FOLDER = path.join(ROOT, '.cache', 'results');

/** Of a suite that was killed, say. */
const LEFT_NOTHING: SuiteResult = {
  ...{ passed: 0, failed: 1, skipped: 0 },
  failures: [{ name: 'left no result', lines: [] }],
};
const LINES_MAX = 16;
const COLUMNS_MAX = 300;
/** Where an error begins, the surest first: vitest's own heading, cargo's and biome's, and any other. */
const SIGNS = [/⎯ Unhandled /, /^error\b|^\s*×/, /\berror\b|\bpanicked\b/i];
/** A line of a stack that tells nothing of the project. */
const FOREIGN_FRAME = /^\s+at .*(node_modules\/|\(?node:|<anonymous>)/;

/** Leaves a suite's result, over that of an earlier run. */
export function writeResult(suite: string, result: SuiteResult): void {
  mkdirSync(RESULTS_FOLDER, { recursive: true });
  writeFileSync(path.join(RESULTS_FOLDER, `${suite}.json`), `${JSON.stringify(result)}\n`);
}

/** The first lines of `text` that say something of ours, without colours; a long line is cut. */
export function firstLines(text: string): string[] {
  return linesOf(text).slice(0, LINES_MAX);
}

/** What a tool said when it failed: from its first line about an error on, or else its last lines. */
export function errorLines(output: string): string[] {
  const lines = linesOf(output);
  for (const sign of SIGNS) {
    const first = lines.findIndex((line) => sign.test(line));
    if (first >= 0) return lines.slice(first, first + LINES_MAX);
  }
  return lines.slice(-LINES_MAX);
}

function linesOf(text: string): string[] {
  return stripVTControlCharacters(text)
    .split('\n')
    .map((line) => line.trimEnd().slice(0, COLUMNS_MAX))
    .filter((line) => line !== '' && !FOREIGN_FRAME.test(line));
}

/** The failures as text: a line each with suite and name, what it said indented below. */
export function printFailures(suite: string, failures: readonly Failure[]): string {
  return failures
    .map(({ name, lines }) =>
      [`FAILED ${suite}: ${name}`, ...lines.map((line) => `    ${line}`), ''].join('\n'),
    )
    .join('');
}

/**
 * The results of several suites as text: counts, whatever failed, and at the end the plain line "N passed, N failed". A
 * suite without a result counts as one failure.
 */
export function printSum(results: ReadonlyMap<string, SuiteResult | undefined>): {
  readonly text: string;
  readonly failed: number;
} {
  const counts: string[] = [];
  const failures: string[] = [];
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const [suite, result] of results) {
    const { failures: named, ...numbers } = result ?? LEFT_NOTHING;
    counts.push(`${suite}: ${JSON.stringify(numbers)}\n`);
    failures.push(printFailures(suite, named));
    sum.passed += numbers.passed;
    sum.failed += numbers.failed;
    sum.skipped += numbers.skipped;
  }
  const skipped = sum.skipped > 0 ? [`${sum.skipped} skipped\n`] : [];
  const plain = `${sum.passed} passed, ${sum.failed} failed\n`;
  return { text: [...counts, ...skipped, ...failures, plain].join(''), failed: sum.failed };
}

/**
 * What cargo test printed of all crates: the `test result:` lines added up, and the `---- name stdout ----` sections of
 * the tests that failed. A run that failed without a failing test (it did not compile, say) is one failure.
 */
export function cargoResult(output: string, code: number): SuiteResult {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const [, passed, failed, ignored] of output.matchAll(
    /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/gm,
  )) {
    sum.passed += Number(passed);
    sum.failed += Number(failed);
    sum.skipped += Number(ignored);
  }
  const failures = [
    ...output.matchAll(/^---- (.+) stdout ----\n([\s\S]*?)(?=^---- |^failures:$|$(?![\s\S]))/gm),
  ].map(([, name = '', said = '']) => ({ name, lines: firstLines(said) }));
  return orOneFailure({ ...sum, failures }, code, output);
}

/** A file of vitest's JSON report: `name` is its absolute path. */
interface VitestFile {
  readonly name: string;
  readonly status: string;
  readonly message: string;
  readonly assertionResults: readonly {
    readonly status: string;
    readonly fullName: string;
    readonly failureMessages: readonly string[];
  }[];
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly VitestFile[];
}

/**
 * What vitest's JSON reporter wrote of a whole run; `json` is undefined when it wrote nothing. A run that failed without
 * a failing test (an unhandled rejection, say) is one failure.
 */
export function vitestResult(json: string | undefined, code: number, output: string): SuiteResult {
  if (json === undefined) {
    const nothing = { passed: 0, failed: 0, skipped: 0, failures: [] };
    return orOneFailure(nothing, code === 0 ? 1 : code, output);
  }
  const report = JSON.parse(json) as VitestReport;
  // A file that dies while it is imported has no tests to fail: count the file.
  const deadFiles = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  );
  const result: SuiteResult = {
    passed: report.numPassedTests,
    failed: report.numFailedTests + deadFiles.length,
    skipped: report.numPendingTests + report.numTodoTests,
    failures: [
      ...deadFiles.map((file) => ({ name: placeOf(file), lines: firstLines(file.message) })),
      ...report.testResults.flatMap((file) =>
        file.assertionResults
          .filter(({ status }) => status === 'failed')
          .map(({ fullName, failureMessages }) => ({
            name: `${placeOf(file)} > ${fullName}`,
            lines: firstLines(failureMessages.join('\n')),
          })),
      ),
    ],
  };
  return orOneFailure(result, code, output);
}

function placeOf({ name }: VitestFile): string {
  return path.relative(ROOT, name);
}

function orOneFailure(result: SuiteResult, code: number, output: string): SuiteResult {
  if (code === 0 || result.failed > 0) return result;
  const failure = { name: `exit code ${code} without a failed test`, lines: errorLines(output) };
  return { ...result, failed: 1, failures: [failure] };
}
