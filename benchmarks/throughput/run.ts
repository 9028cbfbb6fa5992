/**
 * The throughput benchmark: Millrace beside Apache Kafka and beside the least one epoll thread can do.
 * Servers take turns within each round; figures are medians over the rounds.
 *
 *   npm run bench -- throughput [--rounds 3] [--seconds 8] [--only produce-64k,…] [--without kafka]
 *                               [--ballast-gib 28] [--dir DIR] [--save]
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { arch, cpus, platform, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { fillPageCache } from './hygiene.ts';
import {
  buildNative,
  createTopic,
  deleteTopic,
  flushFiles,
  load,
  processUse,
  type Report,
} from './load.ts';
import { type Load, type Scenario, scenarios } from './scenarios.ts';
import { type RowName, type Server, startKafka, startLimit, startMillrace } from './servers.ts';
import { render } from './stats.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '8' },
    only: { type: 'string', default: '' },
    without: { type: 'string', default: '' },
    'ballast-gib': { type: 'string', default: String(Math.ceil(totalmem() / 2 ** 30) + 4) },
    dir: { type: 'string', default: join(tmpdir(), 'millrace-bench') },
    save: { type: 'boolean', default: false },
  },
});
const WARM_SECONDS = 15;
/** The disk by itself; its figures settle soon. */
const DISK_SECONDS = 2;
/** Until the files of a deleted topic are gone. */
const DELETED_MS = 1_500;
const seconds = Number(values.seconds);
const without = new Set(values.without.split(','));
const only = new Set(values.only.split(',').filter((name) => name !== ''));

/** The same topic everywhere; filled first when the scenario reads. */
async function measure(server: Server, scenario: Scenario, round: number): Promise<Report> {
  const topic = `${scenario.name}-${round}`;
  const partitions = scenario.load.partitions ?? 4;
  // Gone at once when deleted: the next run then writes into pages that this one gave back, on every server.
  const configs: [string, string][] = [['file.delete.delay.ms', '100']];
  if (server.name === 'kafka' && scenario.durability === 'flushed') {
    configs.push(['flush.messages', '1']);
  }
  const known = server.name !== 'limit';
  if (known) await createTopic(server, topic, partitions, configs);
  if (scenario.prefillBytes !== undefined)
    await fill(server, topic, partitions, scenario.prefillBytes);
  const replay = scenario.replayBytes === undefined ? undefined : replayBeside(server, scenario);
  await replay?.filled;
  const run = load(server, scenario.load, { topic, seconds, warmupSeconds: 2 });
  const [report] = await Promise.all([run, replay?.start()]);
  if (known) await deleteTopic(server, topic);
  await sleep(DELETED_MS);
  if (replay !== undefined) await deleteTopic(server, replay.topic);
  return report;
}

async function fill(
  server: Server,
  topic: string,
  partitions: number,
  bytes: number,
): Promise<void> {
  const produce: Load = {
    mode: 'produce',
    connections: partitions,
    partitions,
    batchBytes: 65_536,
  };
  let written = 0;
  while (written < bytes * partitions) {
    const report = await load(server, produce, { topic, seconds: 1, warmupSeconds: 0 });
    if (report.requests === 0) throw new Error(`${server.name} took nothing of the prefill`);
    written += report.mbPerSecond * report.seconds * 1e6;
  }
}

function replayBeside(server: Server, scenario: Scenario) {
  const topic = `${scenario.name}-replay`;
  const fetch: Load = { mode: 'fetch', connections: 1, partitions: 1, fetchBytes: 1 << 20 };
  return {
    topic,
    filled: createTopic(server, topic, 1, []).then(() =>
      fill(server, topic, 1, scenario.replayBytes ?? 0),
    ),
    start: () => load(server, fetch, { topic, seconds: seconds + 2, warmupSeconds: 0 }),
  };
}

/** A JVM is measured only after its compiler has seen the load. */
async function warm(server: Server): Promise<void> {
  const topic = 'warm-up';
  await createTopic(server, topic, 4, []);
  for (const batchBytes of [1, 4096, 65_536]) {
    const produce: Load = { mode: 'produce', connections: 4, batchBytes };
    await load(server, produce, { topic, seconds: WARM_SECONDS / 3, warmupSeconds: 0 });
  }
  await deleteTopic(server, topic);
}

