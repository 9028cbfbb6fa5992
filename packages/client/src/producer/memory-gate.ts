import type { Clock } from '@millrace/base';
import { ClientStateError } from '../client-error.ts';

interface Waiter {
  readonly bytes: number;
  readonly admit: () => void;
  readonly fail: (error: Error) => void;
}

/** Bounds the bytes a producer holds. Those who find it full wait in line, for a bounded time. */
export class MemoryGate {
  readonly #capacityBytes: number;
  readonly #clock: Clock;
  readonly #waiters: Waiter[] = [];
  #heldBytes = 0;

  constructor(capacityBytes: number, clock: Clock) {
    this.#capacityBytes = capacityBytes;
    this.#clock = clock;
  }

  /** Takes `bytes` at once when there is room and nobody waits. */
  tryAdmit(bytes: number): boolean {
    if (this.#waiters.length > 0 || this.#heldBytes + bytes > this.#capacityBytes) return false;
    this.#heldBytes += bytes;
    return true;
  }

  /** Resolves once `bytes` are taken. @throws ClientStateError after `timeoutMs`, or when closed. */
  admit(bytes: number, timeoutMs: number): Promise<void> {
    if (this.tryAdmit(bytes)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        bytes,
        admit: () => {
          timer.cancel();
          resolve();
        },
        fail: (error) => {
          timer.cancel();
          reject(error);
        },
      };
      const timer = this.#clock.setTimer(timeoutMs, () => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        reject(new ClientStateError(`bufferMemory stayed full for ${timeoutMs} ms`));
      });
      this.#waiters.push(waiter);
    });
  }

  release(bytes: number): void {
    this.#heldBytes -= bytes;
    for (let next = this.#waiters[0]; next !== undefined; next = this.#waiters[0]) {
      if (this.#heldBytes + next.bytes > this.#capacityBytes) return;
      this.#waiters.shift();
      this.#heldBytes += next.bytes;
      next.admit();
    }
  }

  close(error: Error): void {
    for (const waiter of this.#waiters.splice(0)) waiter.fail(error);
  }
}
