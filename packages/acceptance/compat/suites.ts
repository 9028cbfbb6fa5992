// Whole programs and suites that belong to the picture: one row each.
import assert from 'node:assert/strict';
import path from 'node:path';
import { ApacheKafka, Child, MillraceProcess, runProgram, runSeed } from '@millrace/testing';
import { CLIENT_CHECKS } from '../client-suite/checks.ts';
import { DEMO_PAGE_CHECKS } from '../gateway/demo/checks.ts';
import { SDK_CHECKS } from '../gateway/sdk/checks.ts';
import { lineOf, ordeal } from '../gateway-faults/ordeal.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const SOURCES = ['--conditions=@millrace/source'];
const JAR_TIMEOUT_MS = 300_000;
const EXAMPLE_TIMEOUT_MS = 420_000;
const RECORD_COUNT = 1_000_000;

/** What `npm test` runs on our broker, here on Apache Kafka: our client works with any cluster. */
async function clientOnApacheKafka(): Promise<void> {
  const kafka = await ApacheKafka.start();
  const failures: string[] = [];
  try {
    for (const [index, [name, check]] of Object.entries(CLIENT_CHECKS).entries()) {
      try {
        await check({
          bootstrapServers: kafka.bootstrap,
          topic: `client-${index}`,
          restart: async () => {
            await kafka.pause();
            await kafka.resume();
          },
        });
      } catch (error) {
        failures.push(`${name}: ${(error as Error).message}`);
      }
    }
  } finally {
    await kafka.stop();
  }
  assert.deepEqual(failures, []);
}

/** The schema tables against the schemas inside Apache Kafka's jars. */
async function tablesEqualJar(): Promise<void> {
  const script = path.join(ROOT, 'packages/protocol/scripts/check-against-jar.ts');
  await runProgram(process.execPath, [...SOURCES, script], { timeoutMs: JAR_TIMEOUT_MS });
}

/** A million lines of this machine's files through a broker that is killed while they go in and while they come out. */
async function streamFiles(): Promise<void> {
  const broker = await MillraceProcess.start();
  const example = path.join(ROOT, 'docs/examples/stream-files.ts');
  const argv = [
    ...SOURCES,
    example,
    '--bootstrap',
    broker.bootstrap,
    '--records',
    String(RECORD_COUNT),
  ];
  const program = new Child(process.execPath, argv, { cwd: ROOT });
  try {
    for (const line of [/produced 300000\n/, /consumed 300000\n/]) {
      await program.saying(line, EXAMPLE_TIMEOUT_MS);
      await broker.kill();
      await broker.resume();
    }
    await program.saying(/equal: count and SHA-256 of every file/, EXAMPLE_TIMEOUT_MS);
    assert.equal((await program.exited).code, 0, program.stdout + program.stderr);
    const count = /^consumed (\d+) records of/m.exec(program.stdout)?.[1];
    assert.ok(Number(count) >= RECORD_COUNT, program.stdout);
  } finally {
    await program.kill();
    await broker.stop();
  }
}

/** The short form of gateway-faults/run.ts. */
async function gatewayFaults(): Promise<void> {
  const seed = runSeed();
  const report = await ordeal({
    ...{ kills: 20, clients: 48, records: 50_000, seconds: 20, rate: 400, pauseMs: 200 },
    seed,
    note: (text) => process.stdout.write(`  ${text}\n`),
  });
  process.stdout.write(`seed ${seed}: ${lineOf(report)}\n`);
  assert.deepEqual(report.complaints, []);
}

/** Row of the table → what it does. */
export const SUITES: Readonly<Record<string, () => Promise<void>>> = {
  '@millrace/client on Apache Kafka': clientOnApacheKafka,
  "schema tables equal those in kafka-clients' jar": tablesEqualJar,
  'a million lines of real files, kill -9 on the way': streamFiles,
  ...DEMO_PAGE_CHECKS,
  ...SDK_CHECKS,
  'gateway faults: nothing lost, reordered or twice, every gap exact': gatewayFaults,
};
