import { assert } from './assert.ts';
import { Distribution } from './distribution.ts';
import type { Histogram } from './histogram.ts';
import {
  Counter,
  distributionSeries,
  Gauge,
  histogramSeries,
  type Instrument,
  numberSeries,
  type Series,
} from './metric-series.ts';
import type { RenderedFamily } from './metric-text.ts';

export type MetricType = 'counter' | 'gauge' | 'distribution' | 'histogram';

/** One metric family: a row of a `defineMetrics` table. */
export interface MetricRow {
  /** As it is exported. Labels keep their case. */
  readonly name: string;
  /**
   * `distribution` is exported as a gauge per quantile of lately and a counter `<name>_count`, as Kafka's metrics are;
   * `histogram` as Prometheus has it, with `buckets`.
   */
  readonly type: MetricType;
  readonly labels?: readonly string[];
  /** What it counts, in one sentence: the HELP line. */
  readonly sentence: string;
  /** Series beyond this fold into one whose last label is `__other__`; 1,000 when absent. */
  readonly maxSeries?: number;
  /** Upper bounds of a histogram's buckets, ascending, in the unit that is shown; at most 24. */
  readonly buckets?: readonly number[];
  /** What a histogram records is divided by this when it is shown, 1 when absent: 1000 makes seconds of milliseconds. */
  readonly divisor?: number;
}

export type MetricRows = Readonly<Record<string, MetricRow>>;

type InstrumentOf<R extends MetricRow> = R['type'] extends 'counter'
  ? Counter
  : R['type'] extends 'gauge'
    ? Gauge
    : R['type'] extends 'histogram'
      ? Histogram
      : Distribution;

/** The series of one family, by their label values. */
export interface MetricFamily<I> {
  readonly row: MetricRow;
  /** The series with these label values, in the row's order of labels. Made on first use; keep it on hot paths. */
  with(...labelValues: readonly string[]): I;
  /** Drops a series whose object is gone. */
  drop(...labelValues: readonly string[]): void;
}

export type MetricFamilies<R extends MetricRows> = {
  readonly [K in keyof R]: MetricFamily<InstrumentOf<R[K]>>;
};

/** The metrics of one process or one broker; made from a table, never global. */
export interface Metrics<R extends MetricRows> {
  readonly families: MetricFamilies<R>;
  /** In no particular order. */
  rendered(): Iterable<RenderedFamily>;
  /** Ends the window over which quantiles of distributions are taken; to be called about once a minute. */
  rotate(): void;
}

const MAX_SERIES = 1000;
const MAX_BUCKETS = 24;
const FOLDED = '__other__';

/** Checks a table of metrics; `create` makes the counters behind it. */
export function defineMetrics<const R extends MetricRows>(
  rows: R,
): { readonly rows: R; create(): Metrics<R> } {
  const names = new Set<string>();
  for (const row of Object.values(rows)) {
    assert(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(row.name), `bad metric name ${row.name}`);
    assert(!names.has(row.name), `metric ${row.name} is defined twice`);
    names.add(row.name);
    checkBuckets(row);
  }
  return { rows, create: () => createMetrics(rows) };
}

function checkBuckets({ name, type, buckets }: MetricRow): void {
  assert((type === 'histogram') === (buckets !== undefined), `buckets of ${name}`);
  if (buckets === undefined) return;
  const isAscending = buckets.every((bound, at) => at === 0 || bound > (buckets[at - 1] as number));
  assert(isAscending && buckets.length <= MAX_BUCKETS, `buckets of ${name}`);
}

function createMetrics<R extends MetricRows>(rows: R): Metrics<R> {
  const families = Object.entries(rows).map(([key, row]) => [key, new Family(row)] as const);
  return {
    families: Object.fromEntries(families) as unknown as MetricFamilies<R>,
    *rendered() {
      for (const [, family] of families) yield* family.rendered();
    },
    rotate() {
      for (const [, family] of families) family.rotate();
    },
  };
}

class Family implements MetricFamily<Instrument> {
  readonly row: MetricRow;
  readonly #series = new Map<string, Series>();
  readonly #labels: readonly string[];

  constructor(row: MetricRow) {
    this.row = row;
    this.#labels = row.labels ?? [];
  }

  with(...labelValues: readonly string[]): Instrument {
    assert(labelValues.length === this.#labels.length, `labels of ${this.row.name}`);
    const key = labelValues.join('\u0000');
    const known = this.#series.get(key);
    if (known !== undefined) return known.instrument;
    const isFull = this.#series.size >= (this.row.maxSeries ?? MAX_SERIES);
    if (isFull && labelValues.length > 0 && !labelValues.every((value) => value === FOLDED)) {
      return this.with(...labelValues.map(() => FOLDED));
    }
    const series = this.#newSeries(labelValues);
    this.#series.set(key, series);
    return series.instrument;
  }

  drop(...labelValues: readonly string[]): void {
    this.#series.delete(labelValues.join('\u0000'));
  }

  rotate(): void {
    for (const { instrument } of this.#series.values()) {
      if (instrument instanceof Distribution) instrument.rotate();
    }
  }

  *rendered(): Iterable<RenderedFamily> {
    if (this.#series.size === 0) return;
    const { name, type, sentence } = this.row;
    const shownType = type === 'distribution' ? 'gauge' : type;
    yield { name, type: shownType, sentence, lines: () => this.#lines() };
    if (type !== 'distribution') return;
    const countSentence = `How many were measured: ${sentence}`;
    const lines = () => this.#countLines();
    yield { name: `${name}_count`, type: 'counter', sentence: countSentence, lines };
  }

  #newSeries(labelValues: readonly string[]): Series {
    const { name, type, buckets = [], divisor = 1 } = this.row;
    const pairs = this.#labels.map((label, at) => [label, labelValues[at] as string] as const);
    switch (type) {
      case 'counter':
        return numberSeries(new Counter(), name, pairs);
      case 'gauge':
        return numberSeries(new Gauge(), name, pairs);
      case 'distribution':
        return distributionSeries(name, pairs);
      case 'histogram':
        return histogramSeries(name, pairs, buckets, divisor);
    }
  }

  *#lines(): Iterable<string> {
    for (const series of this.#series.values()) yield series.lines();
  }

  *#countLines(): Iterable<string> {
    for (const series of this.#series.values()) yield series.countLine();
  }
}
