/** Figures of a report, medians over rounds, and the printed tables. */
import { median } from '../throughput/stats.ts';
import type { Report } from './generator.ts';

/** A run whose load core was busier than this says nothing about the server. */
const LOAD_CORE_IDLE_MIN = 0.15;
/** Of a core's time; more than this taken by the hypervisor makes a run's figures doubtful. */
const STEAL_MAX = 0.03;

/** Shares are of the phase's time. */
export interface Figures {
  readonly deliveriesPerSecond: number;
  /** Per second that core 0 was busy, whoever kept it busy. */
  readonly deliveriesPerCpuSecond: number;
  readonly messagesPerSecond: number;
  readonly core0Busy: number;
  /** User space's part of what core 0 did. */
  readonly core0User: number;
  readonly core1Idle: number;
  /** What the hypervisor took of core 0. */
  readonly core0Steal: number;
  readonly bytesPerMessage: number;
  readonly recordsPerMessage: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

export function figuresOf(report: Report): Figures {
  const { seconds, cores } = report.machine;
  const none = { user: 0, kernel: 0, idle: 0, steal: 0 };
  const [core0 = none, core1 = none] = cores;
  const busySeconds = core0.user + core0.kernel;
  return {
    deliveriesPerSecond: report.deliveries / seconds,
    deliveriesPerCpuSecond: report.deliveries / busySeconds,
    messagesPerSecond: report.messages / seconds,
    core0Busy: busySeconds / seconds,
    core0User: core0.user / busySeconds,
    core1Idle: core1.idle / seconds,
    core0Steal: core0.steal / seconds,
    bytesPerMessage: report.bytes / report.messages,
    recordsPerMessage: report.deliveries / report.messages,
    p50Ms: report.p50Ms,
    p99Ms: report.p99Ms,
    p999Ms: report.p999Ms,
  };
}

/** Median and range of one figure over rounds. */
export function spread(values: readonly number[], digits = 0): string {
  const show = (value: number) => grouped(value, digits);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const middle = show(median(values));
  return values.length < 2 ? middle : `${middle} (${show(low)}–${show(high)})`;
}

/** 1234567.8 → `1,234,568`. */
export function grouped(value: number, digits = 0): string {
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

export const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

/** A pass line. */
export interface Verdict {
  readonly what: string;
  readonly value: number;
  readonly atMost?: number;
  readonly atLeast?: number;
  readonly unit?: string;
  readonly digits?: number;
}

export function holds({ value, atMost = Infinity, atLeast = -Infinity }: Verdict): boolean {
  return value <= atMost && value >= atLeast;
}

/** One row of issue 4's list as it is printed. */
export interface Section {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly verdicts: readonly Verdict[];
  readonly notes?: readonly string[];
}

export function render(section: Section): string {
  const { columns, rows, verdicts, notes = [] } = section;
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    `### ${section.title}\n`,
    line(columns),
    `|---|${columns
      .slice(1)
      .map(() => '--:')
      .join('|')}|`,
    ...rows.map(line),
    '',
    ...verdicts.map((verdict) => {
      const { what, value, atMost, atLeast, unit = '', digits = 2 } = verdict;
      const aim = atMost === undefined ? `≥ ${atLeast}` : `≤ ${atMost}`;
      const said = holds(verdict) ? 'holds' : 'MISSED';
      return `- ${what}: ${grouped(value, digits)}${unit} (aim ${aim}${unit}) ${said}`;
    }),
    ...notes.map((note) => `- ${note}`),
    '',
  ].join('\n');
}

/** Ratios within each round, then their median: rounds differ more than servers do. */
export function ratio(ours: readonly number[], theirs: readonly number[]): number {
  return median(ours.map((value, round) => value / (theirs[round] ?? Number.NaN)));
}

/** What makes a run worthless or worse: said with the table. */
export function warnings(name: string, reports: readonly Report[]): string[] {
  const said: string[] = [];
  const idle = Math.min(...reports.map((report) => figuresOf(report).core1Idle));
  if (idle < LOAD_CORE_IDLE_MIN)
    said.push(`${name}: core 1 had only ${percent(idle)} idle, so the load was part of the limit`);
  const steal = Math.max(...reports.map((report) => figuresOf(report).core0Steal));
  if (steal > STEAL_MAX)
    said.push(`${name}: the hypervisor took up to ${percent(steal)} of core 0`);
  for (const [what, count] of [
    ['silent gaps', sum(reports, (report) => report.silentGaps)],
    ['announced gaps', sum(reports, (report) => report.announcedGaps)],
    ['feed errors', sum(reports, (report) => report.feedErrors)],
    ['clients lost', sum(reports, (report) => report.stillAway)],
  ] as const)
    if (count > 0) said.push(`${name}: ${count} ${what}`);
  const outcomes = reports.flatMap((report) => Object.entries(report.outcomes));
  for (const [outcome, count] of outcomes) said.push(`${name}: ${count} × ${outcome}`);
  return said;
}

function sum(reports: readonly Report[], of: (report: Report) => number): number {
  return reports.reduce((total, report) => total + of(report), 0);
}
