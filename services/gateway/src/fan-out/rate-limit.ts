/** So much unused right is kept: a tenth of a second's worth, but at least one record. */
const BURST_SECONDS = 0.1;

/** A token bucket of records (P5). It may be overdrawn by one frame, and then waits it off. */
export class RateLimit {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #filledAtMs = -1;

  /** @param perSecond records a second, above 0. */
  constructor(perSecond: number) {
    this.#perMs = perSecond / 1000;
    this.#burst = Math.max(1, perSecond * BURST_SECONDS);
    this.#tokens = this.#burst;
  }

  /** Milliseconds until something may be sent, 0 = now. */
  waitMs(nowMs: number): number {
    if (this.#filledAtMs >= 0) {
      const earned = (nowMs - this.#filledAtMs) * this.#perMs;
      this.#tokens = Math.min(this.#burst, this.#tokens + earned);
    }
    this.#filledAtMs = nowMs;
    return this.#tokens > 0 ? 0 : Math.max(1, -this.#tokens / this.#perMs);
  }

  take(records: number): void {
    this.#tokens -= records;
  }
}
