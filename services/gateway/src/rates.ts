/** A rate in one number: when all that was taken would have come at an even pace. A burst runs ahead of it. */
export class Pace {
  #evenMs = 0;

  /** False when `count` more would be beyond the burst; then nothing is taken. */
  take(nowMs: number, perSecond: number, burst: number, count = 1): boolean {
    const eachMs = 1000 / perSecond;
    const evenMs = Math.max(this.#evenMs, nowMs) + count * eachMs;
    if (evenMs - nowMs > burst * eachMs) return false;
    this.#evenMs = evenMs;
    return true;
  }
}

/** One pace per key, with bursts of a second's worth; beyond `keysMax` the key unused for longest starts anew. */
export class KeyedPaces {
  readonly #paces = new Map<string, Pace>();
  readonly #keysMax: number;

  constructor(keysMax: number) {
    this.#keysMax = keysMax;
  }

  take(key: string, perSecond: number, nowMs: number, count = 1): boolean {
    const pace = this.#paces.get(key) ?? new Pace();
    this.#paces.delete(key);
    this.#paces.set(key, pace);
    if (this.#paces.size > this.#keysMax) {
      for (const oldest of this.#paces.keys()) {
        this.#paces.delete(oldest);
        break;
      }
    }
    return pace.take(nowMs, perSecond, perSecond, count);
  }
}

/** Counts misdeeds; too many within a window are abuse. */
export class Strikes {
  readonly #max: number;
  readonly #windowMs: number;
  #count = 0;
  #sinceMs = Number.NEGATIVE_INFINITY;

  constructor(max: number, windowMs: number) {
    this.#max = max;
    this.#windowMs = windowMs;
  }

  /** True when this one is too many. */
  add(nowMs: number): boolean {
    if (nowMs - this.#sinceMs > this.#windowMs) {
      this.#sinceMs = nowMs;
      this.#count = 0;
    }
    this.#count++;
    return this.#count >= this.#max;
  }
}
