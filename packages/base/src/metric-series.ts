import { Distribution } from './distribution.ts';
import { Histogram } from './histogram.ts';
import { labelText, metricNumber } from './metric-text.ts';

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

export type Instrument = Counter | Gauge | Distribution | Histogram;

/** One series: what counts, and its lines as they stand now. */
export interface Series {
  readonly instrument: Instrument;
  lines(): string;
  /** The line of how many values were recorded, which is a family of its own: only of a distribution. */
  countLine(): string;
}

/** Label names with their values, in the family's order. */
export type LabelPairs = readonly (readonly [string, string])[];

/** Kafka's percentiles, as text and as numbers. */
const QUANTILES = ['0.50', '0.75', '0.95', '0.98', '0.99', '0.999'] as const;
const SHARES = QUANTILES.map(Number);

export function numberSeries(
  instrument: Counter | Gauge,
  name: string,
  labels: LabelPairs,
): Series {
  const prefix = prefixOf(name, labels);
  return {
    instrument,
    lines: () => `${prefix}${metricNumber(instrument.value)}\n`,
    countLine: () => '',
  };
}

export function distributionSeries(name: string, labels: LabelPairs): Series {
  const instrument = new Distribution();
  const prefixes = QUANTILES.map((share) => prefixOf(name, [...labels, ['quantile', share]]));
  const countPrefix = prefixOf(`${name}_count`, labels);
  const values: number[] = [];
  return {
    instrument,
    lines: () => {
      instrument.quantiles(SHARES, values);
      return prefixes
        .map((prefix, at) => `${prefix}${metricNumber(values[at] as number)}\n`)
        .join('');
    },
    countLine: () => `${countPrefix}${metricNumber(instrument.count)}\n`,
  };
}

/**
 * @param buckets upper bounds, in the unit that is shown
 * @param divisor what is recorded, divided by this, is shown
 */
export function histogramSeries(
  name: string,
  labels: LabelPairs,
  buckets: readonly number[],
  divisor: number,
): Series {
  const instrument = new Histogram(buckets.map((bound) => bound * divisor));
  const prefixes = [...buckets.map(String), '+Inf'].map((bound) =>
    prefixOf(`${name}_bucket`, [...labels, ['le', bound]]),
  );
  const sumPrefix = prefixOf(`${name}_sum`, labels);
  const countPrefix = prefixOf(`${name}_count`, labels);
  return {
    instrument,
    lines: () => {
      let seen = 0;
      let text = '';
      for (const [at, prefix] of prefixes.entries()) {
        seen += instrument.counts[at] as number;
        text += `${prefix}${metricNumber(seen)}\n`;
      }
      text += `${sumPrefix}${metricNumber(instrument.sum / divisor)}\n`;
      return `${text}${countPrefix}${metricNumber(seen)}\n`;
    },
    countLine: () => '',
  };
}

function prefixOf(name: string, labels: LabelPairs): string {
  return `${name}${labelText(labels)} `;
}
