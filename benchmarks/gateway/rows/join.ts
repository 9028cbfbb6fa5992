/** Offered more than anybody can write record by record: who joins records into fewer writes by himself? */
import { median } from '../../throughput/stats.ts';
import type { Bench } from '../bench.ts';
import {
  figuresOf,
  percent,
  ratio,
  type Section,
  spread,
  type Verdict,
  warnings,
} from '../figures.ts';
import { readyFrame, variant } from '../frames.ts';
import type { Report } from '../generator.ts';
import type { ServerName } from '../servers.ts';
import { NAP_MICROS, SAMPLE_EVERY, VALUE_BYTES } from './fan-out-load.ts';

const OFFERED_PER_SECOND = 3_000_000;

export async function join(bench: Bench): Promise<Section[]> {
  const { clients, rounds, seconds } = bench.options;
  const all = new Map<ServerName, Report[]>();
  for (let round = 0; round < rounds; round++) {
    for (const name of bench.chosen('B', 'N', 'M')) {
      const server = await bench.server(name);
      const topic = name === 'M' ? await bench.topic('join') : 'join';
      const frame = name === 'B' ? readyFrame(1, VALUE_BYTES) : '';
      const rate = OFFERED_PER_SECOND / clients;
      const feed = { topic, records: 1, valueBytes: VALUE_BYTES, rate, frame };
      const phase = {
        name: 'join',
        warmupSeconds: seconds / 4,
        seconds,
        sampleEvery: SAMPLE_EVERY,
        napMicros: NAP_MICROS,
      };
      const group = {
        count: clients,
        variants: [variant(server, { topic })],
        mode: 'read',
      } as const;
      const reports = await bench.load(server, [group], [{ ...phase, feeds: [feed] }]);
      all.set(name, [...(all.get(name) ?? []), ...reports]);
      // What it could not send in time must not burden the next run.
      await bench.stopServers();
    }
  }
  return [
    {
      title: `Joining, ${clients} clients, single records of ${VALUE_BYTES} bytes, 3 million deliveries/s offered`,
      columns: [
        ...['server', 'deliveries/s', 'per CPU second of core 0', 'records a message'],
        ...['messages/s', 'core 0 busy', 'core 1 idle'],
      ],
      rows: [...all].map(([name, reports]) => tableRow(name, reports)),
      verdicts: verdicts(all),
      notes: [...all].flatMap(([name, reports]) => warnings(name, reports)),
    },
  ];
}

function tableRow(name: string, reports: readonly Report[]): string[] {
  const figures = reports.map(figuresOf);
  return [
    name,
    spread(figures.map((one) => one.deliveriesPerSecond)),
    spread(figures.map((one) => one.deliveriesPerCpuSecond)),
    spread(
      figures.map((one) => one.recordsPerMessage),
      1,
    ),
    spread(figures.map((one) => one.messagesPerSecond)),
    percent(Math.max(...figures.map((one) => one.core0Busy))),
    percent(Math.min(...figures.map((one) => one.core1Idle))),
  ];
}

function verdicts(all: ReadonlyMap<ServerName, readonly Report[]>): Verdict[] {
  const ours = all.get('M')?.map(figuresOf);
  const nats = all.get('N')?.map(figuresOf);
  if (ours === undefined) return [];
  const mine = ours.map((one) => one.deliveriesPerSecond);
  const lines: Verdict[] = [
    { what: 'M, deliveries/s', value: median(mine), atLeast: 1_000_000, digits: 0 },
  ];
  if (nats === undefined) return lines;
  const theirs = nats.map((one) => one.deliveriesPerSecond);
  const cpu = (all: typeof nats) => all.map((one) => 1 / one.deliveriesPerCpuSecond);
  return [
    ...lines,
    { what: 'M / N, deliveries/s', value: ratio(mine, theirs), atLeast: 1 },
    { what: 'M / N, CPU a delivery', value: ratio(cpu(ours), cpu(nats)), atMost: 1 },
  ];
}
