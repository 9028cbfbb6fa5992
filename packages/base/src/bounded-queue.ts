import { assert } from './assert.ts';

/** First in, first out, in a ring of fixed size. A full queue refuses; it never grows. */
export class BoundedQueue<T> {
  readonly capacity: number;
  readonly #ring: (T | undefined)[];
  #head = 0;
  #count = 0;

  constructor(capacity: number) {
    assert(Number.isInteger(capacity) && capacity > 0, `bad queue capacity ${capacity}`);
    this.capacity = capacity;
    this.#ring = new Array<T | undefined>(capacity).fill(undefined);
  }

  get count(): number {
    return this.#count;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  get isFull(): boolean {
    return this.#count === this.capacity;
  }

  /** False when the queue is full; the item was not taken. */
  push(item: T): boolean {
    if (this.isFull) return false;
    this.#ring[(this.#head + this.#count) % this.capacity] = item;
    this.#count++;
    return true;
  }

  /** The oldest item, left in place. */
  peek(): T | undefined {
    return this.#count === 0 ? undefined : this.#ring[this.#head];
  }

  /** Takes the oldest item out; undefined when empty. */
  shift(): T | undefined {
    if (this.#count === 0) return undefined;
    const item = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.capacity;
    this.#count--;
    return item;
  }

  clear(): void {
    this.#ring.fill(undefined);
    this.#head = 0;
    this.#count = 0;
  }
}
