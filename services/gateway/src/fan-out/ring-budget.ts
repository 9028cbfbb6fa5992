/** What the budget needs of a ring. */
export interface Shrinkable {
  readonly bytes: number;
  readonly length: number;
  readonly usedAt: number;
  evictFirst(): void;
}

/** A ring over the common bound gives back this share of what it holds at a time. */
const SHARE = 8;

/**
 * What each ring and all rings of a process may hold; the one unused for longest gives way (§12.2). Frames that are made
 * of blocks count, whenever they are made.
 */
export class RingBudget {
  readonly #bytesMax: number;
  readonly #ringBytesMax: number;
  readonly #rings = new Set<Shrinkable>();
  /** Rings that have grown beyond their own bound. */
  readonly #over = new Set<Shrinkable>();
  bytes = 0;
  /** Of these, what lists of matches take. */
  matchBytes = 0;
  /** Moves on with each use of a ring. */
  clock = 0;

  /** @param bytesMax of all rings; @param ringBytesMax of each */
  constructor(bytesMax: number, ringBytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#ringBytesMax = ringBytesMax;
  }

  /** A ring has become larger or smaller. */
  add(ring: Shrinkable, bytes: number): void {
    this.bytes += bytes;
    if (ring.bytes > this.#ringBytesMax) this.#over.add(ring);
  }

  join(ring: Shrinkable): void {
    this.#rings.add(ring);
  }

  leave(ring: Shrinkable): void {
    this.#rings.delete(ring);
    this.#over.delete(ring);
  }

  /** Makes room; called when a block has come, and when frames were made. */
  settle(): void {
    for (const ring of this.#over) {
      while (ring.bytes > this.#ringBytesMax && ring.length > 1) ring.evictFirst();
    }
    this.#over.clear();
    while (this.bytes > this.#bytesMax) {
      const ring = this.#leastUsed();
      if (ring === undefined) return;
      const goal = ring.bytes - ring.bytes / SHARE;
      do ring.evictFirst();
      while (ring.bytes > goal && ring.length > 0);
    }
  }

  #leastUsed(): Shrinkable | undefined {
    let least: Shrinkable | undefined;
    for (const ring of this.#rings) {
      if (ring.length > 0 && (least === undefined || ring.usedAt < least.usedAt)) least = ring;
    }
    return least;
  }
}
