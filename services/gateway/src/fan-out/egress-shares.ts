import { deliveryLimits } from '../limits.ts';
import { Fifo } from './fifo.ts';

/** Of what a principal had beyond its turn, so much is remembered: a single frame is no larger. Bytes. */
const OWED_BYTES_MAX = 4 * deliveryLimits.quantumBytes;

/** One principal's right to send, shared by its connections, which are of type `C` (§19.13). */
export class EgressShare<C> {
  readonly principalKey: string;
  /** Its connections that wait, with live work and with catch-up alone. */
  readonly live = new Fifo<C>();
  readonly cold = new Fifo<C>();
  connectionCount = 0;
  /** What its last turn took beyond a turn's measure; waited off, a turn at a time. Bytes. */
  owedBytes = 0;

  constructor(principalKey: string) {
    this.principalKey = principalKey;
  }

  /** A turn of one of its connections sent so much. */
  took(bytes: number): void {
    const beyond = Math.max(0, bytes - deliveryLimits.quantumBytes);
    this.owedBytes = Math.min(OWED_BYTES_MAX, this.owedBytes + beyond);
  }
}

/** The shares of all principals that have connections here: no more than there are connections. */
export class EgressShares<C> {
  readonly #shares = new Map<string, EgressShare<C>>();

  get size(): number {
    return this.#shares.size;
  }

  /** For a connection that comes. */
  join(principalKey: string): EgressShare<C> {
    let share = this.#shares.get(principalKey);
    if (share === undefined) {
      share = new EgressShare(principalKey);
      this.#shares.set(principalKey, share);
    }
    share.connectionCount++;
    return share;
  }

  /** A connection that joined is gone. */
  leave(share: EgressShare<C>): void {
    share.connectionCount--;
    if (share.connectionCount === 0) this.#shares.delete(share.principalKey);
  }
}
