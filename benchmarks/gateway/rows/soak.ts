/** A long time at a fifth of the keyed load: does memory grow? */
import type { Bench } from '../bench.ts';
import { grouped, type Section, warnings } from '../figures.ts';
import { keyed } from '../keyed.ts';

const PARTS = 12;
/** The first third is warming up. */
const COUNTED_FROM = 4;
const GROWTH_MAX = 0.02;

export async function soak(bench: Bench): Promise<Section[]> {
  const { clients, soakSeconds } = bench.options;
  const server = await bench.gateway();
  try {
    const { group, feed } = await keyed(bench, server, { clients, reconnect: true });
    const seconds = soakSeconds / PARTS;
    const phases = Array.from({ length: PARTS }, (_, part) => ({
      ...{ name: `${part + 1}/${PARTS}`, seconds, sampleEvery: 16 },
      feeds: [{ ...feed, rate: feed.rate / 5 }],
    }));
    const reports = await bench.load(server, [group], phases);
    const rss = reports.map((report) => report.machine.serverRssBytes);
    const counted = rss.slice(COUNTED_FROM);
    const growth = slope(counted) * (counted.length - 1);
    return [
      {
        title: `Soak, ${clients} clients, ${grouped(soakSeconds / 60, 1)} minutes`,
        columns: ['part', 'RSS MiB', 'deliveries', 'p50 ms', 'p99 ms', 'clients'],
        rows: reports.map((report, part) => [
          report.phase,
          grouped((rss[part] ?? 0) / 2 ** 20, 1),
          grouped(report.deliveries),
          ...[report.p50Ms, report.p99Ms].map((ms) => grouped(ms, 2)),
          grouped(report.clients),
        ]),
        verdicts: [
          {
            ...{
              what: 'growth of RSS after the first third, as a share of it',
              atMost: GROWTH_MAX,
            },
            ...{ value: growth / (counted[0] ?? Number.NaN), digits: 3 },
          },
        ],
        notes: warnings('M', reports),
      },
    ];
  } finally {
    await server.stop();
  }
}

/** Least squares over equal steps, a step's worth. */
function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((all, value) => all + value, 0) / values.length;
  const [above, below] = values.reduce(
    ([product, square], value, at) => [
      product + (at - middle) * (value - mean),
      square + (at - middle) ** 2,
    ],
    [0, 0],
  );
  return above / below;
}
