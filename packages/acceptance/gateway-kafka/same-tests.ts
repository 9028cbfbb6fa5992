// What `npm test` runs on our broker, on Apache Kafka: as many rows as there are tests.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { apacheKafkaJars, runProgram, TEST_BROKER, tempFolder } from '@millrace/testing';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const VITEST = path.join(ROOT, 'node_modules/vitest/vitest.mjs');
const FILES = [
  'services/gateway/src/session/stream.int.test.ts',
  'services/gateway/src/fan-out/kafka.int.test.ts',
];
const TIMEOUT_MS = 400_000;

/** Of vitest's report in JSON, what is read. */
interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** Test → why it failed, null when it passed. @throws Error when the tests could not be run. */
export async function testsOnApacheKafka(): Promise<ReadonlyMap<string, string | null>> {
  await apacheKafkaJars();
  const folder = tempFolder('tests-on-apache-kafka');
  try {
    const file = path.join(folder.path, 'report.json');
    const argv = ['run', '--project', 'int', '--reporter=json', `--outputFile=${file}`];
    const { stdout, stderr } = await runProgram(process.execPath, [VITEST, ...argv, ...FILES], {
      cwd: ROOT,
      env: { [TEST_BROKER.variable]: TEST_BROKER.apacheKafka },
      timeoutMs: TIMEOUT_MS,
      anyCode: true,
    });
    const { testResults } = JSON.parse(readFileSync(file, 'utf8')) as Report;
    const outcomes = new Map<string, string | null>();
    for (const { name, message, assertionResults } of testResults) {
      if (assertionResults.length === 0) throw new Error(`${name}: ${message}${stdout}${stderr}`);
      for (const { fullName, status, failureMessages } of assertionResults)
        outcomes.set(fullName, status === 'passed' ? null : `${status} ${failureMessages.join()}`);
    }
    return outcomes;
  } finally {
    folder.remove();
  }
}
