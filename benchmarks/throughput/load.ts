/** Runs the native load generator and reads its line of JSON. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Load } from './scenarios.ts';

export const nativeDir: string = join(import.meta.dirname, 'native');
const binaries = join(nativeDir, 'target', 'release');

export interface Report {
  readonly requests: number;
  readonly errors: number;
  readonly seconds: number;
  readonly requestsPerSecond: number;
  readonly mbPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly cpuSeconds: number;
  readonly cpuSecondsPerGb: number;
  readonly cpuMicrosPerRequest: number;
  readonly rssMb: number;
}

export interface Target {
  readonly address: string;
  readonly pid: number;
}

export interface RunOptions {
  readonly topic: string;
  readonly seconds: number;
  readonly warmupSeconds: number;
}

/** Path of one of the native programs. */
export function binary(name: 'limit' | 'load'): string {
  return join(binaries, name);
}

/** Builds the native programs when they are not up to date. */
export async function buildNative(): Promise<void> {
  await run('cargo', [
    'build',
    '--release',
    '--quiet',
    '--manifest-path',
    `${nativeDir}/Cargo.toml`,
  ]);
}

/** Standard output of a command; rejects with its standard error when it fails. */
export function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(out);
      else reject(new Error(`${command} ${args.join(' ')} ended with ${code}: ${err.trim()}`));
    });
  });
}

export async function load(target: Target, load: Load, options: RunOptions): Promise<Report> {
  const settings = { ...load, ...options, address: target.address, pid: target.pid };
  return JSON.parse(await run(binary('load'), [JSON.stringify(settings)])) as Report;
}

/** Creates a topic; throws on any error code. */
export async function createTopic(
  target: Target,
  topic: string,
  partitions: number,
  configs: ReadonlyArray<readonly [string, string]>,
): Promise<void> {
  await admin(target, { mode: 'create', topic, partitions, configs });
}

export async function deleteTopic(target: Target, topic: string): Promise<void> {
  await admin(target, { mode: 'delete', topic });
}

async function admin(target: Target, settings: Record<string, unknown>): Promise<void> {
  const text = JSON.stringify({ ...settings, address: target.address });
  const { errorCode } = JSON.parse(await run(binary('load'), [text])) as { errorCode: number };
  if (errorCode !== 0) throw new Error(`${text} answered error code ${errorCode}`);
}
