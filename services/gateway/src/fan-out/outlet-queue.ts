import type { Outlet } from './cursor.ts';

/** Connections that wait for their turn, first in, first out: a ring of slots that doubles when it is full. */
export class OutletQueue {
  #slots: (Outlet | undefined)[] = new Array<Outlet | undefined>(256).fill(undefined);
  /** How many ever joined, and ever left. */
  joined = 0;
  left = 0;

  get isEmpty(): boolean {
    return this.joined === this.left;
  }

  push(outlet: Outlet): void {
    const { length } = this.#slots;
    if (this.joined - this.left === length) this.#grow();
    this.#slots[this.joined & (this.#slots.length - 1)] = outlet;
    this.joined++;
  }

  shift(): Outlet | undefined {
    if (this.isEmpty) return undefined;
    const at = this.left & (this.#slots.length - 1);
    const outlet = this.#slots[at];
    this.#slots[at] = undefined;
    this.left++;
    return outlet;
  }

  #grow(): void {
    const slots = new Array<Outlet | undefined>(2 * this.#slots.length).fill(undefined);
    for (let i = this.left; i < this.joined; i++) {
      slots[i & (slots.length - 1)] = this.#slots[i & (this.#slots.length - 1)];
    }
    this.#slots = slots;
  }
}
