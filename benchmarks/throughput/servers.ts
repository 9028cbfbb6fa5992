/** The servers that a round compares, each started by its own documented command. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ApacheKafka, Child, freePort } from '@millrace/testing';
import { binary, type Target } from './load.ts';
import { untilServing } from './serving.ts';

export type ServerName = 'limit' | 'millrace' | 'kafka';
export type Durability = 'page-cache' | 'flushed';

export interface Server extends Target {
  readonly name: ServerName;
  readonly port: number;
  /** Milliseconds from spawn to the first Metadata answer; 0 where it is not measured. */
  readonly startMs: number;
  readonly dir: string;
  stop(): Promise<void>;
}

const repository = join(import.meta.dirname, '..', '..');

export async function startLimit(workDir: string): Promise<Server> {
  const dir = join(workDir, 'limit');
  const port = await freePort();
  const child = new Child(binary('limit'), [String(port), dir]);
  await child.saying(/listening/, 5_000);
  return {
    name: 'limit',
    ...{ pid: child.pid, port, address: `127.0.0.1:${port}`, dir, startMs: 0 },
    stop: async () => void (await child.stop()),
  };
}

export async function startMillrace(
  workDir: string,
  durability: Durability,
  reuse?: { dir: string; port: number },
): Promise<Server> {
  const dir = reuse?.dir ?? join(workDir, `millrace-${durability}`);
  const port = reuse?.port ?? (await freePort());
  mkdirSync(dir, { recursive: true });
  const overrides = {
    'log.dirs': dir,
    listeners: `PLAINTEXT://127.0.0.1:${port}`,
    'millrace.log.durability': durability === 'flushed' ? 'fsync' : 'page-cache',
    'millrace.metrics.listener': '127.0.0.1:0',
  };
  const args = Object.entries(overrides).flatMap(([key, value]) => [
    '--override',
    `${key}=${value}`,
  ]);
  const cli = join(repository, 'packages', 'millrace', 'dist', 'cli.js');
  const child = new Child(process.execPath, [cli, 'broker', ...args]);
  const startMs = await untilServing(port);
  return {
    name: 'millrace',
    ...{ pid: child.pid, port, address: `127.0.0.1:${port}`, dir, startMs },
    stop: async () => void (await child.stop()),
  };
}

/** Apache Kafka as shipped. */
export async function startKafka(workDir: string): Promise<Server> {
  const dir = join(workDir, 'kafka');
  const kafka = await ApacheKafka.start({ dataFolder: dir });
  return {
    name: 'kafka',
    ...{ pid: kafka.pid, port: kafka.port, address: kafka.bootstrap, dir, startMs: 0 },
    stop: () => kafka.stop(),
  };
}
