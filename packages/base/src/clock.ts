/** Something that will happen, and can be called off. */
export interface Timer {
  /** Calls it off. Harmless when it has already happened. */
  cancel(): void;
}

/** Time as the code sees it; a `ManualClock` stands in for it in tests and simulation. */
export interface Clock {
  /** Wall-clock milliseconds since 1970. May jump. */
  nowMs(): number;
  /** Milliseconds since some fixed instant, with fractions. Never goes back. */
  monotonicMs(): number;
  /** Calls `fn` once, at least `delayMs` from now. Keeps the process alive until then. */
  setTimer(delayMs: number, fn: () => void): Timer;
  /** Calls `fn` every `periodMs` until cancelled. Keeps the process alive until then. */
  setInterval(periodMs: number, fn: () => void): Timer;
}

/** The longest delay the platform's timers take; anything longer is cut to it (24 days). */
const MAX_TIMER_MS = 0x7fffffff;

/** The machine's own time. The only place that asks the platform for it. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs, fn) {
    const handle = setTimeout(fn, Math.min(delayMs, MAX_TIMER_MS));
    return { cancel: () => clearTimeout(handle) };
  },
  setInterval(periodMs, fn) {
    const handle = setInterval(fn, Math.min(periodMs, MAX_TIMER_MS));
    return { cancel: () => clearInterval(handle) };
  },
};
