/**
 * The gateway beside a bare epoll server (A), a plain uWebSockets.js server (B) and nats-server (N): the rows of
 * the load's promises, each with its pass lines.
 *
 *   npm run bench -- gateway [--rows fanout,join,latency,idle,stopped,storm,abuse,soak] [--clients 9000] [--rounds 5]
 *                            [--seconds 4] [--records 1,8,32] [--soak-seconds 3600] [--without N,A]
 *                            [--profile DIR] [--save]
 *
 * Without --rows all but soak run. Needs cargo, taskset and Debian's nats-server.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Bench } from './bench.ts';
import { holds, render, type Section } from './figures.ts';
import { buildNative } from './generator.ts';
import { abuse } from './rows/abuse.ts';
import { fanout } from './rows/fanout.ts';
import { idle } from './rows/idle.ts';
import { join } from './rows/join.ts';
import { latency } from './rows/latency.ts';
import { soak } from './rows/soak.ts';
import { stopped } from './rows/stopped.ts';
import { storm } from './rows/storm.ts';
import { LIFTED_LIMITS, pinHarness } from './servers.ts';

const ROWS: Readonly<Record<string, (bench: Bench) => Promise<Section[]>>> = {
  fanout,
  join,
  latency,
  idle,
  stopped,
  storm,
  abuse,
  soak,
};

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: 'fanout,join,latency,idle,stopped,storm,abuse' },
    clients: { type: 'string', default: '9000' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    records: { type: 'string', default: '1,8,32' },
    'soak-seconds': { type: 'string', default: '3600' },
    without: { type: 'string', default: '' },
    profile: { type: 'string', default: '' },
    save: { type: 'boolean', default: false },
  },
});

function heading(date: string, commit: string): string {
  const machine = `${cpus().length} × ${cpus()[0]?.model}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${platform()} ${release()} ${arch()}`;
  const lifted = Object.entries(LIFTED_LIMITS).map(([key, value]) => `${key}=${value}`);
  return [
    `# Gateway load, ${date}, commit ${commit}\n`,
    `${machine}. Server under test alone on core 0; broker (millrace.log.durability=page-cache), producer and load generator on core 1.\n`,
    'The gateway runs with:\n',
    ...['```properties', ...lifted, '```', ''],
  ].join('\n');
}

function save(date: string, commit: string, text: string): void {
  const results = path.join(import.meta.dirname, '..', 'results');
  mkdirSync(results, { recursive: true });
  const file = path.join(results, `gateway-${date}-${commit}.md`);
  writeFileSync(file, text);
  process.stdout.write(`written to ${file}\n`);
}

async function main(): Promise<void> {
  const names = values.rows.split(',');
  const unknown = names.filter((name) => ROWS[name] === undefined);
  if (unknown.length > 0)
    throw new Error(`no row ${unknown.join(', ')}; there are ${Object.keys(ROWS).join(', ')}`);
  await buildNative();
  await pinHarness();
  const bench = new Bench({
    clients: Number(values.clients),
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    records: values.records.split(',').map(Number),
    soakSeconds: Number(values['soak-seconds']),
    profileDir: values.profile,
    without: new Set(values.without.split(',')),
  });
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD']).toString().trim();
  const date = new Date().toISOString().slice(0, 10);
  const parts = [heading(date, commit)];
  process.stdout.write(`${parts[0]}\n`);
  let missed = 0;
  try {
    for (const name of names) {
      for (const section of (await ROWS[name]?.(bench)) ?? []) {
        const text = render(section);
        parts.push(text);
        process.stdout.write(`${text}\n`);
        missed += section.verdicts.filter((verdict) => !holds(verdict)).length;
      }
    }
  } finally {
    await bench.close();
  }
  process.stdout.write(missed === 0 ? 'every pass line holds\n' : `${missed} pass lines missed\n`);
  if (values.save) save(date, commit, parts.join('\n'));
}

await main();
