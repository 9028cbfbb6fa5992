// Every test that needs nothing but Node and Rust: vitest, then cargo test. Arguments go to vitest, and then it alone
// runs: `npm test -- packages/bytes`.
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { cargoCounts, RESULTS_FOLDER, vitestCounts, writeResult } from './lib/results.ts';
import { run } from './lib/run.ts';

const filters = process.argv.slice(2);
const report = path.join(RESULTS_FOLDER, 'vitest-report.log');

rmSync(report, { force: true });
const vitest = await run('vitest', [
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
  ...filters,
]);
let failed = vitest.code !== 0;

if (filters.length === 0) {
  const counts = vitestCounts(readFileSync(report, 'utf8'));
  // A run that fails without a failing test (an unhandled rejection, say) is still one failure.
  const failures = vitest.code !== 0 && counts.failed === 0 ? 1 : counts.failed;
  writeResult('vitest', { ...counts, failed: failures });
  failed = (await cargoTest()) || failed;
}
process.exitCode = failed ? 1 : 0;

async function cargoTest(): Promise<boolean> {
  const cargo = await run('cargo', ['test', '--manifest-path', 'native/Cargo.toml', '--workspace']);
  const counts = cargoCounts(cargo.output);
  writeResult('cargo', {
    ...counts,
    failed: cargo.code !== 0 && counts.failed === 0 ? 1 : counts.failed,
  });
  return cargo.code !== 0;
}
