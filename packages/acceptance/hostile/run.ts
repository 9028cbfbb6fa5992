// Broker and gateway among hostile clients, the long form of src/hostile.int.test.ts and
// src/gateway-hostile.int.test.ts; before it the gateway's readers and sessions, with messages that coverage leads to
// code which nothing reached yet:
//   npm run fuzz -- [--frames 1000000] [--seed N] [--idle 10000] [--gateway 100000] [--guided 10]
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Admin } from '@millrace/client';
import { MillraceProcess, runProgram, runSeed } from '@millrace/testing';
import { GatewayProcess } from '../gateway/sdk/gateway-process.ts';
import { GatewayCanary } from '../gateway-hostile/canary.ts';
import { gatewayFuzz } from '../gateway-hostile/fuzz.ts';
import { GENEROUS_LIMITS } from '../gateway-hostile/limits.ts';
import { Canary } from './canary.ts';
import { idleCrowd } from './crowds.ts';
import { fuzz } from './fuzz.ts';
import { MIB, rssBytes } from './process-facts.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const GUIDED = ['packages/gateway-protocol', 'services/gateway'];
const GATEWAY_TOPIC = 'gateway-canary';

const { values } = parseArgs({
  options: {
    /** Mutated requests to the broker. */
    frames: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(runSeed()) },
    idle: { type: 'string', default: '10000' },
    /** Mutated messages to the gateway. */
    gateway: { type: 'string', default: '100000' },
    /** Seconds of each of the two guided runs. */
    guided: { type: 'string', default: '10' },
  },
});
const seed = Number(values.seed);
console.log(`seed ${seed}`);
for (const place of GUIDED) await guided(place, Number(values.guided));
const broker = await MillraceProcess.start({
  overrides: { 'millrace.max.partitions': '2000', 'num.partitions': '1' },
});
try {
  await hostileToGateway(Number(values.gateway));
  const canary = await Canary.open(broker.port, 'canary');
  if (Number(values.idle) > 0) await idle(canary, Number(values.idle));
  await hostileToBroker(canary, Number(values.frames));
  canary.close();
} finally {
  const errors = broker.output.split('\n').filter((line) => line.includes('ERROR'));
  for (const line of errors.slice(0, 20)) console.log(line);
  if (errors.length > 0) process.exitCode = 1;
  await broker.kill();
}

async function guided(place: string, seconds: number): Promise<void> {
  const program = path.join(ROOT, place, 'fuzz/run-guided.ts');
  const { stdout } = await runProgram(
    process.execPath,
    [
      ...['--conditions=@millrace/source', program],
      ...['--seconds', String(seconds), '--seed', String(seed)],
    ],
    { timeoutMs: 60_000 + seconds * 4_000 },
  );
  console.log(`${place}: ${stdout.trim()}`);
}

async function hostileToGateway(messageCount: number): Promise<void> {
  const admin = new Admin({ bootstrapServers: broker.bootstrap });
  await admin.createTopics([{ name: GATEWAY_TOPIC, partitionCount: 1 }]);
  await admin.close();
  const gateway = await GatewayProcess.start(broker.bootstrap, GENEROUS_LIMITS);
  try {
    const canary = await GatewayCanary.open(gateway.port, GATEWAY_TOPIC);
    const base = rssBytes(gateway.pid);
    const mib = (): string => (rssBytes(gateway.pid) / MIB).toFixed(0);
    const every = Math.max(10_000, messageCount / 20);
    let told = 0;
    const note = (count: number): void => {
      if (count < told + every) return;
      told = count;
      console.log(`${count} messages to the gateway, ${mib()} MiB`);
    };
    const report = await gatewayFuzz({ port: gateway.port, canary, seed, messageCount, note });
    canary.close();
    console.log(
      `gateway: ${report.messageCount} messages, ${report.closedCount} of ${report.connectionCount} connections closed, ` +
        `canary at most ${report.canaryMsMax.toFixed(0)} ms, ${(base / MIB).toFixed(0)} -> ${mib()} MiB`,
    );
    if (/a handler failed|a socket dropped bytes/.test(gateway.output)) {
      console.log(gateway.output);
      process.exitCode = 1;
    }
  } finally {
    await gateway.kill();
  }
}

/** What connections that say nothing cost, and what the canary notices of them. */
async function idle(canary: Canary, count: number): Promise<void> {
  const crowd = await idleCrowd(broker, canary, count);
  console.log(
    `${crowd.count} idle: ${crowd.bytesPerConnection.toFixed(0)} bytes each, ` +
      `p99 ${crowd.p99BeforeMs.toFixed(1)} -> ${crowd.p99WithMs.toFixed(1)} ms`,
  );
}

async function hostileToBroker(canary: Canary, frameCount: number): Promise<void> {
  const base = rssBytes(broker.pid);
  const mib = (bytes: number): string => (bytes / MIB).toFixed(0);
  const note = (text: string): void => console.log(`${text}, ${mib(rssBytes(broker.pid))} MiB`);
  const report = await fuzz({ port: broker.port, canary, seed, frameCount, note });
  console.log(
    `${report.messageCount} frames, ${report.closedCount} of ${report.connectionCount} connections closed, ` +
      `canary at most ${report.canaryMsMax.toFixed(0)} ms, memory grew ${mib(rssBytes(broker.pid) - base)} MiB`,
  );
}
