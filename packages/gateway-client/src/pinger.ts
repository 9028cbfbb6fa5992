import type { FrameInput, Pong } from '@millrace/gateway-protocol';
import type { Clock } from './environment.ts';
import { PING_EVERY_MS } from './limits.ts';
import type { PingResult } from './options.ts';

interface Waiting {
  readonly resolve: (result: PingResult) => void;
  readonly reject: (error: Error) => void;
}

/** Pings of the application: those that overlap share one frame, and there is one a second. */
export class Pinger {
  readonly #clock: Clock;
  #send: ((frame: FrameInput) => void) | null = null;
  #waiting: Waiting[] = [];
  #nonce = 0;
  /** When the Ping that is out was sent; null when none is. */
  #sentAtMs: number | null = null;
  #lastMs = -PING_EVERY_MS;
  #isTimed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Waits for a connection, when there is none. */
  ping(): Promise<PingResult> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#pump();
    });
  }

  attach(send: (frame: FrameInput) => void): void {
    this.#send = send;
    this.#pump();
  }

  /** The connection is gone: what waits is asked again on the next one. */
  detach(): void {
    this.#send = null;
    this.#sentAtMs = null;
  }

  pong(frame: Pong): void {
    if (this.#sentAtMs === null || frame.nonce !== this.#nonce) return;
    const roundTripMs = this.#clock.monotonicMs() - this.#sentAtMs;
    const thereMs = this.#clock.nowMs() - roundTripMs / 2;
    const clockOffsetMs = Number(frame.receivedMs) - thereMs;
    this.#sentAtMs = null;
    for (const { resolve } of this.#waiting.splice(0)) resolve({ roundTripMs, clockOffsetMs });
  }

  end(error: Error): void {
    this.detach();
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  #pump(): void {
    if (this.#send === null || this.#sentAtMs !== null || this.#isTimed) return;
    if (this.#waiting.length === 0) return;
    const nowMs = this.#clock.monotonicMs();
    const waitMs = this.#lastMs + PING_EVERY_MS - nowMs;
    if (waitMs > 0) {
      this.#isTimed = true;
      this.#clock.setTimer(waitMs, () => {
        this.#isTimed = false;
        this.#pump();
      });
      return;
    }
    this.#sentAtMs = nowMs;
    this.#lastMs = nowMs;
    // 0 is the heartbeat's.
    this.#nonce = (this.#nonce % 0xffff_ffff) + 1;
    const sentMs = BigInt(Math.trunc(this.#clock.nowMs()));
    this.#send({ kind: 'ping', nonce: this.#nonce, sentMs });
  }
}
