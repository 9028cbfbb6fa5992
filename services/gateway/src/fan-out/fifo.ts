/** First in, first out: a ring of slots that is made with the first one who waits, and doubles when it is full. */
export class Fifo<T> {
  #slots: (T | undefined)[] = [];
  #joined = 0;
  #left = 0;

  get isEmpty(): boolean {
    return this.#joined === this.#left;
  }

  push(item: T): void {
    if (this.#joined - this.#left === this.#slots.length) this.#grow();
    this.#slots[this.#joined & (this.#slots.length - 1)] = item;
    this.#joined++;
  }

  shift(): T | undefined {
    if (this.isEmpty) return undefined;
    const at = this.#left & (this.#slots.length - 1);
    const item = this.#slots[at];
    this.#slots[at] = undefined;
    this.#left++;
    return item;
  }

  #grow(): void {
    const { length } = this.#slots;
    const slots = new Array<T | undefined>(Math.max(2, 2 * length)).fill(undefined);
    for (let i = this.#left; i < this.#joined; i++) {
      slots[i & (slots.length - 1)] = this.#slots[i & (length - 1)];
    }
    this.#slots = slots;
  }
}
