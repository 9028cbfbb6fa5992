import type { Clock, Timer } from '@millrace/base';
import type { Reactor } from '@millrace/engine';
import { BACKLOG_BYTES_MAX, QUEUED_SEND_BYTES_MAX } from '../limits.ts';

/** How often connections are looked at again that do not take their answers. */
const UNSENT_LOOK_MS = 20;

/** A frame that waits for its turn, in memory of its own. */
export interface HeldFrame {
  readonly bytes: Uint8Array;
  /** Monotonic ms. */
  readonly sinceMs: number;
}

/** What the backlog sees of a connection. */
export interface HeldBackConnection {
  readonly identity: { readonly id: number };
  readonly isOpen: boolean;
  /** Must wait for its own replies before more of it is looked at. */
  readonly mustWait: boolean;
  /** The oldest frame held back; undefined when there is none left. */
  takeHeldBack(): HeldFrame | undefined;
}

export interface BacklogParts {
  readonly reactor: Reactor;
  readonly clock: Clock;
  /** Runs as one beat. */
  readonly runInTick: (body: () => void) => void;
  readonly serve: (connection: HeldBackConnection, frame: HeldFrame) => void;
}

/**
 * Frames that arrived before their turn: behind a long poll, behind too many unanswered requests, or more in
 * one beat than a connection gets. They are copied, the connection is not read meanwhile, and they are
 * served in order as soon as it may go on. So what a client makes the broker hold follows the bytes it
 * sent, not the answers it asks for.
 */
export class Backlog {
  readonly #parts: BacklogParts;
  #ready = new Set<HeldBackConnection>();
  /** Those that wait for their socket to take what is unsent. */
  readonly #unsent = new Set<HeldBackConnection>();
  #timer: Timer | null = null;
  #isScheduled = false;
  #heldBytes = 0;
  /** Counts beats: each connection has its share of every one. */
  turn = 0;

  constructor(parts: BacklogParts) {
    this.#parts = parts;
  }

  /** False when no more can be held: the connection has to go. */
  hold(frameBytes: number): boolean {
    if (this.#heldBytes + frameBytes > BACKLOG_BYTES_MAX) return false;
    this.#heldBytes += frameBytes;
    return true;
  }

  released(frameBytes: number): void {
    this.#heldBytes -= frameBytes;
  }

  /** The connection may go on; its frames are served in the next turn of the event loop. */
  ready(connection: HeldBackConnection): void {
    this.#ready.add(connection);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#parts.runInTick(() => this.#serveReady());
    });
  }

  close(): void {
    this.#timer?.cancel();
    this.#ready.clear();
    this.#unsent.clear();
  }

  #serveReady(): void {
    this.turn++;
    const ready = this.#ready;
    this.#ready = new Set();
    for (const connection of ready) this.#serve(connection);
  }

  #serve(connection: HeldBackConnection): void {
    const { reactor, serve } = this.#parts;
    if (reactor.unsentBytes(connection.identity.id) > QUEUED_SEND_BYTES_MAX) {
      this.#unsent.add(connection);
      this.#timer ??= this.#parts.clock.setTimer(UNSENT_LOOK_MS, () => this.#lookAtUnsent());
      return;
    }
    while (connection.isOpen && !connection.mustWait) {
      const frame = connection.takeHeldBack();
      if (frame === undefined) return;
      serve(connection, frame);
    }
  }

  #lookAtUnsent(): void {
    this.#timer = null;
    for (const connection of this.#unsent) this.ready(connection);
    this.#unsent.clear();
  }
}
