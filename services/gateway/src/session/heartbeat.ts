/** The intervals of §3.5. Milliseconds. */
export interface HeartbeatTimes {
  readonly pingIntervalMs: number;
  readonly pongGraceMs: number;
}

/** Who was heard of when. Times are monotonic milliseconds, kept whole: fractions would be numbers on the heap. */
export class Heartbeat {
  #heardMs: number;
  #sentMs: number;
  #progressMs: number;
  #nextPingMs = -1;
  #isFirst = true;

  constructor(nowMs: number) {
    this.#heardMs = nowMs;
    this.#sentMs = nowMs;
    this.#progressMs = nowMs;
  }

  /** Welcomed: the first Ping comes at a random moment of the first interval. @param jitter 0 to 1. */
  start(nowMs: number, { pingIntervalMs }: HeartbeatTimes, jitter: number): void {
    this.heard(nowMs);
    this.#nextPingMs = Math.floor(nowMs + jitter * pingIntervalMs);
  }

  /** A complete message arrived, whatever it says. */
  heard(nowMs: number): void {
    this.#heardMs = Math.floor(nowMs);
  }

  sent(nowMs: number): void {
    this.#sentMs = Math.floor(nowMs);
  }

  /** Some of what waits for the peer left. */
  progressed(nowMs: number): void {
    this.#progressMs = Math.floor(nowMs);
  }

  /** True when it is time for a Ping, which the caller sends. */
  pingDue(nowMs: number, { pingIntervalMs }: HeartbeatTimes): boolean {
    if (nowMs < this.#nextPingMs) return false;
    const quietSinceMs = Math.min(this.#heardMs, this.#sentMs);
    if (!this.#isFirst && nowMs - quietSinceMs < pingIntervalMs) {
      this.#nextPingMs = quietSinceMs + pingIntervalMs;
      return false;
    }
    this.#isFirst = false;
    this.#nextPingMs = Math.floor(nowMs) + pingIntervalMs;
    return true;
  }

  /**
   * True when nothing came for too long, and nothing of what waited for the peer left in that time either. Whoever has just
   * taken the last of it may have our Ping still before it, behind what its kernel holds.
   */
  isDead(nowMs: number, times: HeartbeatTimes): boolean {
    const span = times.pingIntervalMs + times.pongGraceMs;
    return nowMs - Math.max(this.#heardMs, this.#progressMs) >= span;
  }
}
