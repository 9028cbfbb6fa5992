// npm run check: everything that is wrong without a test saying so. All steps run, then the failed ones are named.
import {
  cargoResult,
  errorLines,
  type Failure,
  printFailures,
  writeResult,
} from './lib/results.ts';
import { run } from './lib/run.ts';
import { workspaces } from './lib/workspace.ts';

interface Step {
  readonly title: string;
  readonly command: string;
  readonly argv: readonly string[];
}

const cargo = (...argv: string[]): readonly string[] => {
  const [verb = '', ...rest] = argv;
  return [verb, '--manifest-path', 'native/Cargo.toml', ...rest];
};

const STEPS: readonly Step[] = [
  { title: 'format and lint', command: 'biome', argv: ['check', '--error-on-warnings', '.'] },
  { title: 'types', command: 'tsc', argv: ['-p', 'tsconfig.json'] },
  { title: 'layers', command: 'node', argv: ['scripts/check-layers.ts'] },
  { title: 'tidy', command: 'node', argv: ['scripts/tidy.ts'] },
  { title: 'corridors', command: 'node', argv: ['scripts/check-docs.ts'] },
  ...workspaces()
    .filter(({ manifest }) => manifest.scripts?.['generate:check'] !== undefined)
    .map(({ manifest }) => ({
      title: `generated code of ${manifest.name}`,
      command: 'npm',
      argv: ['run', '--silent', 'generate:check', `--workspace=${manifest.name}`],
    })),
  { title: 'cargo fmt', command: 'cargo', argv: cargo('fmt', '--all', '--check') },
  {
    title: 'clippy',
    command: 'cargo',
    argv: cargo('clippy', '--workspace', '--all-targets', '--', '-D', 'warnings'),
  },
  { title: 'cargo test', command: 'cargo', argv: cargo('test', '--workspace') },
];

const failures: Failure[] = [];
for (const { title, command, argv } of STEPS) {
  const { code, output, seconds } = await run(command, argv, true);
  process.stdout.write(`${code === 0 ? 'ok  ' : 'FAIL'} ${title} (${seconds.toFixed(1)} s)\n`);
  const tests = title === 'cargo test' ? cargoResult(output, code) : undefined;
  if (tests !== undefined) writeResult('cargo', tests);
  if (code === 0) continue;
  const lines = tests?.failures.flatMap(({ name, lines: said }) => [name, ...said]);
  failures.push({ name: title, lines: lines ?? errorLines(output) });
}
const failed = failures.length;
writeResult('check', { passed: STEPS.length - failed, failed, skipped: 0, failures });
process.stdout.write(printFailures('check', failures));
if (failed > 0) process.exitCode = 1;
