import type { Clock } from '@millrace/base';

const WINDOW_MS = 60_000;

interface Window {
  readonly endsAtMs: number;
  count: number;
}

/** Failed tokens of each address in the running minute. Bounded: beyond, the oldest window is forgotten. */
export class FailureCount {
  readonly #clock: Clock;
  readonly #failuresMax: number;
  readonly #addressesMax: number;
  readonly #windows = new Map<string, Window>();

  constructor(clock: Clock, failuresMax: number, addressesMax: number) {
    this.#clock = clock;
    this.#failuresMax = failuresMax;
    this.#addressesMax = addressesMax;
  }

  add(address: string): void {
    const window = this.#current(address);
    if (window !== undefined) {
      window.count++;
      return;
    }
    this.#windows.set(address, { endsAtMs: this.#clock.monotonicMs() + WINDOW_MS, count: 1 });
    if (this.#windows.size <= this.#addressesMax) return;
    for (const oldest of this.#windows.keys()) {
      this.#windows.delete(oldest);
      return;
    }
  }

  /** For how long the tokens of an address are not looked at, because it failed so often lately; 0: they are. */
  heldOffMs(address: string): number {
    const window = this.#current(address);
    if (window === undefined || window.count < this.#failuresMax) return 0;
    return window.endsAtMs - this.#clock.monotonicMs();
  }

  #current(address: string): Window | undefined {
    const window = this.#windows.get(address);
    if (window === undefined || this.#clock.monotonicMs() < window.endsAtMs) return window;
    this.#windows.delete(address);
    return undefined;
  }
}
