import type { Block, Entry } from './block.ts';

/** Front places of the array are given back when there are more than this, and more than are in use. */
const COMPACT_AT = 64;

/** Entries of one class in block order: those that still lie in the ring. */
export class EntryList {
  #entries: (Entry | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#entries.length - this.#head;
  }

  get last(): Entry | null {
    return this.length === 0 ? null : (this.#entries[this.#entries.length - 1] as Entry);
  }

  push(entry: Entry): void {
    this.#entries.push(entry);
  }

  /** Entries of older blocks, in block order. */
  prepend(older: readonly Entry[]): void {
    if (older.length === 0) return;
    this.#entries = [...older, ...this.#entries.slice(this.#head)];
    this.#head = 0;
  }

  /** The block leaves the ring at its old end. */
  dropFirst(block: Block): void {
    if (this.#entries[this.#head]?.block !== block) return;
    // Kept in its slot, it would keep its block: with many classes that was several times what the ring holds.
    this.#entries[this.#head++] = undefined;
    if (this.#head > COMPACT_AT && 2 * this.#head > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Blocks from this one on leave the ring: the log was cut. */
  dropFrom(offset: number): void {
    while (this.length > 0 && (this.last as Entry).block.from >= offset) this.#entries.pop();
  }

  /** The first entry whose block reaches beyond an offset; null when there is none. */
  after(offset: number): Entry | null {
    const { last } = this;
    if (last === null || offset >= last.block.next) return null;
    if (offset >= last.block.from) return last;
    let low = this.#head;
    let high = this.#entries.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle] as Entry).block.next <= offset) low = middle + 1;
      else high = middle;
    }
    return this.#entries[low] as Entry;
  }
}
