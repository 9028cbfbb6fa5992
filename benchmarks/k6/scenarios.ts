/** What each script needs around it: topics, records, tokens, kills; and what is looked at afterwards. */
import { setTimeout as sleep } from 'node:timers/promises';
import { processUse } from '../throughput/load.ts';
import { duplicatesIn } from './duplicates.ts';
import { keyName, type Run, stamped } from './run-context.ts';
import { startTokens } from './tokens.ts';

export interface Scenario {
  /** At scale 1. */
  readonly seconds: number;
  /** Makes ready; what the script is told. */
  prepare(run: Run): Promise<Record<string, string>>;
  /** Beside the script. */
  during?(run: Run): Promise<void>;
  /** What is wrong once the script is over. */
  after?(run: Run): Promise<string[]>;
}

const BROADCAST = { perSecond: 20, valueBytes: 200 };
const HOUR_MS = 3_600_000;
const SOAK_GROWTH_MAX_PER_HOUR = 1 << 20;

/** A topic with the broadcast's records. */
async function broadcast(
  run: Run,
  overrides: Record<string, string> = {},
): Promise<Record<string, string>> {
  const topic = await run.topic('k6');
  await run.gateway(overrides);
  await run.feed({ topic, ...BROADCAST });
  return { TOPIC: topic };
}

export const scenarios: Readonly<Record<string, Scenario>> = {
  ramp: { seconds: 180, prepare: broadcast },
  broadcast: { seconds: 60, prepare: broadcast },
  json: { seconds: 60, prepare: broadcast },
  keyed: {
    seconds: 60,
    prepare: async (run) => {
      const topic = await run.topic('k6');
      await run.gateway();
      const keys = run.scaled(450);
      await run.feed({ topic, perSecond: run.scaled(10_000), valueBytes: 128, keys });
      return { TOPIC: topic };
    },
  },
  'catch-up': { seconds: 300, prepare: catchUp },
  storm: {
    seconds: 180,
    prepare: async (run) => {
      const topic = await run.topic('k6');
      await run.gateway();
      await run.feed({ topic, perSecond: 2, valueBytes: 200 });
      return { TOPIC: topic };
    },
    during: killAgainAndAgain,
  },
  slow: {
    seconds: 120,
    prepare: async (run) => {
      const env = await broadcast(run);
      const firehose = await run.topic('firehose');
      await run.feed({ topic: firehose, perSecond: 1_000, valueBytes: 1_000 });
      return { ...env, FIREHOSE: firehose };
    },
  },
  conflate: { seconds: 120, prepare: conflate, during: sayFinal },
  token: { seconds: 180, prepare: tokens },
  publish: {
    seconds: 60,
    prepare: async (run) => {
      const topic = await run.topic('k6');
      await run.gateway();
      return { TOPIC: topic };
    },
    during: async (run) => {
      await sleep(run.seconds * 500);
      await restart(run);
    },
    after: async (run) => {
      const found = await duplicatesIn((await run.broker()).bootstrap, 'k6');
      process.stdout.write(
        `in the log: ${found.records} records, ${found.duplicates} duplicates\n`,
      );
      return found.duplicates === 0 ? [] : [`${found.duplicates} duplicates in the log`];
    },
  },
  drain: { seconds: 60, prepare: drainBetweenTwo, during: drainTheFirst },
  abuse: {
    seconds: 60,
    prepare: (run) =>
      broadcast(run, {
        'gateway.handshakes.per.second': '1000000',
        'gateway.handshakes.per.address': '1000000',
      }),
    after: refusedForOrigin,
  },
  soak: { seconds: 4 * 3600, prepare: broadcast, during: watchMemory, after: judgeMemory },
};

async function catchUp(run: Run): Promise<Record<string, string>> {
  const topic = await run.topic('k6');
  const producer = await run.producer();
  const count = run.scaled(2 ** 20);
  let last: Promise<unknown> = Promise.resolve();
  for (let index = 0; index < count; index++) {
    last = producer.send({ topic, partition: 0, value: stamped(1024) });
    if (index % 1000 === 0) await last;
  }
  await last;
  await run.gateway();
  await run.feed({ topic, ...BROADCAST });
  return { TOPIC: topic };
}

