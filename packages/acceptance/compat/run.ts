// npm run compat: other people's clients and Apache Kafka's own tools against our broker, as one table.
//
//   npm run compat [-- --against kafka|HOST:PORT] [--only kcat,kafkajs] [--check group,failover]
//
// `--against kafka` runs the same against Apache Kafka itself: what fails there is the harness's own fault.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { apacheKafkaJars, MissingTool } from '@millrace/testing';
import { FAULT_CHECKS } from '../faults/checks.ts';
import { GATEWAY_STAGES } from '../gateway-kafka/checks.ts';
import { LOST_ANSWER_CHECKS } from '../gateway-kafka/lost-answers.ts';
import { testsOnApacheKafka } from '../gateway-kafka/same-tests.ts';
import type { Stage } from '../gateway-kafka/stage.ts';
import {
  type BrokerUnderTest,
  runningBroker,
  startApacheKafka,
  startMillrace,
} from './broker-under-test.ts';
import { CHECKS, KEY_PARTITIONS, KEYS, resume, type Surroundings } from './checks.ts';
import type { Client, ClientDriver } from './client.ts';
import { confluentPython, confluentPythonDebian } from './clients/confluent-python.ts';
import { javaConsole } from './clients/java-console.ts';
import { kafkaPython, kafkaPythonDebian } from './clients/kafka-python.ts';
import { kafkajs } from './clients/kafkajs.ts';
import { kcat } from './clients/kcat.ts';
import { platformatic } from './clients/platformatic.ts';
import { SUITES } from './suites.ts';
import { type Outcome, OutcomeTable } from './table.ts';
import type { ToolRoom } from './tool-room.ts';
import { TOOL_CHECKS } from './tools.ts';

const DRIVERS: readonly ClientDriver[] = [
  kcat,
  kafkajs,
  platformatic,
  kafkaPython,
  kafkaPythonDebian,
  confluentPython,
  confluentPythonDebian,
  javaConsole,
];
/** Clients at work at once: most of a check is waiting for a group. */
const CONCURRENT_CLIENTS = 4;
/** A machine without a tool is told so; CI must have them all. */
const STRICT = process.env.CI === 'true';

interface Choice {
  /** `kafka`, `millrace`, or the address of a running broker. */
  readonly against: string;
  readonly only: readonly string[];
  readonly checks: readonly string[];
}

function choiceOf(argv: readonly string[]): Choice {
  const value = (flag: string): string | undefined => {
    const at = argv.indexOf(flag);
    return at < 0 ? undefined : argv[at + 1];
  };
  const list = (flag: string): string[] => value(flag)?.split(',') ?? [];
  return {
    against: value('--against') ?? 'millrace',
    only: list('--only'),
    checks: list('--check'),
  };
}

const chosen = (names: readonly string[], name: string): boolean =>
  names.length === 0 || names.some((part) => name.toLowerCase().includes(part.toLowerCase()));

async function attempt(work: () => Promise<void>): Promise<Outcome> {
  try {
    await work();
    return { kind: 'ok' };
  } catch (error) {
    const missing = error instanceof MissingTool && !STRICT;
    return { kind: missing ? 'missing' : 'FAIL', why: describe(error) };
  }
}

function say(outcome: Outcome, what: string): void {
  const why = 'why' in outcome ? `: ${outcome.why}` : '';
  process.stdout.write(`${outcome.kind.padEnd(7)} ${what}${why}\n`);
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause =
    error.cause instanceof Error && error.cause.message !== error.message
      ? ` ← ${describe(error.cause)}`
      : '';
  return `${error.message}${cause}`.replaceAll(/\s*\n\s*/g, ' | ').slice(-600);
}

/** Runs `work` over `items`, a few at a time, in order of their start. */
async function spread<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: CONCURRENT_CLIENTS }, worker));
}

async function surroundingsOf(bootstrap: string, helper: Client): Promise<Surroundings> {
  let partitions: Promise<ReadonlyMap<string, number>> | undefined;
  const measure = async (): Promise<ReadonlyMap<string, number>> => {
    const java = await javaConsole.open(bootstrap);
    const topic = `compat-java-keys-${process.pid}`;
    await helper.createTopic(topic, KEY_PARTITIONS);
    await java.produce(
      topic,
      KEYS.map((key) => ({ key, value: key, headers: [] })),
    );
    const back = await java.consume(topic, KEY_PARTITIONS, KEYS.length);
    return new Map(back.map(({ key, partition }) => [key ?? '', partition]));
  };
  return {
    bootstrap,
    createTopic: (topic, partitionCount) => helper.createTopic(topic, partitionCount),
    javaPartitions: () => {
      partitions ??= measure();
      return partitions;
    },
  };
}

async function runClients(
  broker: BrokerUnderTest,
  surroundings: Surroundings,
  choice: Choice,
): Promise<OutcomeTable> {
  const table = new OutcomeTable([...Object.keys(CHECKS), 'resume']);
  const drivers = DRIVERS.filter(({ name }) => chosen(choice.only, name));
  const restarts = new Map<ClientDriver, ReturnType<typeof resume>>();
  const one = async (
    driver: ClientDriver,
    column: string,
    work: (client: Client) => Promise<void>,
  ): Promise<boolean> => {
    let client: Client | undefined;
    const outcome = await attempt(async () => {
      client = await driver.open(broker.bootstrap);
      await work(client);
    });
    await client?.close().catch(() => undefined);
    table.set(driver.name, column, outcome);
    say(outcome, `${driver.name} · ${column}`);
    return outcome.kind === 'ok';
  };
  await spread(drivers, async (driver) => {
    for (const [name, check] of Object.entries(CHECKS)) {
      if (!chosen(choice.checks, name)) continue;
      if (driver.lacks[name] !== undefined) table.set(driver.name, name, { kind: 'n/a' });
      else await one(driver, name, (client) => check(client, surroundings));
    }
    if (!chosen(choice.checks, 'resume')) return;
    const check = resume();
    if (await one(driver, 'resume', (client) => check.before(client, surroundings)))
      restarts.set(driver, check);
  });
  if (restarts.size === 0) return table;
  await broker.pause();
  await broker.resume();
  await spread([...restarts], async ([driver, check]) => {
    await one(driver, 'resume', (client) => check.after(client));
  });
  return table;
}