/** Every server that takes part in a scenario, started on first use and kept until the end. */
class Servers {
  readonly #dir: string;
  readonly #running = new Map<string, Server>();

  constructor(dir: string) {
    this.#dir = dir;
  }

  async get(name: 'millrace' | 'kafka', durability: Scenario['durability']): Promise<Server> {
    const key = name === 'millrace' ? `${name}-${durability}` : name;
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const server =
      name === 'kafka' ? await startKafka(this.#dir) : await startMillrace(this.#dir, durability);
    this.#running.set(key, server);
    if (name === 'kafka') await warm(server);
    return server;
  }

  /** One line a server: its resident memory after everything it went through. */
  memory(): string {
    const lines = [...this.#running].map(
      ([name, { pid }]) => `- ${name}: ${(processUse(pid).rssBytes / 1e6).toFixed(0)} MB\n`,
    );
    return `### resident after the whole run\n\n${lines.join('')}`;
  }

  async stop(): Promise<void> {
    for (const server of this.#running.values()) await server.stop();
  }
}

/** The limit program keeps every byte it ever got, so it lives for one measurement only. */
async function measureLimit(dir: string, scenario: Scenario, round: number): Promise<Report> {
  const server = await startLimit(dir);
  try {
    return await measure(server, scenario, round);
  } finally {
    await server.stop();
    rmSync(server.dir, { recursive: true, force: true });
  }
}

/** Who takes turns in each round. */
function rowsOf({ durability, load: { mode }, replayBytes }: Scenario): RowName[] {
  const rows: RowName[] = [];
  if (durability === 'page-cache' && mode !== 'end-to-end') rows.push('limit');
  if (durability === 'flushed') rows.push('disk, 1 file', 'disk, 4 files');
  // Only the change by the replay is asked for, and only of our own.
  if (replayBytes !== undefined) return ['millrace alone', 'millrace'];
  rows.push('millrace', 'kafka');
  return rows.filter((name) => !without.has(name));
}

async function measureRow(
  name: RowName,
  scenario: Scenario,
  round: number,
  servers: Servers,
  workDir: string,
): Promise<Report> {
  switch (name) {
    case 'limit':
      return measureLimit(workDir, scenario, round);
    case 'disk, 1 file':
      return flushFiles(workDir, 1, DISK_SECONDS);
    case 'disk, 4 files':
      return flushFiles(workDir, 4, DISK_SECONDS);
    case 'millrace alone': {
      const { replayBytes: _, ...alone } = scenario;
      return measure(await servers.get('millrace', scenario.durability), alone, round);
    }
    default:
      return measure(await servers.get(name, scenario.durability), scenario, round);
  }
}

async function main(): Promise<void> {
  await buildNative();
  mkdirSync(values.dir, { recursive: true });
  const ballast = fillPageCache(values.dir, Number(values['ballast-gib']) * 2 ** 30);
  const workDir = mkdtempSync(join(values.dir, 'run-'));
  const servers = new Servers(workDir);
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD']).toString().trim();
  const machine = `${cpus().length} × ${cpus()[0]?.model}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${platform()} ${release()} ${arch()}`;
  const date = new Date().toISOString();
  const parts = [`# Throughput, ${date.slice(0, 10)}, commit ${commit}\n`, `${machine}\n`];
  process.stdout.write(`${parts.join('\n')}\n`);
  try {
    for (const scenario of scenarios) {
      if (only.size > 0 && !only.has(scenario.name)) continue;
      const rounds = new Map<RowName, Report[]>();
      for (let round = 0; round < Number(values.rounds); round++) {
        for (const name of rowsOf(scenario)) {
          ballast.refresh();
          const report = await measureRow(name, scenario, round, servers, workDir);
          rounds.set(name, [...(rounds.get(name) ?? []), report]);
        }
      }
      const text = render(scenario, rounds);
      parts.push(text);
      process.stdout.write(`${text}\n`);
    }
    parts.push(servers.memory());
    process.stdout.write(servers.memory());
  } finally {
    await servers.stop();
    rmSync(workDir, { recursive: true, force: true });
  }
  if (values.save) {
    const path = join(
      import.meta.dirname,
      '..',
      'results',
      `throughput-${date.slice(0, 10)}-${commit}.md`,
    );
    writeFileSync(path, parts.join('\n'));
    process.stdout.write(`written to ${path}\n`);
  }
}

await main();
