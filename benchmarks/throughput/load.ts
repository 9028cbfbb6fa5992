/** Runs the native load generator and reads its line of JSON. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runProgram } from '@millrace/testing';
import type { Load } from './scenarios.ts';

export const nativeDir: string = join(import.meta.dirname, 'native');
/** Longer than any run; a server that answers nothing ends it. */
const PATIENCE_MS = 600_000;
/** Apache Kafka answers CreateTopics a little before its partitions take records. */
const SETTLE_MS = 500;
const PAGE_BYTES = 4096;
const TICKS_PER_SECOND = 100;
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
  const manifest = join(nativeDir, 'Cargo.toml');
  const argv = ['build', '--release', '--quiet', '--manifest-path', manifest];
  await runProgram('cargo', argv, { timeoutMs: PATIENCE_MS });
}

export async function load(target: Target, load: Load, options: RunOptions): Promise<Report> {
  const settings = { ...load, ...options, address: target.address, pid: target.pid };
  return JSON.parse(await ask(settings)) as Report;
}

/** How long the disk itself takes for growing files that are flushed at once, without any broker. */
export async function flushFiles(dir: string, files: number, seconds: number): Promise<Report> {
  const settings = { mode: 'flush', dir, partitions: files, batchBytes: 1100 };
  return JSON.parse(await ask({ ...settings, seconds, warmupSeconds: 0.5 })) as Report;
}

/** Creates a topic; throws on any error code. */
export async function createTopic(
  target: Target,
  topic: string,
  partitions: number,
  configs: ReadonlyArray<readonly [string, string]>,
): Promise<void> {
  await admin(target, { mode: 'create', topic, partitions, configs });
  await sleep(SETTLE_MS);
}

export async function deleteTopic(target: Target, topic: string): Promise<void> {
  await admin(target, { mode: 'delete', topic });
}

async function admin(target: Target, settings: Record<string, unknown>): Promise<void> {
  const answer = await ask({ ...settings, address: target.address });
  const { errorCode } = JSON.parse(answer) as { errorCode: number };
  if (errorCode !== 0) throw new Error(`${JSON.stringify(settings)}: error code ${errorCode}`);
}

async function ask(settings: Record<string, unknown>): Promise<string> {
  return (await runProgram(binary('load'), [JSON.stringify(settings)], { timeoutMs: PATIENCE_MS }))
    .stdout;
}

/** CPU seconds (user and system) and resident memory of a process, from /proc. Zero when it is gone. */
export function processUse(pid: number): {
  readonly cpuSeconds: number;
  readonly rssBytes: number;
} {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name may hold spaces: fields are counted from its closing parenthesis.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    return { cpuSeconds: ticks / TICKS_PER_SECOND, rssBytes: pages * PAGE_BYTES };
  } catch {
    return { cpuSeconds: 0, rssBytes: 0 };
  }
}
