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

  /** True when an address failed so often lately that its tokens are not looked at. */
  isExcessive(address: string): boolean {
    return (this.#current(address)?.count ?? 0) >= this.#failuresMax;
  }

  #current(address: string): Window | undefined {
    const window = this.#windows.get(address);
    if (window === undefined || this.#clock.monotonicMs() < window.endsAtMs) return window;
    this.#windows.delete(address);
    return undefined;
  }
}
