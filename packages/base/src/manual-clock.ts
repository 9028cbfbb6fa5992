import { assert } from './assert.ts';
import type { Clock, Timer } from './clock.ts';

interface Pending {
  dueMs: number;
  /** Order of arming, so that timers due together fire in that order. */
  sequence: number;
  /** null for a timer that fires once. */
  readonly periodMs: number | null;
  readonly fn: () => void;
}

/** A clock that stands still until it is told to move. Monotonic time starts at 0. */
export class ManualClock implements Clock {
  #wallMs: number;
  #monotonicMs = 0;
  #sequence = 0;
  readonly #pending = new Set<Pending>();

  constructor(startMs = 1_700_000_000_000) {
    this.#wallMs = startMs;
  }

  nowMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  setTimer(delayMs: number, fn: () => void): Timer {
    return this.#arm(delayMs, null, fn);
  }

  setInterval(periodMs: number, fn: () => void): Timer {
    assert(periodMs > 0, 'an interval needs a period above 0');
    return this.#arm(periodMs, periodMs, fn);
  }

  /** Timers that have neither fired nor been cancelled. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** Moves time on, firing every timer on the way at its own instant. Does not wait for promises. */
  advance(byMs: number): void {
    const untilMs = this.#monotonicMs + byMs;
    for (;;) {
      const next = this.#earliest(untilMs);
      if (next === null) break;
      this.#moveTo(next.dueMs);
      if (next.periodMs === null) {
        this.#pending.delete(next);
      } else {
        next.dueMs += next.periodMs;
        next.sequence = this.#sequence++;
      }
      next.fn();
    }
    this.#moveTo(untilMs);
  }

  /** Like `advance`, in steps, letting promises settle before and after each. */
  async advanceAsync(byMs: number, stepMs = byMs): Promise<void> {
    await settle();
    let leftMs = byMs;
    while (leftMs > 0) {
      const step = Math.min(stepMs, leftMs);
      this.advance(step);
      leftMs -= step;
      await settle();
    }
  }

  /** Time passes while nothing runs, as for a process that stands still: what came due meanwhile fires once, late. */
  standStill(byMs: number): void {
    this.#moveTo(this.#monotonicMs + byMs);
    for (const pending of this.#pending) pending.dueMs = Math.max(pending.dueMs, this.#monotonicMs);
    this.advance(0);
  }

  /** Makes the wall clock jump; monotonic time and timers do not notice. */
  jumpWallClock(byMs: number): void {
    this.#wallMs += byMs;
  }

  #arm(delayMs: number, periodMs: number | null, fn: () => void): Timer {
    const pending: Pending = {
      dueMs: this.#monotonicMs + Math.max(0, delayMs),
      sequence: this.#sequence++,
      periodMs,
      fn,
    };
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
  }

  #earliest(untilMs: number): Pending | null {
    let best: Pending | null = null;
    for (const pending of this.#pending) {
      if (pending.dueMs > untilMs) continue;
      if (best === null || isBefore(pending, best)) best = pending;
    }
    return best;
  }

  #moveTo(monotonicMs: number): void {
    if (monotonicMs <= this.#monotonicMs) return;
    this.#wallMs += monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
  }
}

function isBefore(a: Pending, b: Pending): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.sequence < b.sequence);
}

/** Lets promises that are ready run, also those that follow one another. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
