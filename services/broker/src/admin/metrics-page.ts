import { type Clock, type MetricFormat, type RenderedFamily, renderMetrics } from '@millrace/base';
import type { SampledSeries } from './sampled-family.ts';

/** Time on the event loop before a scrape gives way to everything else. */
const SLICE_MS = 5;
/** Scrapes that come within this time share one page. */
const SHARED_FOR_MS = 1000;
const CHUNK_CHARS = 64 * 1024;

/** What a page is made of: counters first brought up to date, then series read off their objects. */
export interface PageSource {
  /** Families that are up to date when this returns. */
  families(): Iterable<RenderedFamily>;
  readonly sampled: readonly SampledSeries[];
}

/** Renders `/metrics` in slices, so that no scrape holds up a request. */
export class MetricsPage {
  readonly #clock: Clock;
  readonly #source: PageSource;
  readonly #shared = new Map<MetricFormat, { page: Promise<Buffer[]>; atMs: number }>();

  constructor(clock: Clock, source: PageSource) {
    this.#clock = clock;
    this.#source = source;
  }

  /** The page in chunks. With names, only those families, rendered for this call alone. */
  chunks(names: ReadonlySet<string> | null, format: MetricFormat): Promise<Buffer[]> {
    if (names !== null) return this.#render(names, format);
    const nowMs = this.#clock.monotonicMs();
    const shared = this.#shared.get(format);
    if (shared !== undefined && nowMs - shared.atMs <= SHARED_FOR_MS) return shared.page;
    const page = this.#render(null, format);
    this.#shared.set(format, { page, atMs: nowMs });
    return page;
  }

  async #render(names: ReadonlySet<string> | null, format: MetricFormat): Promise<Buffer[]> {
    const slices = new Slices(this.#clock);
    const families: RenderedFamily[] = [...this.#source.families()];
    for (const series of this.#source.sampled) {
      for (const _ of series.refresh()) if (slices.isOver()) await slices.giveWay();
      families.push(...series.families);
    }
    const wanted = names === null ? families : families.filter(({ name }) => names.has(name));
    const chunks: Buffer[] = [];
    let text = '';
    for (const lines of renderMetrics(wanted, format)) {
      text += lines;
      if (text.length >= CHUNK_CHARS) {
        chunks.push(Buffer.from(text));
        text = '';
      }
      if (slices.isOver()) await slices.giveWay();
    }
    if (text !== '') chunks.push(Buffer.from(text));
    return chunks;
  }
}

/** Measures how long the event loop has been held, looking at the clock now and then. */
class Slices {
  readonly #clock: Clock;
  #beganAtMs: number;
  #steps = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#beganAtMs = clock.monotonicMs();
  }

  isOver(): boolean {
    if (++this.#steps % 64 !== 0) return false;
    return this.#clock.monotonicMs() - this.#beganAtMs >= SLICE_MS;
  }

  async giveWay(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#beganAtMs = this.#clock.monotonicMs();
  }
}
