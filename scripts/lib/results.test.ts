import path from 'node:path';
import { expect, test } from 'vitest';
import { cargoResult, errorLines, printFailures, printSum, vitestResult } from './results.ts';
import { ROOT } from './workspace.ts';

const CARGO_FAILED = [
  'running 3 tests',
  'test tail::keeps ... ok',
  'test tail::cuts ... FAILED',
  'test tail::joins ... FAILED',
  '',
  'failures:',
  '',
  '---- tail::cuts stdout ----',
  '',
  "thread 'tail::cuts' panicked at log/src/tail.rs:7:5:",
  'assertion `left == right` failed',
  '',
  '---- tail::joins stdout ----',
  "thread 'tail::joins' panicked at log/src/tail.rs:9:5:",
  '',
  'failures:',
  '    tail::cuts',
  '    tail::joins',
  '',
  'test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s',
].join('\n');

test('adds up what cargo test prints of each crate, and names what failed', () => {
  const output = [
    'test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s',
    CARGO_FAILED,
  ].join('\n');
  expect(cargoResult(output, 101)).toEqual({
    passed: 7,
    failed: 2,
    skipped: 1,
    failures: [
      {
        name: 'tail::cuts',
        lines: [
          "thread 'tail::cuts' panicked at log/src/tail.rs:7:5:",
          'assertion `left == right` failed',
        ],
      },
      {
        name: 'tail::joins',
        lines: ["thread 'tail::joins' panicked at log/src/tail.rs:9:5:"],
      },
    ],
  });
});

test('a crate that does not compile is one failure that says why', () => {
  const output =
    '   Compiling a\n\u001b[31merror[E0308]\u001b[0m: mismatched types\n --> src/lib.rs:3\n';
  expect(cargoResult(output, 101)).toMatchObject({
    failed: 1,
    failures: [{ lines: ['error[E0308]: mismatched types', ' --> src/lib.rs:3'] }],
  });
  expect(cargoResult('', 0)).toEqual({ passed: 0, failed: 0, skipped: 0, failures: [] });
});

const report = (testResults: unknown[], numFailedTests: number): string =>
  JSON.stringify({
    ...{ numPassedTests: 5, numFailedTests, numPendingTests: 2, numTodoTests: 0 },
    testResults,
  });
const file = path.join(ROOT, 'packages/a/src/a.test.ts');

test('names the tests and the files that vitest saw fail', () => {
  const json = report(
    [
      {
        ...{ name: file, status: 'failed', message: '' },
        assertionResults: [
          { status: 'passed', fullName: 'a log grows', failureMessages: [] },
          {
            ...{ status: 'failed', fullName: 'a log shrinks' },
            failureMessages: [
              'AssertionError: expected 1 to be 2\n    at a.test.ts:3:1\n    at /x/node_modules/vitest/y.js:1:1',
            ],
          },
        ],
      },
      { name: file, status: 'failed', message: 'Cannot find module x', assertionResults: [] },
    ],
    1,
  );
  expect(vitestResult(json, 1, '')).toEqual({
    ...{ passed: 5, failed: 2, skipped: 2 },
    failures: [
      { name: 'packages/a/src/a.test.ts', lines: ['Cannot find module x'] },
      {
        name: 'packages/a/src/a.test.ts > a log shrinks',
        lines: ['AssertionError: expected 1 to be 2', '    at a.test.ts:3:1'],
      },
    ],
  });
});

test('a run that fails without a failed test, or leaves no report, is one failure', () => {
  const said = 'an error is expected here\n⎯⎯⎯ Unhandled Errors ⎯⎯⎯\nError: nobody caught me\n';
  expect(vitestResult(report([], 0), 1, said)).toMatchObject({
    ...{ passed: 5, failed: 1 },
    failures: [{ lines: ['⎯⎯⎯ Unhandled Errors ⎯⎯⎯', 'Error: nobody caught me'] }],
  });
  expect(vitestResult(undefined, 0, 'killed')).toMatchObject({
    ...{ passed: 0, failed: 1 },
    failures: [{ lines: ['killed'] }],
  });
});

test('what a tool said is cut to a few lines, each to a width', () => {
  expect(errorLines('x'.repeat(1000))).toEqual(['x'.repeat(300)]);
  expect(errorLines('line\n'.repeat(100))).toHaveLength(16);
});

test('prints a failure with its suite and name first', () => {
  const failures = [{ name: 'a > b', lines: ['expected 1', 'at c'] }];
  expect(printFailures('vitest', failures)).toBe(
    'FAILED vitest: a > b\n    expected 1\n    at c\n',
  );
  expect(printFailures('vitest', [])).toBe('');
});

test('the sum names every failure just before its plain last line', () => {
  const failures = [{ name: 'a > b', lines: ['expected 1'] }];
  const { text, failed } = printSum(
    new Map([
      ['check', undefined],
      ['vitest', { passed: 5, failed: 1, skipped: 2, failures }],
      ['cargo', { passed: 7, failed: 0, skipped: 0, failures: [] }],
    ]),
  );
  expect(failed).toBe(2);
  expect(text.split('\n')).toEqual([
    'check: {"passed":0,"failed":1,"skipped":0}',
    'vitest: {"passed":5,"failed":1,"skipped":2}',
    'cargo: {"passed":7,"failed":0,"skipped":0}',
    '2 skipped',
    'FAILED check: left no result',
    'FAILED vitest: a > b',
    '    expected 1',
    '12 passed, 2 failed',
    '',
  ]);
});
