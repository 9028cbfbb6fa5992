import type { Socket } from '../ws/socket-server.ts';
import type { ControlLane, DeliveryTarget } from './contract.ts';
import type { EgressShare } from './egress-shares.ts';

/** What a connection keeps in its streams. */
interface OutletStream {
  isAlone: boolean;
  /** Its place in `ready`, -1 for none. */
  readyIndex: number;
}

/**
 * No cursors yet. Most connections have one: an array that is made with its first element has room for one, an empty one
 * would grow by sixteen.
 */
const NONE: never[] = [];

/** A connection as the delivery loop keeps it. */
export class Outlet<C extends OutletStream> {
  readonly target: DeliveryTarget;
  /** Of the target; here because the loop wants them for each connection and block. */
  readonly socket: Socket;
  readonly control: ControlLane;
  readonly isText: boolean;
  /** Its principal's. */
  readonly share: EgressShare<Outlet<C>>;
  /** Cursors that may have something to send, in no order. */
  ready: C[] = NONE;
  cursors: C[] = NONE;
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

  constructor(target: DeliveryTarget, share: EgressShare<Outlet<C>>) {
    this.target = target;
    this.share = share;
    this.socket = target.socket;
    this.control = target.control;
    this.isText = target.isText;
  }

  /** @returns true for the first one that the connection ever had. */
  add(cursor: C): boolean {
    const isFirst = this.cursors === NONE;
    if (isFirst) this.cursors = [cursor];
    else this.cursors.push(cursor);
    this.#tellAlone();
    return isFirst;
  }

  remove(cursor: C): void {
    const at = this.cursors.indexOf(cursor);
    if (at >= 0) this.cursors.splice(at, 1);
    this.#tellAlone();
  }

  #tellAlone(): void {
    for (const cursor of this.cursors) cursor.isAlone = this.cursors.length === 1;
  }

  addReady(cursor: C): void {
    if (cursor.readyIndex >= 0) return;
    cursor.readyIndex = this.ready.length;
    if (this.ready === NONE) this.ready = [cursor];
    else this.ready.push(cursor);
  }

  removeReady(cursor: C): void {
    const at = cursor.readyIndex;
    if (at < 0) return;
    cursor.readyIndex = -1;
    const last = this.ready.pop() as C;
    if (last === cursor) return;
    this.ready[at] = last;
    last.readyIndex = at;
  }
}
