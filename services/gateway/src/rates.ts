/** So many at once, so many a second. Starts full. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #atMs: number;

  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#atMs = nowMs;
  }

  /** False when there are not `count` left; then nothing is taken. */
  take(nowMs: number, count = 1): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#atMs) * this.#perMs);
    this.#atMs = nowMs;
    if (this.#tokens < count) return false;
    this.#tokens -= count;
    return true;
  }
}

/** One bucket per key; beyond `keysMax` the key unused for longest starts anew. */
export class KeyedBuckets {
  readonly #buckets = new Map<string, TokenBucket>();
  readonly #keysMax: number;

  constructor(keysMax: number) {
    this.#keysMax = keysMax;
  }

  /** False when `key` has not `count` left; a burst is one second's worth. */
  take(key: string, perSecond: number, nowMs: number, count = 1): boolean {
    const bucket = this.#buckets.get(key) ?? new TokenBucket(perSecond, perSecond, nowMs);
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > this.#keysMax) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    }
    return bucket.take(nowMs, count);
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
