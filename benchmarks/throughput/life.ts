/**
 * Starting, idling and coming back: spawn to first Metadata answer, resident memory when idle, and the
 * time from a kill -9 under load until the broker serves again.
 *
 *   npm run bench -- life [--rounds 3] [--without kafka]
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ApacheKafka, freePort, MillraceProcess } from '@millrace/testing';
import { buildNative, createTopic, load, processUse } from './load.ts';
import { untilServing } from './serving.ts';
import { median } from './stats.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    without: { type: 'string', default: '' },
  },
});

interface Life {
  readonly startMs: number;
  readonly idleRssMb: number;
  readonly recoveryMs: number;
}

interface Killable {
  readonly pid: number;
  readonly bootstrap: string;
  kill(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
}

const IDLE_MS = 3_000;
const LOAD_SECONDS = 5;

async function live(start: (port: number) => Promise<Killable>): Promise<Life> {
  const port = await freePort();
  let since = performance.now();
  const starting = start(port);
  const startMs = await untilServing(port, since);
  const broker = await starting;
  try {
    await sleep(IDLE_MS);
    const idleRssMb = processUse(broker.pid).rssBytes / 1e6;
    const target = { address: broker.bootstrap, pid: broker.pid };
    await createTopic(target, 'life', 4, []);
    const produce = { mode: 'produce', connections: 4, batchBytes: 16_384 } as const;
    const options = { topic: 'life', seconds: LOAD_SECONDS + 5, warmupSeconds: 0 };
    const loaded = load(target, produce, options).catch(() => undefined);
    await sleep(LOAD_SECONDS * 1000);
    await broker.kill();
    await loaded;
    since = performance.now();
    const resuming = broker.resume();
    const recoveryMs = await untilServing(port, since);
    await resuming;
    return { startMs, idleRssMb, recoveryMs };
  } finally {
    await broker.stop();
  }
}

async function main(): Promise<void> {
  await buildNative();
  const servers: Record<string, (port: number) => Promise<Killable>> = {
    millrace: (port) => MillraceProcess.start({ port }),
    kafka: (port) => ApacheKafka.start({ port }),
  };
  const lives = new Map<string, Life[]>();
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [name, start] of Object.entries(servers)) {
      if (values.without.split(',').includes(name)) continue;
      lives.set(name, [...(lives.get(name) ?? []), await live(start)]);
    }
  }
  console.log('| server | spawn to Metadata ms | idle RSS MB | serving again after kill -9 ms |');
  console.log('|---|--:|--:|--:|');
  for (const [name, all] of lives) {
    const figures = (['startMs', 'idleRssMb', 'recoveryMs'] as const).map((figure) =>
      median(all.map((life) => life[figure])).toFixed(0),
    );
    console.log(`| ${name} | ${figures.join(' | ')} |`);
  }
}

await main();
