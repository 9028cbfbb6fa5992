import { labelText, metricNumber, type RenderedFamily } from '@millrace/base';

/** What is said of a sampled family: name, labels, sentence. */
export interface SampledRow {
  readonly name: string;
  readonly labels: readonly string[];
  readonly sentence: string;
  /** `gauge` when absent. */
  readonly type?: 'counter' | 'gauge';
}

/** A family whose values are read off objects at scrape time: `begin`, then `add` for each, then rendered. */
export class SampledFamily implements RenderedFamily {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly sentence: string;
  #prefixes: string[] = [];
  #values: number[] = [];

  constructor({ name, sentence, type = 'gauge' }: SampledRow) {
    this.name = name;
    this.type = type;
    this.sentence = sentence;
  }

  /** Forgets the samples of the last scrape. */
  begin(): void {
    this.#prefixes = [];
    this.#values = [];
  }

  /** @param prefix `name{labels} `, made once by `prefix()` and kept with the object */
  add(prefix: string, value: number): void {
    this.#prefixes.push(prefix);
    this.#values.push(value);
  }

  prefix(...pairs: readonly (readonly [string, string])[]): string {
    return `${this.name}${labelText(pairs)} `;
  }

  *lines(): Iterable<string> {
    const prefixes = this.#prefixes;
    const values = this.#values;
    for (let at = 0; at < prefixes.length; at++) {
      yield `${prefixes[at]}${metricNumber(values[at] as number)}\n`;
    }
  }
}

/** Something that brings its families up to date before they are rendered. */
export interface SampledSeries {
  readonly families: readonly RenderedFamily[];
  /** Takes the samples; gives way after each object, so that the caller can pause. */
  refresh(): Iterable<void>;
}
