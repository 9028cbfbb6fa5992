/**
 * A real client at full speed: rdkafka_performance produces 1 KB records into four partitions with acks=all and
 * linger 5 ms, then reads them back; client and broker share the machine.
 *
 *   npm run bench -- librdkafka [--records 3000000] [--rounds 2] [--without kafka] [--dir DIR]
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildNative, createTopic, deleteTopic, processUse } from './load.ts';
import {
  buildRdkafkaPerformance,
  consumeWithLibrdkafka,
  produceWithLibrdkafka,
  type RdkafkaReport,
  RECORD_BYTES,
} from './rdkafka-performance.ts';
import { type Server, startKafka, startMillrace } from './servers.ts';
import { median } from './stats.ts';

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '3000000' },
    rounds: { type: 'string', default: '2' },
    without: { type: 'string', default: '' },
    dir: { type: 'string', default: join(tmpdir(), 'millrace-bench') },
  },
});
const records = Number(values.records);
const gigabytes = (records * RECORD_BYTES) / 1e9;

interface Measured extends RdkafkaReport {
  readonly cpuSecondsPerGb: number;
}

async function withCpu(server: Server, work: () => Promise<RdkafkaReport>): Promise<Measured> {
  const before = processUse(server.pid).cpuSeconds;
  const report = await work();
  const cpuSeconds = processUse(server.pid).cpuSeconds - before;
  return { ...report, cpuSecondsPerGb: cpuSeconds / gigabytes };
}

async function main(): Promise<void> {
  await buildNative();
  mkdirSync(values.dir, { recursive: true });
  const binary = await buildRdkafkaPerformance(values.dir);
  const workDir = mkdtempSync(join(values.dir, 'rdkafka-'));
  const servers = [await startMillrace(workDir, 'page-cache')];
  if (!values.without.split(',').includes('kafka')) servers.push(await startKafka(workDir));
  const measured = new Map<string, Measured[]>();
  const keep = (name: string, one: Measured) =>
    measured.set(name, [...(measured.get(name) ?? []), one]);
  try {
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const server of servers) {
        const topic = `rdkafka-${round}`;
        await createTopic(server, topic, 4, []);
        const produce = () => produceWithLibrdkafka(binary, server, topic, records);
        keep(`produce ${server.name}`, await withCpu(server, produce));
        const consume = () => consumeWithLibrdkafka(binary, server, topic, records);
        keep(`consume ${server.name}`, await withCpu(server, consume));
        await deleteTopic(server, topic);
      }
    }
  } finally {
    for (const server of servers) await server.stop();
    rmSync(workDir, { recursive: true, force: true });
  }
  console.log('| run | records/s | server CPU s/GB | last third over first |');
  console.log('|---|--:|--:|--:|');
  for (const [name, reports] of [...measured].sort()) {
    const of = (figure: keyof Measured) => median(reports.map((report) => report[figure]));
    const rate = of('recordsPerSecond').toFixed(0);
    const pace = of('lastThirdOverFirst').toFixed(2);
    console.log(`| ${name} | ${rate} | ${of('cpuSecondsPerGb').toFixed(2)} | ${pace} |`);
  }
}

await main();
