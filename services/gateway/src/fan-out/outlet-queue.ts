import { deliveryLimits } from '../limits.ts';
import type { CursorOutlet } from './cursor.ts';
import type { EgressShare } from './egress-shares.ts';
import { Fifo } from './fifo.ts';

/**
 * Connections that wait for their turn. Principals take turns, and the connections of one among themselves: who opens many
 * has no more than who opens one (P2, §19.13). A turn that sent more than its measure is made up for by turns left out.
 */
export class OutletQueue {
  readonly #kind: 'live' | 'cold';
  /** Principals with a connection that waits. */
  readonly #round = new Fifo<EgressShare<CursorOutlet>>();
  /** How many connections ever joined, and ever left. */
  joined = 0;
  left = 0;

  constructor(kind: 'live' | 'cold') {
    this.#kind = kind;
  }

  get isEmpty(): boolean {
    return this.joined === this.left;
  }

  push(outlet: CursorOutlet): void {
    const { share } = outlet;
    const waiting = share[this.#kind];
    if (waiting.isEmpty) this.#round.push(share);
    waiting.push(outlet);
    this.joined++;
  }

  shift(): CursorOutlet | undefined {
    for (let share = this.#round.shift(); share !== undefined; share = this.#round.shift()) {
      if (share.owedBytes > 0) {
        share.owedBytes = Math.max(0, share.owedBytes - deliveryLimits.quantumBytes);
        this.#round.push(share);
        continue;
      }
      const waiting = share[this.#kind];
      const outlet = waiting.shift();
      if (!waiting.isEmpty) this.#round.push(share);
      this.left++;
      return outlet;
    }
    return undefined;
  }
}
