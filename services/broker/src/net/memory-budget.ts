import type { Reactor } from '@millrace/engine';
import { PENDING_REPLIES_PER_CONNECTION_MAX } from '../limits.ts';

/** What the budget sees of a connection. */
export interface BudgetedConnection {
  readonly identity: { readonly id: number };
  readonly isOpen: boolean;
  readonly pendingCount: number;
  /** The engine was asked to stop reading from this client. */
  isPaused: boolean;
  /** Frames of it are held back: it is not read until they are served. */
  readonly hasHeldBack: boolean;
}

/**
 * Bounds the work that clients can pile up: reading from a connection pauses while it is owed too many
 * replies, and from whichever connection goes on sending while the broker as a whole owes too many
 * (`queued.max.requests`). Bytes of frames are bounded by the reactor itself.
 */
export class MemoryBudget {
  readonly #reactor: Reactor;
  readonly #requestsMax: number;
  readonly #paused = new Set<BudgetedConnection>();
  #requestCount = 0;
  #parkedCount = 0;

  constructor(reactor: Reactor, requestsMax: number) {
    this.#reactor = reactor;
    this.#requestsMax = requestsMax;
  }

  /** Requests not yet answered, long polls included. */
  get requestCount(): number {
    return this.#requestCount;
  }

  /** Long polls do not count as work. */
  parked(delta: 1 | -1): void {
    this.#parkedCount += delta;
  }

  requestStarted(connection: BudgetedConnection): void {
    this.#requestCount++;
    if (connection.isPaused) return;
    const busy = this.#requestCount - this.#parkedCount;
    if (
      connection.pendingCount >= PENDING_REPLIES_PER_CONNECTION_MAX ||
      (busy > this.#requestsMax && connection.pendingCount > 1)
    ) {
      connection.isPaused = true;
      this.#paused.add(connection);
      this.#reactor.pauseReading(connection.identity.id);
    }
  }

  requestEnded(connection: BudgetedConnection): void {
    this.#requestCount--;
    if (this.#paused.size === 0 || !connection.isPaused) return;
    if (!connection.isOpen) {
      this.#paused.delete(connection);
      return;
    }
    if (connection.pendingCount > PENDING_REPLIES_PER_CONNECTION_MAX / 2) return;
    // A paused connection wakes by its own progress, so nobody waits for another's.
    if (this.#requestCount - this.#parkedCount > this.#requestsMax && connection.pendingCount > 0) {
      return;
    }
    connection.isPaused = false;
    this.#paused.delete(connection);
    if (!connection.hasHeldBack) this.#reactor.resumeReading(connection.identity.id);
  }
}
