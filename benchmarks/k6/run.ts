/**
 * The k6 scenarios of the gateway: starts a broker and a gateway, produces the load, runs the script.
 *
 *   npm run bench -- k6 [--only broadcast,keyed] [--scale 0.1]
 *
 * --scale makes sockets, keys, rates and durations smaller together; scaled-down runs last 45 s at most.
 * Needs k6: `go install go.k6.io/k6@latest`.
 */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Child, MissingTool, runProgram } from '@millrace/testing';
import { Run } from './run-context.ts';
import { scenarios } from './scenarios.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(scenarios).join(',') },
    scale: { type: 'string', default: '1' },
  },
});
/** A scaled-down run is for trying things out. */
const SCALED_SECONDS_MAX = 45;
const SCALED_SECONDS_MIN = 15;
/** For sockets that close at the end of the load. */
const GRACE_SECONDS = 60;

async function findK6(): Promise<string> {
  const found = await runProgram('which', ['k6'], { anyCode: true });
  if (found.code === 0) return found.stdout.trim();
  const installed = join(homedir(), 'go', 'bin', 'k6');
  if (existsSync(installed)) return installed;
  throw new MissingTool('k6', 'go install go.k6.io/k6@latest');
}

/** @returns what went wrong; empty = every threshold holds. */
async function runScenario(k6: string, name: string, scale: number): Promise<string[]> {
  const scenario = scenarios[name];
  if (scenario === undefined) throw new Error(`no scenario ${name}`);
  const full = scenario.seconds;
  const scaledSeconds = Math.min(SCALED_SECONDS_MAX, Math.max(SCALED_SECONDS_MIN, full * scale));
  const run = new Run(scale, scale >= 1 ? full : scaledSeconds);
  try {
    const env = { ...(await scenario.prepare(run)), URLS: run.urls(), SCALE: String(scale) };
    const variables = Object.entries({ ...env, SECONDS: String(run.seconds) });
    const argv = ['run', '--quiet', '--no-usage-report', '--address', '127.0.0.1:0'];
    for (const [key, value] of variables) argv.push('--env', `${key}=${value}`);
    const child = new Child(k6, [...argv, join(import.meta.dirname, 'scripts', `${name}.js`)]);
    child.process.stdout?.on('data', (text: string) => process.stdout.write(text));
    const limit = setTimeout(() => void child.kill(), (run.seconds + GRACE_SECONDS) * 1000);
    const during = scenario.during?.(run);
    const { code } = await child.exited;
    clearTimeout(limit);
    run.stopFeeds();
    await during;
    if (code !== 0) process.stdout.write(child.stderr);
    const problems = code === 0 ? [] : [`k6 ended with ${code}`];
    return [...problems, ...((await scenario.after?.(run)) ?? [])];
  } finally {
    await run.close();
  }
}

async function main(): Promise<void> {
  const k6 = await findK6();
  const lines: string[] = [];
  for (const name of values.only.split(',')) {
    process.stdout.write(`\n=== ${name}\n`);
    const problems = await runScenario(k6, name, Number(values.scale));
    lines.push(`${name}: ${problems.length === 0 ? 'holds' : `MISSED (${problems.join('; ')})`}`);
    if (problems.length > 0) process.exitCode = 1;
  }
  process.stdout.write(`\n${lines.join('\n')}\n`);
}

await main();
