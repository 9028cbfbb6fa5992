/** Something that waits for an instant. */
export interface Waiting {
  /** Monotonic ms at which it is due; a later value than the one it was added with calls that one off. */
  dueAtMs: number;
}

interface Due<T> {
  readonly atMs: number;
  readonly what: T;
}

/** Waiting things, the earliest first: a binary heap in an array. */
export class DeadlineHeap<T extends Waiting> {
  readonly #heap: Due<T>[] = [];

  /** Instant of the earliest, Infinity when nothing waits. */
  get nextAtMs(): number {
    return this.#heap[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  add(what: T, atMs: number): void {
    what.dueAtMs = atMs;
    const heap = this.#heap;
    let at = heap.length;
    const due = { atMs, what };
    heap.push(due);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((heap[parent] as Due<T>).atMs <= atMs) break;
      heap[at] = heap[parent] as Due<T>;
      at = parent;
    }
    heap[at] = due;
  }

  /** Takes the earliest thing that is due, or undefined. What was called off meanwhile is passed over. */
  take(nowMs: number): T | undefined {
    while (this.nextAtMs <= nowMs) {
      const { atMs, what } = this.#heap[0] as Due<T>;
      this.#removeFirst();
      if (what.dueAtMs !== atMs) continue;
      what.dueAtMs = -1;
      return what;
    }
    return undefined;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop() as Due<T>;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && right.atMs < (heap[child] as Due<T>).atMs) child++;
      if ((heap[child] as Due<T>).atMs >= last.atMs) break;
      heap[at] = heap[child] as Due<T>;
      at = child;
    }
    heap[at] = last;
  }
}
