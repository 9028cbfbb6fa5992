// Every test that needs nothing but Node and Rust: vitest, then cargo test. Arguments go to vitest, and then it alone
// runs: `npm test -- packages/bytes`. What failed is named once more at the end.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import {
  cargoResult,
  printFailures,
  RESULTS_FOLDER,
  vitestResult,
  writeResult,
} from './lib/results.ts';
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
  const json = existsSync(report) ? readFileSync(report, 'utf8') : undefined;
  const result = vitestResult(json, vitest.code, vitest.output);
  writeResult('vitest', result);
  const cargo = await run('cargo', ['test', '--manifest-path', 'native/Cargo.toml', '--workspace']);
  const natives = cargoResult(cargo.output, cargo.code);
  writeResult('cargo', natives);
  process.stdout.write(printFailures('vitest', result.failures));
  process.stdout.write(printFailures('cargo', natives.failures));
  failed = result.failed + natives.failed > 0;
}
process.exitCode = failed ? 1 : 0;
