/** Who was heard of when (§3.5). Times are monotonic milliseconds. */
export class Heartbeat {
  readonly #intervalMs: number;
  readonly #graceMs: number;
  #heardMs: number;
  #sentMs: number;
  #progressMs: number;
  #nextPingMs: number;
  #isFirst = true;

  /** @param jitter 0 to 1: where in the first interval the first Ping goes. */
  constructor(intervalMs: number, graceMs: number, nowMs: number, jitter: number) {
    this.#intervalMs = intervalMs;
    this.#graceMs = graceMs;
    this.#heardMs = nowMs;
    this.#sentMs = nowMs;
    this.#progressMs = nowMs;
    this.#nextPingMs = nowMs + jitter * intervalMs;
  }

  /** A complete message arrived, whatever it says. */
  heard(nowMs: number): void {
    this.#heardMs = nowMs;
  }

  sent(nowMs: number): void {
    this.#sentMs = nowMs;
  }

  /** Some of what waits for the peer left. */
  progressed(nowMs: number): void {
    this.#progressMs = nowMs;
  }

  /** True when it is time for a Ping, which the caller sends; the first one comes at its own random moment. */
  pingDue(nowMs: number): boolean {
    if (nowMs < this.#nextPingMs) return false;
    const quietSinceMs = Math.min(this.#heardMs, this.#sentMs);
    if (!this.#isFirst && nowMs - quietSinceMs < this.#intervalMs) {
      this.#nextPingMs = quietSinceMs + this.#intervalMs;
      return false;
    }
    this.#isFirst = false;
    this.#nextPingMs = nowMs + this.#intervalMs;
    return true;
  }

  /** True when nothing came for too long. A slow reader lives as long as it takes something. */
  isDead(nowMs: number, unsentBytes: number): boolean {
    const span = this.#intervalMs + this.#graceMs;
    if (nowMs - this.#heardMs < span) return false;
    return unsentBytes === 0 || nowMs - this.#progressMs >= span;
  }
}
