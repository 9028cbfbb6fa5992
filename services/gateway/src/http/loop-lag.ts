import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Gauge } from '@millrace/base';

const RESOLUTION_MS = 10;

/** How late the event loop was at most since the last look. */
export class LoopLag {
  readonly #delays: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #gauge: Gauge;

  constructor(gauge: Gauge) {
    this.#gauge = gauge;
    this.#delays.enable();
  }

  /** To be called at each scrape. */
  refresh(): void {
    // What is measured is the time between two timers, which are RESOLUTION_MS apart when nothing is late.
    const lateMs = Math.max(0, this.#delays.max / 1e6 - RESOLUTION_MS);
    this.#gauge.set(lateMs / 1000);
    this.#delays.reset();
  }

  close(): void {
    this.#delays.disable();
  }
}