/** Apache Kafka's tools and files (needs a broker), then whole suites and faults (they start their own). */
async function runRows(room: ToolRoom, choice: Choice): Promise<OutcomeTable> {
  const table = new OutcomeTable(['works']);
  const tools = Object.entries(TOOL_CHECKS).map(
    ([name, work]) => [name, 'tools', () => work(room)] as const,
  );
  const suites = Object.entries(SUITES).map(([name, work]) => [name, 'suites', work] as const);
  const faults = Object.entries(FAULT_CHECKS).map(
    ([name, check]) =>
      [name, 'faults', async () => process.stdout.write(`${await check({})}\n`)] as const,
  );
  for (const [name, kind, work] of [...tools, ...suites, ...faults]) {
    if (!chosen(choice.only, name) || !chosen(choice.checks, kind)) continue;
    const outcome = await attempt(async () => {
      if (kind === 'tools') await apacheKafkaJars();
      await work();
    });
    table.set(name, 'works', outcome);
    say(outcome, name);
  }
  return table;
}

/** The gateway before Apache Kafka and before our broker: both at a time, for most of it is waiting for elections. */
async function runGateways(choice: Choice): Promise<OutcomeTable> {
  const table = new OutcomeTable(['works']);
  const note = (name: string, outcome: Outcome): void => {
    table.set(name, 'works', outcome);
    say(outcome, name);
  };
  if (!chosen(choice.checks, 'gateway')) return table;
  await Promise.all(GATEWAY_STAGES.map((stage) => runStage(stage, choice, note)));
  for (const [row, work] of Object.entries(LOST_ANSWER_CHECKS))
    if (chosen(choice.only, row)) note(row, await attempt(work));
  await runGatewayTests(choice, note);
  return table;
}

/** The rows of one cluster and the gateway before it. */
async function runStage(
  { name, open, checks }: (typeof GATEWAY_STAGES)[number],
  choice: Choice,
  note: (name: string, outcome: Outcome) => void,
): Promise<void> {
  const rows = Object.entries(checks)
    .map(([row, work]) => [`${name} · ${row}`, work] as const)
    .filter(([row]) => chosen(choice.only, row));
  if (rows.length === 0) return;
  // What keeps the stage from opening is the outcome of each of its rows.
  const opening = open();
  const stage = await opening.catch((): Stage | null => null);
  for (const [row, work] of rows)
    note(row, await attempt(async () => work(stage ?? (await opening))));
  const closed = await attempt(async () => stage?.close());
  if (closed.kind !== 'ok') note(`${name} · is closed`, closed);
}

/** Tests of the gateway that `npm test` runs on our broker: one row each. */
async function runGatewayTests(
  choice: Choice,
  note: (name: string, outcome: Outcome) => void,
): Promise<void> {
  const all = 'gateway tests on Apache Kafka';
  if (!chosen(choice.only, all)) return;
  const ran = await attempt(async () => {
    for (const [test, why] of await testsOnApacheKafka())
      note(`${all} · ${test}`, why === null ? { kind: 'ok' } : { kind: 'FAIL', why });
  });
  if (ran.kind !== 'ok') note(all, ran);
}

/** Leaves counts and failures where scripts/sum-results.ts looks, in the shape of its SuiteResult. */
function leaveResult(sum: object): void {
  const folder = path.resolve(import.meta.dirname, '../../../.cache/results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'compat.json'), `${JSON.stringify(sum)}\n`);
}

const choice = choiceOf(process.argv.slice(2));
const STARTS: Readonly<Record<string, (dataFolder?: string) => Promise<BrokerUnderTest>>> = {
  kafka: startApacheKafka,
  millrace: startMillrace,
};
const start = STARTS[choice.against] ?? (async () => runningBroker(choice.against));
const broker = await start();
try {
  const helper = await kafkajs.open(broker.bootstrap);
  const surroundings = await surroundingsOf(broker.bootstrap, helper);
  const tables = [
    await runClients(broker, surroundings, choice),
    await runRows({ broker, helper, open: start }, choice),
    await runGateways(choice),
  ];
  await helper.close();
  process.stdout.write(`\n${broker.name}\n`);
  for (const table of tables) process.stdout.write(`\n${table.print()}\n`);
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const { passed, failed, skipped } of tables.map((table) => table.counts())) {
    sum.passed += passed;
    sum.failed += failed;
    sum.skipped += skipped;
  }
  const failures = tables.flatMap((table) => table.failures());
  if (choice.against === 'millrace') leaveResult({ ...sum, failures });
  process.stdout.write(`\n${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped\n`);
  process.exitCode = sum.failed === 0 ? 0 : 1;
} finally {
  await broker.stop();
}
// Nothing is open any more. Node's own clean-up spins for ever over a single socket that was reset while it ended (resetSocket
// of the testing package says more), and a table that is printed shall not wait for that.
process.exit();
