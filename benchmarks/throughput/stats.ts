/** Medians, ratios and the printed table. */
import type { Report } from './load.ts';
import type { Bound, Scenario } from './scenarios.ts';
import type { RowName } from './servers.ts';

export type Rounds = ReadonlyMap<RowName, readonly Report[]>;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  if (sorted.length % 2 === 1) return sorted[middle] as number;
  return ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** Each figure's median over the rounds. */
export function medianReport(reports: readonly Report[]): Report {
  const first = reports[0];
  if (first === undefined) throw new Error('no rounds');
  const figures = Object.keys(first) as (keyof Report)[];
  return Object.fromEntries(
    figures.map((figure) => [figure, median(reports.map((report) => report[figure]))]),
  ) as unknown as Report;
}

export interface Verdict {
  readonly bound: Bound;
  readonly value: number;
  readonly holds: boolean;
}

/** Ratios are taken within each round, then their median: rounds differ more than servers do. */
export function judge(scenario: Scenario, rounds: Rounds): Verdict[] {
  const ours = rounds.get('millrace');
  if (ours === undefined) return [];
  return scenario.bounds.flatMap((bound) => {
    const peer = bound.against === null ? undefined : rounds.get(bound.against);
    if (bound.against !== null && peer === undefined) return [];
    const values = ours.map((report, round) => {
      const mine = report[bound.figure];
      return peer === undefined ? mine : mine / (peer[round]?.[bound.figure] ?? Number.NaN);
    });
    const value = median(values);
    const holds = value <= (bound.atMost ?? Infinity) && value >= (bound.atLeast ?? -Infinity);
    return [{ bound, value, holds }];
  });
}

const columns: ReadonlyArray<readonly [string, (report: Report) => string]> = [
  ['requests/s', (r) => r.requestsPerSecond.toFixed(0)],
  ['MB/s', (r) => r.mbPerSecond.toFixed(1)],
  ['CPU s/GB', (r) => r.cpuSecondsPerGb.toFixed(3)],
  ['CPU µs/req', (r) => r.cpuMicrosPerRequest.toFixed(1)],
  ['p50 ms', (r) => r.p50Ms.toFixed(3)],
  ['p99 ms', (r) => r.p99Ms.toFixed(3)],
  ['RSS MB', (r) => r.rssMb.toFixed(0)],
  ['errors', (r) => r.errors.toFixed(0)],
];

/** A Markdown table of one scenario's medians, and one line for each bound. */
export function render(scenario: Scenario, rounds: Rounds): string {
  const lines = [
    `### ${scenario.name} (${scenario.durability})`,
    '',
    `| server | ${columns.map(([name]) => name).join(' | ')} |`,
    `|---|${columns.map(() => '--:').join('|')}|`,
  ];
  for (const [server, reports] of rounds) {
    const report = medianReport(reports);
    lines.push(`| ${server} | ${columns.map(([, show]) => show(report)).join(' | ')} |`);
  }
  lines.push('');
  for (const { bound, value, holds } of judge(scenario, rounds)) {
    const aim = bound.atMost === undefined ? `≥ ${bound.atLeast}` : `≤ ${bound.atMost}`;
    const what = bound.against === null ? bound.figure : `${bound.figure} / ${bound.against}`;
    lines.push(`- ${what}: ${value.toFixed(2)} (aim ${aim}) ${holds ? 'holds' : 'MISSED'}`);
  }
  return `${lines.join('\n')}\n`;
}
