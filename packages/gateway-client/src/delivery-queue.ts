import type { RecordBlock } from './gateway-record.ts';

/** A block on its way to the consumer. */
export interface QueuedBlock {
  /** null when it turned out not to be one; whoever found out has ended the queue. */
  readonly block: RecordBlock | Promise<RecordBlock | null>;
  /** The consumer came back for the next one. */
  finish(): void;
}

/** Blocks, and between them what has to happen in their order: events, and positions that move. */
export type DeliveryItem = QueuedBlock | { happen(): void };

/**
 * What was received and is not finished, in the order of its arrival, and the one consumer that takes
 * it. While the consumer has a block in its hands nothing behind that block happens.
 *
 * ```
 *  push ──► block · happen · happen · block ──► in the consumer's hands ──► finish
 * ```
 * Blocks may still be inflating while they wait; they leave in order all the same.
 */
export class DeliveryQueue implements AsyncIterator<RecordBlock, undefined> {
  readonly #left: () => void;
  #items: DeliveryItem[] = [];
  #inHand: QueuedBlock | null = null;
  #isHeld = false;
  #isOver = false;
  #error: Error | null = null;
  #wake: (() => void) | null = null;
  /** The last call of `next`: calls that overlap are answered one after the other. */
  #tail: Promise<unknown> = Promise.resolve();

  /** @param left called when the consumer leaves its loop. */
  constructor(left: () => void) {
    this.#left = left;
  }

  get length(): number {
    return this.#items.length;
  }

  push(item: DeliveryItem): void {
    if (this.#isOver) return;
    this.#items.push(item);
    this.#advance();
  }

  /** Holds everything back that has not been handed out. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.#advance();
  }

  /** No more items: what is left is dropped. An error is thrown to the consumer, once. */
  end(error: Error | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    this.#items = [];
    this.#inHand = null;
    this.#wake?.();
  }

  next(): Promise<IteratorResult<RecordBlock, undefined>> {
    const result = this.#tail.then(() => this.#next());
    this.#tail = result.catch(() => undefined);
    return result;
  }

  /**
   * The consumer left its loop: by `break`, or because it threw; an iterator cannot tell which. So the
   * block in its hands is not finished, and a resumed subscription begins with it.
   */
  return(): Promise<IteratorResult<RecordBlock, undefined>> {
    this.#left();
    return Promise.resolve({ done: true, value: undefined });
  }

  async #next(): Promise<IteratorResult<RecordBlock, undefined>> {
    const finished = this.#inHand;
    this.#inHand = null;
    finished?.finish();
    for (;;) {
      this.#advance();
      if (this.#isOver) break;
      const head = this.#isHeld ? undefined : this.#items[0];
      if (head !== undefined && 'block' in head) {
        this.#items.shift();
        this.#inHand = head;
        const block = await head.block;
        if (block === null || this.#inHand !== head) break; // it ended meanwhile
        return { done: false, value: block };
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const error = this.#error;
    this.#error = null;
    if (error !== null) throw error;
    return { done: true, value: undefined };
  }

  /** Lets happen what stands before the next block, and tells a waiting consumer. */
  #advance(): void {
    if (this.#isHeld || this.#inHand !== null) return;
    for (let head = this.#items[0]; head !== undefined && 'happen' in head; head = this.#items[0]) {
      this.#items.shift();
      head.happen();
    }
    if (this.#items.length > 0) this.#wake?.();
  }
}
