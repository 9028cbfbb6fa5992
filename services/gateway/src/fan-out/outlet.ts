import type { DeliveryTarget } from './contract.ts';
import type { StreamCursor } from './cursor.ts';

/** A connection as the delivery loop keeps it. */
export class Outlet {
  readonly target: DeliveryTarget;
  /** Cursors that may have something to send, in no order. */
  readonly ready: StreamCursor[] = [];
  readonly cursors = new Set<StreamCursor>();
  /** Which of `ready` comes first next time. */
  turn = 0;
  /** In the queue of connections with live work, or in that of catch-up alone. */
  isQueued = false;
  isQueuedCold = false;
  /** Bytes are unsent: nothing more until `drain` (P3). */
  isBlocked = false;
  /** The transport must be asked what is unsent; false after a write that the kernel took whole. */
  mayHoldBytes = true;
  isGone = false;

  constructor(target: DeliveryTarget) {
    this.target = target;
  }

  addReady(cursor: StreamCursor): void {
    if (cursor.readyIndex >= 0) return;
    cursor.readyIndex = this.ready.length;
    this.ready.push(cursor);
  }

  removeReady(cursor: StreamCursor): void {
    const at = cursor.readyIndex;
    if (at < 0) return;
    cursor.readyIndex = -1;
    const last = this.ready.pop() as StreamCursor;
    if (last === cursor) return;
    this.ready[at] = last;
    last.readyIndex = at;
  }
}
