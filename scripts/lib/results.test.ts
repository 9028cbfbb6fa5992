import { expect, test } from 'vitest';
import { cargoCounts, vitestCounts } from './results.ts';

test('adds up what cargo test prints of each crate', () => {
  const output = [
    'running 3 tests',
    'test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s',
    'test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s',
  ].join('\n');
  expect(cargoCounts(output)).toEqual({ passed: 7, failed: 2, skipped: 1 });
});

test('counts a test file that could not be imported as a failure', () => {
  const json = JSON.stringify({
    numPassedTests: 5,
    numFailedTests: 1,
    numPendingTests: 2,
    numTodoTests: 0,
    numFailedTestSuites: 2,
    testResults: [
      { status: 'failed', assertionResults: [{}] },
      { status: 'failed', assertionResults: [] },
      { status: 'passed', assertionResults: [{}] },
    ],
  });
  expect(vitestCounts(json)).toEqual({ passed: 5, failed: 2, skipped: 2 });
});
