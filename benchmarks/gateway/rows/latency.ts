/** From the moment a record was due until the client has it, at a rate that every server can carry. */
import { median } from '../../throughput/stats.ts';
import type { BareRead } from '../bare-report.ts';
import type { Bench } from '../bench.ts';
import {
  figuresOf,
  grouped,
  percent,
  ratio,
  type Section,
  spread,
  type Verdict,
  warnings,
} from '../figures.ts';
import type { Report } from '../generator.ts';
import { CLIENTS_PER_KEY, keyed } from '../keyed.ts';
import type { ServerName } from '../servers.ts';
import { bareRead } from './bare-read.ts';

const WARMUP_SECONDS = 2;

export async function latency(bench: Bench): Promise<Section[]> {
  const { clients, rounds, seconds } = bench.options;
  const all = new Map<ServerName, Report[]>();
  let rate = 0;
  for (let round = 0; round < rounds; round++) {
    for (const name of bench.chosen('B', 'N', 'M')) {
      const server = await bench.server(name);
      const { group, feed, deliveriesPerSecond } = await keyed(bench, server, { clients });
      rate = deliveriesPerSecond;
      const phase = { name: 'latency', warmupSeconds: WARMUP_SECONDS, seconds };
      const reports = await bench.load(
        server,
        [group],
        [{ ...phase, feeds: [feed], sampleEvery: 1 }],
      );
      all.set(name, [...(all.get(name) ?? []), ...reports]);
    }
  }
  await bench.stopServers();
  const bare: BareRead[] = [];
  for (let round = 0; round < rounds; round++)
    bare.push(await bareRead(bench, rate / CLIENTS_PER_KEY, WARMUP_SECONDS));
  const [p50, p99] = [bare.map(({ p50Ms }) => p50Ms), bare.map(({ p99Ms }) => p99Ms)];
  return [
    {
      title: `Latency, ${clients} clients on ${clients / 10} keys, 512 bytes, ${grouped(rate)} deliveries/s`,
      columns: [
        'server',
        'p50 ms',
        'p99 ms',
        'p99.9 ms',
        'deliveries/s',
        'core 0 busy',
        'core 1 idle',
      ],
      rows: [...all].map(([name, reports]) => tableRow(name, reports)),
      verdicts: verdicts(all),
      notes: [
        `R, the same records only read from the broker, no client: p50 ${spread(p50, 2)}, p99 ${spread(p99, 2)} ms`,
        ...[...all].flatMap(([name, reports]) => warnings(name, reports)),
      ],
    },
  ];
}

function tableRow(name: string, reports: readonly Report[]): string[] {
  const figures = reports.map(figuresOf);
  return [
    name,
    spread(
      reports.map((report) => report.p50Ms),
      2,
    ),
    spread(
      reports.map((report) => report.p99Ms),
      2,
    ),
    spread(
      reports.map((report) => report.p999Ms),
      2,
    ),
    spread(figures.map((one) => one.deliveriesPerSecond)),
    percent(Math.max(...figures.map((one) => one.core0Busy))),
    percent(Math.min(...figures.map((one) => one.core1Idle))),
  ];
}

function verdicts(all: ReadonlyMap<ServerName, readonly Report[]>): Verdict[] {
  const [ours, plain] = [all.get('M'), all.get('B')];
  if (ours === undefined) return [];
  const p99 = (reports: readonly Report[]) => reports.map((report) => report.p99Ms);
  return [
    { what: 'M, p99', value: median(p99(ours)), atMost: 15, unit: ' ms' },
    ...(plain === undefined
      ? []
      : [{ what: 'M / B, p99', value: ratio(p99(ours), p99(plain)), atMost: 2.5 }]),
  ];
}
