import type { Chance } from './environment.ts';
import { BACKOFF_BASE_MS, BACKOFF_CAP_MS } from './limits.ts';

/** Full jitter: the n-th wait is random(0, min(cap, base × 2^n)). */
export class Backoff {
  readonly #random: Chance;
  readonly #baseMs: number;
  readonly #capMs: number;
  #failures = 0;

  constructor(
    random: Chance,
    { baseMs = BACKOFF_BASE_MS, capMs = BACKOFF_CAP_MS }: { baseMs?: number; capMs?: number } = {},
  ) {
    this.#random = random;
    this.#baseMs = baseMs;
    this.#capMs = capMs;
  }

  nextMs(): number {
    const boundMs = Math.min(this.#capMs, this.#baseMs * 2 ** this.#failures);
    this.#failures++;
    return this.#random.float() * boundMs;
  }

  reset(): void {
    this.#failures = 0;
  }
}
