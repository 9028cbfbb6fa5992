import { assert } from '@millrace/base';
import type { Block, BlockHome } from './block.ts';
import type { RingBudget } from './ring-budget.ts';

const COMPACT_AT = 64;
/** Beginnings of epochs that are remembered, the latest. */
const EPOCHS_MAX = 64;

/** The recent blocks of one feed, contiguous: `[start, end)`. */
export class Ring implements BlockHome {
  readonly #budget: RingBudget;
  readonly #onEvict: (block: Block) => void;
  #blocks: (Block | undefined)[] = [];
  #head = 0;
  /** Where each epoch began in what was read, ascending in both. It outlives the blocks. */
  #epochs: { readonly epoch: number; readonly from: number }[] = [];
  start: number;
  end: number;
  /** Epoch of what ends at `end`, -1 unknown. It outlives the blocks. */
  endEpoch = -1;
  bytes = 0;
  /** Count of the budget's clock when a block of it was last sent. */
  usedAt = 0;

  /** @param onEvict called for each block that makes room, oldest first. */
  constructor(start: number, budget: RingBudget, onEvict: (block: Block) => void) {
    this.start = start;
    this.end = start;
    this.#budget = budget;
    this.#onEvict = onEvict;
  }

  get length(): number {
    return this.#blocks.length - this.#head;
  }

  get first(): Block | undefined {
    return this.#blocks[this.#head];
  }

  get last(): Block | undefined {
    return this.length === 0 ? undefined : this.#blocks[this.#blocks.length - 1];
  }

  /** Somebody reads it: it is not the first to give way. */
  touch(): void {
    this.usedAt = ++this.#budget.clock;
  }

  addBytes(delta: number): void {
    this.bytes += delta;
    this.#budget.add(this, delta);
  }

  addMatchBytes(delta: number): void {
    this.#budget.matchBytes += delta;
  }

  push(block: Block): void {
    assert(block.from === this.end, 'blocks of a ring follow one another');
    this.#blocks.push(block);
    if (block.epoch > (this.#epochs.at(-1)?.epoch ?? -1)) {
      this.#epochs.push({ epoch: block.epoch, from: block.from });
      if (this.#epochs.length > EPOCHS_MAX) this.#epochs.shift();
    }
    this.end = block.next;
    this.endEpoch = block.epoch;
    this.addBytes(block.bytes);
  }

  /** The block that holds an offset, which lies in the ring. */
  at(offset: number): Block {
    return this.#blocks[this.#indexAt(offset)] as Block;
  }

  /** Visits the blocks below an offset, the newest first, until `visit` says false. */
  descend(below: number, visit: (block: Block) => boolean): void {
    if (below <= this.start) return;
    for (let i = this.#indexAt(below - 1); i >= this.#head; i--)
      if (!visit(this.#blocks[i] as Block)) return;
  }

  /**
   * An epoch under which everything below an offset was read, -1 when none is known here: that of what ends there, or
   * at the start of the ring of what begins there.
   */
  epochAt(offset: number): number {
    if (offset === this.end) return this.endEpoch;
    if (offset < this.start || offset > this.end) return -1;
    return this.at(Math.max(this.start, offset - 1)).epoch;
  }

  /**
   * Where what was read up to an epoch ends, blocks that made room included; Infinity when nothing later was read. Not
   * exact when all that is remembered is of later epochs: then it ends there or anywhere before.
   */
  endOf(epoch: number): { readonly offset: number; readonly isExact: boolean } {
    const at = this.#epochs.findIndex((known) => known.epoch > epoch);
    return { offset: this.#epochs[at]?.from ?? Number.POSITIVE_INFINITY, isExact: at !== 0 };
  }

  /** The oldest block that came at or after a time; undefined when all are older. */
  arrivedSince(atMs: number): Block | undefined {
    let low = this.#head;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#blocks[middle] as Block).arrivedAtMs < atMs) low = middle + 1;
      else high = middle;
    }
    return this.#blocks[low];
  }

  evictFirst(): void {
    const block = this.first;
    if (block === undefined) return;
    this.#blocks[this.#head++] = undefined;
    if (this.#head > COMPACT_AT && 2 * this.#head > this.#blocks.length) {
      this.#blocks = this.#blocks.slice(this.#head);
      this.#head = 0;
    }
    this.start = block.next;
    this.#release(block);
    this.#onEvict(block);
  }

  /** Drops the blocks that reach beyond an offset: the log was cut there. */
  dropFrom(offset: number): void {
    for (let block = this.last; block !== undefined && block.next > offset; block = this.last) {
      this.#blocks.pop();
      this.#release(block);
      this.end = block.from;
    }
    this.#epochs = this.#epochs.filter(({ from }) => from < offset);
    if (this.end > offset) this.end = offset;
    if (this.start > this.end) this.start = this.end;
    this.endEpoch = this.last?.epoch ?? -1;
  }

  /** Drops everything and begins elsewhere. */
  restart(at: number): void {
    while (this.length > 0) this.evictFirst();
    this.#epochs = [];
    this.start = at;
    this.end = at;
    this.endEpoch = -1;
  }

  #indexAt(offset: number): number {
    let low = this.#head;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#blocks[middle] as Block).next <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #release(block: Block): void {
    this.addBytes(-block.bytes);
    block.leave();
  }
}
