/**
 * Policy DISCONNECT (§13): a reader is slow when it lags more than it may and, over a whole window, advances slower
 * than the log grows.
 */
export class SlowJudge {
  readonly #windowMs: number;
  #sinceMs = -1;
  #positionThen = 0;
  #endThen = 0;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** Looks again; true when it is slow. */
  look(nowMs: number, isLagging: boolean, position: number, end: number): boolean {
    if (!isLagging) {
      this.#sinceMs = -1;
      return false;
    }
    if (this.#sinceMs < 0) return this.#begin(nowMs, position, end);
    if (nowMs - this.#sinceMs < this.#windowMs) return false;
    const isSlow = position - this.#positionThen < end - this.#endThen;
    if (!isSlow) this.#begin(nowMs, position, end);
    return isSlow;
  }

  #begin(nowMs: number, position: number, end: number): false {
    this.#sinceMs = nowMs;
    this.#positionThen = position;
    this.#endThen = end;
    return false;
  }
}
