import type { Clock, Timer } from './environment.ts';
import { clientError } from './errors.ts';
import { CONNECTION_WINDOW_BYTES, CREDIT_DELAY_MS, CREDIT_SHARE } from './limits.ts';

/**
 * The receiver's half of one credit window: what was received and is not finished is held; what was
 * finished goes back in few Credit frames.
 *
 * A new connection begins with a window of its own, smaller by what is still held.
 */
export class CreditReturn {
  readonly windowBytes: number;
  readonly #clock: Clock;
  /** Sends a Credit frame. */
  #send: ((bytes: number) => void) | null = null;
  #heldBytes = 0;
  #isBegun = false;
  #finishedBytes = 0;
  /** The 1 that was granted beyond the window comes off what is returned first. */
  #debtBytes = 0;
  #timer: Timer | null = null;

  /** @throws GatewayError unless the window is one of 1 B to 16 MiB. */
  constructor(windowBytes: number, clock: Clock) {
    if (!Number.isInteger(windowBytes) || windowBytes < 1 || windowBytes > CONNECTION_WINDOW_BYTES)
      throw clientError(`a window of ${windowBytes} bytes`);
    this.windowBytes = windowBytes;
    this.#clock = clock;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * The window that a new connection, or Subscribe, begins with; at least 1, as 0 would mean the
   * default. What is finished from now on counts for it, and waits for `open`.
   */
  begin(): number {
    this.close();
    this.#isBegun = true;
    this.#debtBytes = Math.max(0, this.#heldBytes + 1 - this.windowBytes);
    return this.windowBytes - this.#heldBytes + this.#debtBytes;
  }

  /** Credit frames can be sent. */
  open(send: (bytes: number) => void): void {
    this.#send = send;
    this.#flush();
  }

  /** The connection is gone: what was to be returned on it no longer counts. */
  close(): void {
    this.#send = null;
    this.#isBegun = false;
    this.#finishedBytes = 0;
    this.#timer?.cancel();
    this.#timer = null;
  }

  receive(bytes: number): void {
    this.#heldBytes += bytes;
  }

  finish(bytes: number): void {
    this.#heldBytes -= bytes;
    if (!this.#isBegun) return;
    const debt = Math.min(bytes, this.#debtBytes);
    this.#debtBytes -= debt;
    this.#finishedBytes += bytes - debt;
    if (this.#send === null) return;
    if (this.#finishedBytes >= this.windowBytes * CREDIT_SHARE) this.#flush();
    else this.#timer ??= this.#clock.setTimer(CREDIT_DELAY_MS, () => this.#flush());
  }

  #flush(): void {
    const bytes = this.#finishedBytes;
    this.#timer?.cancel();
    this.#timer = null;
    this.#finishedBytes = 0;
    if (bytes > 0) this.#send?.(bytes);
  }
}
