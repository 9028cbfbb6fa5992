/** Fan-out at a fixed number of records a frame: one batch at a time, the next when every client has the last. */
import type { Bench } from '../bench.ts';
import {
  type Figures,
  figuresOf,
  percent,
  ratio,
  type Section,
  spread,
  type Verdict,
  warnings,
} from '../figures.ts';
import { readyFrame, variant } from '../frames.ts';
import type { Phase, Report } from '../generator.ts';
import type { ServerName } from '../servers.ts';
import { NAP_MICROS, SAMPLE_EVERY, VALUE_BYTES } from './fan-out-load.ts';

const COLUMNS = [
  'server',
  'deliveries/s',
  'per CPU second of core 0',
  'core 0 busy',
  'of it user',
  'core 1 idle',
  'records a message',
  'bytes a message',
];

type Rounds = Map<ServerName, Report[][]>;

export async function fanout(bench: Bench): Promise<Section[]> {
  const { clients, rounds, seconds, records: sizes } = bench.options;
  const all: Rounds = new Map();
  for (let round = 0; round < rounds; round++) {
    for (const name of bench.chosen('A', 'B', 'N', 'M')) {
      const server = await bench.server(name);
      const topic = name === 'M' ? await bench.topic('fanout') : 'fanout';
      const phases = sizes.map((records): Phase => {
        const frame = name === 'A' || name === 'B' ? readyFrame(records, VALUE_BYTES) : '';
        const feed = { topic, records, valueBytes: VALUE_BYTES, rate: 0, frame };
        const phase = {
          name: String(records),
          warmupSeconds: seconds / 4,
          seconds,
          napMicros: NAP_MICROS,
        };
        return { ...phase, feeds: [feed], sampleEvery: SAMPLE_EVERY };
      });
      const group = {
        count: clients,
        variants: [variant(server, { topic })],
        mode: 'read',
      } as const;
      all.set(name, [...(all.get(name) ?? []), await bench.load(server, [group], phases)]);
    }
  }
  await bench.stopServers();
  return sizes.map((records, phase) => section(records, phase, all, clients));
}

function section(records: number, phase: number, all: Rounds, clients: number): Section {
  const reports = new Map(
    [...all].map(([name, rounds]) => [name, rounds.flatMap((round) => round[phase] ?? [])]),
  );
  const figures = new Map([...reports].map(([name, of]) => [name, of.map(figuresOf)]));
  return {
    title: `Fan-out, ${clients} clients, ${records} × ${VALUE_BYTES} bytes a frame`,
    columns: COLUMNS,
    rows: [...figures].map(([name, of]) => tableRow(name, of)),
    verdicts: verdicts(figures),
    notes: [...reports].flatMap(([name, of]) => warnings(name, of)),
  };
}

function tableRow(name: string, of: readonly Figures[]): string[] {
  const column = (figure: keyof Figures) => of.map((one) => one[figure]);
  const share = (figure: keyof Figures) =>
    percent(column(figure).reduce((a, b) => a + b) / of.length);
  return [
    name,
    spread(column('deliveriesPerSecond')),
    spread(column('deliveriesPerCpuSecond')),
    ...[share('core0Busy'), share('core0User'), share('core1Idle')],
    spread([column('recordsPerMessage')[0] ?? 0], 1),
    spread([column('bytesPerMessage')[0] ?? 0], 0),
  ];
}

function verdicts(figures: ReadonlyMap<ServerName, readonly Figures[]>): Verdict[] {
  const ours = figures.get('M');
  if (ours === undefined) return [];
  const against = (name: ServerName, figure: keyof Figures, atLeast: number, what: string) => {
    const theirs = figures.get(name);
    if (theirs === undefined) return [];
    const value = ratio(
      ours.map((one) => one[figure]),
      theirs.map((one) => one[figure]),
    );
    return [{ what: `M / ${name}, ${what}`, value, atLeast }];
  };
  const [perCpu, perSecond] = ['deliveries per CPU second of core 0', 'deliveries/s'];
  return [
    ...against('B', 'deliveriesPerCpuSecond', 0.85, perCpu),
    ...against('B', 'deliveriesPerSecond', 0.85, perSecond),
    ...against('A', 'deliveriesPerCpuSecond', 0.78, perCpu),
    ...against('N', 'deliveriesPerCpuSecond', 1, perCpu),
    ...against('N', 'deliveriesPerSecond', 1, perSecond),
  ];
}
