import type { Chance } from './environment.ts';
import { BACKOFF_BASE_MS, BACKOFF_CAP_MS, SERVER_DELAY_MS_MAX } from './limits.ts';

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

  /** @param askedMs the server asks for this pause at least. */
  nextMs(askedMs = 0): number {
    const boundMs = Math.min(this.#capMs, this.#baseMs * 2 ** this.#failures);
    this.#failures++;
    return Math.max(this.#random.float() * boundMs, Math.min(askedMs, SERVER_DELAY_MS_MAX));
  }

  reset(): void {
    this.#failures = 0;
  }
}
