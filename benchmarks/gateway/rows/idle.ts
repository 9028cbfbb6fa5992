/** Memory of a connection that has subscribed and gets nothing. */
import type { Bench } from '../bench.ts';
import { grouped, type Section, type Verdict, warnings } from '../figures.ts';
import { variant } from '../frames.ts';
import type { Report } from '../generator.ts';
import type { ServerName } from '../servers.ts';

/** Until the collector has been by. */
const SETTLE_SECONDS = 5;
const BYTES_MAX = 6 * 1024;

export async function idle(bench: Bench): Promise<Section[]> {
  const { clients } = bench.options;
  const all = new Map<ServerName, Report[]>();
  for (const name of bench.chosen('B', 'N', 'M')) {
    const server = await bench.server(name);
    const topic = name === 'M' ? await bench.topic('idle') : 'idle';
    const variants = [variant(server, { topic })];
    const first = Math.floor(clients / 3);
    const groups = [
      { count: first, variants, mode: 'read', fromPhase: 0 },
      { count: clients - first, variants, mode: 'read', fromPhase: 1 },
    ] as const;
    const phases = [
      { name: 'first third', seconds: SETTLE_SECONDS },
      { name: 'all', seconds: SETTLE_SECONDS },
    ];
    all.set(name, await bench.load(server, groups, phases));
    await bench.stopServers();
  }
  return [
    {
      title: `Idle subscribed connections, from ${Math.floor(clients / 3)} to ${clients}`,
      columns: [
        'server',
        'RSS MiB at a third',
        'RSS MiB at all',
        'bytes a connection',
        'subscribed per s',
      ],
      rows: [...all].map(([name, reports]) => tableRow(name, reports)),
      verdicts: verdicts(all),
      notes: [...all].flatMap(([name, reports]) => warnings(name, reports)),
    },
  ];
}

function bytesEach([first, last]: readonly Report[]): number {
  if (first === undefined || last === undefined) return Number.NaN;
  const grown = last.machine.serverRssBytes - first.machine.serverRssBytes;
  return grown / (last.clients - first.clients);
}

function tableRow(name: string, reports: readonly Report[]): string[] {
  const mib = (report: Report | undefined) =>
    grouped((report?.machine.serverRssBytes ?? 0) / 2 ** 20, 1);
  const [first, last] = reports;
  const perSecond =
    ((last?.clients ?? 0) - (first?.clients ?? 0)) / ((last?.connectMs ?? 0) / 1000);
  return [name, mib(first), mib(last), grouped(bytesEach(reports)), grouped(perSecond)];
}

function verdicts(all: ReadonlyMap<ServerName, readonly Report[]>): Verdict[] {
  const ours = all.get('M');
  if (ours === undefined) return [];
  const value = bytesEach(ours);
  return [{ what: 'M, RSS a connection', value, atMost: BYTES_MAX, unit: ' bytes', digits: 0 }];
}
