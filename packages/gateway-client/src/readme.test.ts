// The README's example for Node, as it stands there.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { UnknownOutcomeError } from './errors.ts';
import { FakeGateway } from './fake-gateway.test-server.ts';

const PARTITIONS = 4;
const README = readFileSync(path.resolve(import.meta.dirname, '../README.md'), 'utf8');

/** Runs the code under the heading; what it imports are arguments. */
async function run(heading: string, given: Readonly<Record<string, unknown>>): Promise<void> {
  const section = README.slice(README.indexOf(`## ${heading}`));
  const code = /```ts\n(.*?)```/s.exec(section)?.[1] ?? '';
  const body = code.replace(/^import .*$/m, '');
  const AsyncFunction = (async () => {}).constructor as new (...text: string[]) => unknown;
  const example = new AsyncFunction(...Object.keys(given), body) as (
    ...values: unknown[]
  ) => Promise<void>;
  await example(...Object.values(given));
}

test('in Node: publishes, and reads all partitions to their ends', async () => {
  const gateway = new FakeGateway();
  gateway.blockRecords = 7;
  const { logs } = gateway.topic('orders', PARTITIONS);
  // The last one is empty.
  for (const [partition, log] of logs.slice(0, -1).entries())
    for (let i = 0; i < 30 * (partition + 1); i++) log.append('{}');
  const lines: string[] = [];
  const made = (): unknown => gateway.client();
  let isDone = false;
  const example = run('In Node', {
    GatewayClient: function GatewayClient() {
      return made();
    },
    UnknownOutcomeError,
    console: { log: (...words: unknown[]) => lines.push(words.slice(0, 2).join('/')) },
  }).finally(() => {
    isDone = true;
  });
  for (let turn = 0; turn < 1_000 && !isDone; turn++) await gateway.run(10);
  await example;
  const published = logs.reduce((sum, { records }) => sum + records.length, 0);
  expect(published).toBe(30 + 60 + 90 + 1);
  expect(lines[0]).toMatch(/^appended/);
  expect(new Set(lines.slice(1)).size).toBe(published);
  expect(lines).toHaveLength(1 + published);
});
