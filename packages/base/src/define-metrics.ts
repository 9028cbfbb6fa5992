import { assert } from './assert.ts';
import { Histogram } from './histogram.ts';
import { labelText, metricNumber, type RenderedFamily } from './metric-text.ts';

export type MetricType = 'counter' | 'gauge' | 'distribution';

/** One metric family: a row of a `defineMetrics` table. */
export interface MetricRow {
  /** As it is exported. Labels keep their case. */
  readonly name: string;
  /** `distribution` is exported as a gauge per quantile and a counter `<name>_count`. */
  readonly type: MetricType;
  readonly labels?: readonly string[];
  /** What it counts, in one sentence: the HELP line. */
  readonly sentence: string;
  /** Series beyond this fold into one whose last label is `__other__`; 1,000 when absent. */
  readonly maxSeries?: number;
  /**
   * Quantiles are divided by this when they are shown, 1 when absent: with 1000, milliseconds are recorded (and told
   * apart to the microsecond) and seconds are shown.
   */
  readonly divisor?: number;
}

export type MetricRows = Readonly<Record<string, MetricRow>>;

/** A number that only grows, until the process ends. */
export class Counter {
  value = 0;

  add(count = 1): void {
    this.value += count;
  }
}

/** A number that comes and goes. */
export class Gauge {
  value = 0;

  set(value: number): void {
    this.value = value;
  }

  add(count: number): void {
    this.value += count;
  }
}

type InstrumentOf<R extends MetricRow> = R['type'] extends 'counter'
  ? Counter
  : R['type'] extends 'gauge'
    ? Gauge
    : Histogram;

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
  /** Ends the window over which quantiles are taken; to be called about once a minute. */
  rotate(): void;
}

/** Kafka's percentiles, as text and as numbers. */
const QUANTILES = ['0.50', '0.75', '0.95', '0.98', '0.99', '0.999'] as const;
const SHARES = QUANTILES.map(Number);
const MAX_SERIES = 1000;
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
  }
  return { rows, create: () => createMetrics(rows) };
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

type Instrument = Counter | Gauge | Histogram;

interface Series {
  readonly instrument: Instrument;
  /** `name{labels} ` of each line of the series, made once. */
  readonly prefixes: readonly string[];
  readonly countPrefix: string;
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
      if (instrument instanceof Histogram) instrument.rotate();
    }
  }

  *rendered(): Iterable<RenderedFamily> {
    if (this.#series.size === 0) return;
    const { name, type, sentence } = this.row;
    if (type !== 'distribution') {
      yield { name, type, sentence, lines: () => this.#numberLines() };
      return;
    }
    yield { name, type: 'gauge', sentence, lines: () => this.#quantileLines() };
    const countSentence = `How many were measured: ${sentence}`;
    const lines = () => this.#countLines();
    yield { name: `${name}_count`, type: 'counter', sentence: countSentence, lines };
  }

  #newSeries(labelValues: readonly string[]): Series {
    const { name, type } = this.row;
    const pairs = this.#labels.map((label, at) => [label, labelValues[at] as string] as const);
    const plain = `${name}${labelText(pairs)} `;
    if (type !== 'distribution') {
      const instrument = type === 'counter' ? new Counter() : new Gauge();
      return { instrument, prefixes: [plain], countPrefix: '' };
    }
    return {
      instrument: new Histogram(),
      prefixes: QUANTILES.map((share) => `${name}${labelText([...pairs, ['quantile', share]])} `),
      countPrefix: `${name}_count${labelText(pairs)} `,
    };
  }

  *#numberLines(): Iterable<string> {
    for (const { instrument, prefixes } of this.#series.values()) {
      if (instrument instanceof Histogram) continue;
      yield `${prefixes[0]}${metricNumber(instrument.value)}\n`;
    }
  }

  *#quantileLines(): Iterable<string> {
    const values: number[] = [];
    const divisor = this.row.divisor ?? 1;
    for (const { instrument, prefixes } of this.#series.values()) {
      if (!(instrument instanceof Histogram)) continue;
      instrument.quantiles(SHARES, values);
      let lines = '';
      for (let at = 0; at < prefixes.length; at++) {
        lines += `${prefixes[at]}${metricNumber((values[at] as number) / divisor)}\n`;
      }
      yield lines;
    }
  }

  *#countLines(): Iterable<string> {
    for (const { instrument, countPrefix } of this.#series.values()) {
      if (instrument instanceof Histogram)
        yield `${countPrefix}${metricNumber(instrument.count)}\n`;
    }
  }
}
