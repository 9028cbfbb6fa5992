/** The resident memory of a process, looked at ten times a second. */
import { readFileSync } from 'node:fs';
import { median } from '../throughput/stats.ts';

const PERIOD_MS = 100;
const PAGE_BYTES = 4096;

export class RssSamples {
  readonly #samples: { readonly at: number; readonly bytes: number }[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(pid: number) {
    this.#timer = setInterval(() => {
      // `size resident …` in pages.
      const [, resident] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ');
      this.#samples.push({ at: performance.now(), bytes: Number(resident) * PAGE_BYTES });
    }, PERIOD_MS);
  }

  /** Of the samples between two moments of `performance.now()`. Bytes. */
  median(from: number, to: number): number {
    return median(
      this.#samples.filter(({ at }) => at >= from && at < to).map(({ bytes }) => bytes),
    );
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
