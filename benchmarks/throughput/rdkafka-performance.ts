/**
 * Drives librdkafka's own rdkafka_performance, whose source comes with Debian's librdkafka-dev: 1 KB records into four
 * partitions with acks=all and linger 5 ms, then back. Client and broker share the machine.
 */
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { MissingTool, runProgram } from '@millrace/testing';
import type { Target } from './load.ts';

export const RECORD_BYTES = 1000;
const PATIENCE_MS = 600_000;
/** Columns of its table: records consumed, and delivery reports of a producer. */
const CONSUMED = 2;
const DELIVERED = 5;

export interface RdkafkaReport {
  readonly recordsPerSecond: number;
  /** Rate of the last third of the records over that of the first; 1 = it kept its pace. */
  readonly lastThirdOverFirst: number;
}

/** Builds the program in `dir`. @throws MissingTool when the development package is not installed. */
export async function buildRdkafkaPerformance(dir: string): Promise<string> {
  const binary = join(dir, 'rdkafka_performance');
  if (existsSync(binary)) return binary;
  const listed = await runProgram('dpkg', ['-L', 'librdkafka-dev'], { anyCode: true });
  const source = listed.stdout.split('\n').find((line) => line.endsWith('rdkafka_performance.c'));
  if (source === undefined) {
    throw new MissingTool('rdkafka_performance', 'the package librdkafka-dev is not installed');
  }
  // It includes "../src/rd.h" and "rdtime.h": one file of ours stands in for both.
  const [src, examples] = [join(dir, 'src'), join(dir, 'examples')];
  for (const folder of [src, examples]) mkdirSync(folder, { recursive: true });
  const shim = join(import.meta.dirname, 'librdkafka', 'rd.h');
  for (const name of ['rd.h', 'rdtime.h']) copyFileSync(shim, join(src, name));
  const copy = join(examples, 'rdkafka_performance.c');
  copyFileSync(source, copy);
  const flags = ['-O2', '-D_GNU_SOURCE', '-w', '-I', src, '-include', 'librdkafka/rdkafka.h'];
  const include = ['-I', '/usr/include/librdkafka'];
  await runProgram('gcc', [...flags, ...include, '-o', binary, copy, '-lrdkafka', '-lz', '-lm']);
  return binary;
}

export function produceWithLibrdkafka(
  binary: string,
  target: Target,
  topic: string,
  records: number,
): Promise<RdkafkaReport> {
  const settings = ['-X', 'linger.ms=5', '-X', 'queue.buffering.max.messages=500000'];
  return run(binary, target, records, DELIVERED, [
    ...['-P', '-t', topic, '-s', String(RECORD_BYTES), '-c', String(records), '-a', '-1'],
    ...settings,
  ]);
}

export function consumeWithLibrdkafka(
  binary: string,
  target: Target,
  topic: string,
  records: number,
): Promise<RdkafkaReport> {
  const partitions = ['0', '1', '2', '3'].flatMap((partition) => ['-p', partition]);
  return run(binary, target, records, CONSUMED, [
    ...['-C', '-t', topic, ...partitions, '-o', 'beginning', '-c', String(records)],
  ]);
}

/** Its table (`-u`) has a line every 100 ms: elapsed ms first, then the counts so far. */
async function run(
  binary: string,
  target: Target,
  records: number,
  column: number,
  args: readonly string[],
): Promise<RdkafkaReport> {
  const argv = ['-b', target.address, '-i', '100', '-u', ...args];
  // Its exit code counts a queued event of its own as an undelivered record: its table is what tells.
  const options = { timeoutMs: PATIENCE_MS, anyCode: true };
  const { stdout, stderr } = await runProgram(binary, argv, options);
  const progress = progressOf(`${stdout}\n${stderr}`, column);
  const last = progress.at(-1);
  if (last === undefined || last.count < records) {
    throw new Error(
      `rdkafka_performance did not reach ${records} records:\n${stderr.slice(-2000)}`,
    );
  }
  const at = (count: number) => progress.find((point) => point.count >= count)?.ms ?? last.ms;
  const first = at(records / 3) - (progress[0]?.ms ?? 0);
  const final = last.ms - at((records * 2) / 3);
  return {
    recordsPerSecond: (last.count / last.ms) * 1000,
    lastThirdOverFirst: first / Math.max(final, 1),
  };
}

function progressOf(output: string, column: number): { ms: number; count: number }[] {
  const points: { ms: number; count: number }[] = [];
  for (const line of output.split('\n')) {
    const cells = line.split('|').map((cell) => cell.trim());
    const [ms, count] = [Number(cells[1]), Number(cells[column])];
    if (cells.length > 3 && Number.isFinite(ms) && Number.isFinite(count))
      points.push({ ms, count });
  }
  return points;
}
