/** What the budget needs of a ring. */
export interface Shrinkable {
  readonly bytes: number;
  readonly length: number;
  readonly usedAt: number;
  evictFirst(): void;
}

/** A ring over the common bound gives back this share of what it holds at a time. */
const SHARE = 8;

/** What all rings of a process may hold together; the one unused for longest gives way (§12.2). */
export class RingBudget {
  readonly #bytesMax: number;
  readonly #rings = new Set<Shrinkable>();
  bytes = 0;
  /** Of these, what lists of matches take. */
  matchBytes = 0;
  /** Moves on with each use of a ring. */
  clock = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  add(bytes: number): void {
    this.bytes += bytes;
  }

  join(ring: Shrinkable): void {
    this.#rings.add(ring);
  }

  leave(ring: Shrinkable): void {
    this.#rings.delete(ring);
  }

  /** Makes room; called when a block has come. */
  settle(): void {
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