async function conflate(run: Run): Promise<Record<string, string>> {
  const topic = await run.topic('k6');
  await run.gateway();
  const keys = run.scaled(10_000);
  await run.feed({ topic, perSecond: 1.2 * keys, valueBytes: 100, keys });
  return { TOPIC: topic };
}

/** The last record of each key, after which the readers read at full speed. */
async function sayFinal(run: Run): Promise<void> {
  await sleep(run.seconds * 700);
  run.stopFeeds();
  const producer = await run.producer();
  const topic = 'k6';
  const keys = Array.from({ length: run.scaled(10_000) }, (_, index) => keyName(index));
  const value = stamped(100, 'final');
  await Promise.all(keys.map((key) => producer.send({ topic, partition: 0, key, value })));
}

async function tokens(run: Run): Promise<Record<string, string>> {
  const topic = await run.topic('k6');
  const lifeSeconds = run.scale >= 1 ? 60 : 10;
  const { settings, newToken } = await startTokens(run.file('keys.json'), lifeSeconds);
  await run.gateway(settings);
  await run.feed({ topic, ...BROADCAST });
  const url = await run.serve(newToken);
  return { TOPIC: topic, TOKEN_URL: url, TOKEN_LIFE_SECONDS: String(lifeSeconds) };
}

async function restart(run: Run): Promise<void> {
  await run.gateways[0]?.kill();
  await run.gateways[0]?.resume();
}

/** Every 30 s; the last one leaves time to come back. */
async function killAgainAndAgain(run: Run): Promise<void> {
  const everyMs = run.scale >= 1 ? 30_000 : 10_000;
  for (let at = everyMs; at < run.seconds * 1000 - 6_000; at += everyMs) {
    await sleep(everyMs);
    await restart(run);
  }
}

const SPREAD_SECONDS = 5;

async function drainBetweenTwo(run: Run): Promise<Record<string, string>> {
  const spread = { 'gateway.drain.spread.ms': String(SPREAD_SECONDS * 1000) };
  const env = await broadcast(run, { ...spread, 'gateway.drain.close.after.ms': '5000' });
  await run.gateway();
  return { ...env, SPREAD_SECONDS: String(SPREAD_SECONDS) };
}

async function drainTheFirst(run: Run): Promise<void> {
  await sleep(run.seconds * 500);
  const pid = run.gateways[0]?.pid;
  if (pid !== undefined) process.kill(pid, 'SIGTERM');
}

/** Every upgrade that was refused came from a foreign origin: 403, and nothing else. */
async function refusedForOrigin(run: Run): Promise<string[]> {
  const counts =
    (await run.gateways[0]?.labelled('handshakes_rejected_total', 'reason')) ?? new Map();
  process.stdout.write(`upgrades refused: ${JSON.stringify(Object.fromEntries(counts))}\n`);
  const others = [...counts].filter(([reason, count]) => reason !== 'origin' && count > 0);
  const problems = others.map(([reason, count]) => `${count} upgrades were refused for ${reason}`);
  return counts.get('origin') === undefined ? [...problems, 'no origin was refused'] : problems;
}

const memory: { readonly atMs: number; readonly bytes: number }[] = [];

/** Once a minute, or ten times in a shorter run. */
async function watchMemory(run: Run): Promise<void> {
  memory.length = 0;
  const everyMs = Math.min(60_000, run.seconds * 100);
  for (let atMs = everyMs; atMs < run.seconds * 1000; atMs += everyMs) {
    await sleep(everyMs);
    memory.push({ atMs, bytes: processUse(run.gateways[0]?.pid ?? 0).rssBytes });
  }
}

/** Only a run of hours can be judged; a shorter one prints what it saw. */
async function judgeMemory(run: Run): Promise<string[]> {
  const [first] = memory.filter(({ atMs }) => atMs >= Math.min(HOUR_MS / 2, run.seconds * 500));
  const last = memory.at(-1);
  if (first === undefined || last === undefined) return ['the gateway was not watched'];
  const perHour = ((last.bytes - first.bytes) / (last.atMs - first.atMs)) * HOUR_MS;
  const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
  process.stdout.write(
    `gateway RSS ${mib(first.bytes)} → ${mib(last.bytes)} MiB, ${mib(perHour)} MiB an hour\n`,
  );
  if (run.scale < 1) return [];
  return perHour <= SOAK_GROWTH_MAX_PER_HOUR ? [] : [`RSS grows by ${mib(perHour)} MiB an hour`];
}
