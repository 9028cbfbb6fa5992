import { systemClock } from '@millrace/base';

/** As much of time as the SDK needs. */
export interface Clock {
  /** Wall-clock milliseconds since 1970. May jump. */
  nowMs(): number;
  /** Milliseconds since some fixed instant, with fractions. Never goes back. */
  monotonicMs(): number;
  /** Calls `fn` once, at least `delayMs` from now. */
  setTimer(delayMs: number, fn: () => void): Timer;
}

export interface Timer {
  /** Calls it off. Harmless when it has already happened. */
  cancel(): void;
}

/** As much of chance as the SDK needs; the whole of it is too large for a page. */
export interface Chance {
  /** At least 0, below 1. */
  float(): number;
  /** Fills `target` with random bytes. */
  fill(target: Uint8Array): void;
}

/** What the SDK takes from the platform around it; tests hand in another. */
export interface Environment {
  readonly clock: Clock;
  readonly random: Chance;
  /** Calls `listener` when the network came back or the page became visible. Returns how to stop that. */
  onWake(listener: () => void): () => void;
}

interface EventSource {
  addEventListener?(event: string, listener: () => void): void;
  removeEventListener?(event: string, listener: () => void): void;
}

/** The browser or Node itself. Node has neither of the two events. */
export const systemEnvironment: Environment = {
  clock: systemClock,
  random: {
    float: () => (crypto.getRandomValues(new Uint32Array(1))[0] as number) / 2 ** 32,
    fill: (target) => void crypto.getRandomValues(target as Uint8Array<ArrayBuffer>),
  },
  onWake(listener) {
    const page = globalThis as EventSource;
    const { document } = globalThis as {
      readonly document?: EventSource & { readonly visibilityState: string };
    };
    const visible = (): void => {
      if (document?.visibilityState === 'visible') listener();
    };
    page.addEventListener?.('online', listener);
    document?.addEventListener?.('visibilitychange', visible);
    return () => {
      page.removeEventListener?.('online', listener);
      document?.removeEventListener?.('visibilitychange', visible);
    };
  },
};
