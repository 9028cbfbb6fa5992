import type { Block, BlockHome } from './block.ts';

/** Blocks of one read behind a ring, contiguous. */
export class Segment implements BlockHome {
  readonly from: number;
  readonly next: number;
  readonly partition: ColdBlocks;
  readonly blocks: Block[] = [];
  readonly #cache: ColdCache;
  bytes = 0;

  constructor(from: number, next: number, partition: ColdBlocks, cache: ColdCache) {
    this.from = from;
    this.next = next;
    this.partition = partition;
    this.#cache = cache;
  }

  addBytes(delta: number): void {
    this.bytes += delta;
    this.#cache.bytes += delta;
  }

  addMatchBytes(delta: number): void {
    this.#cache.matchBytes += delta;
  }

  push(block: Block): void {
    this.blocks.push(block);
    this.addBytes(block.bytes);
  }

  at(offset: number): Block {
    let low = 0;
    let high = this.blocks.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.blocks[middle] as Block).next <= offset) low = middle + 1;
      else high = middle;
    }
    return this.blocks[low] as Block;
  }
}

/** What is cached of one partition: segments that do not overlap, in offset order. */
export class ColdBlocks {
  readonly segments: Segment[] = [];

  /** The segment that holds an offset. */
  holding(offset: number): Segment | undefined {
    const segment = this.segments[this.#after(offset) - 1];
    return segment !== undefined && offset < segment.next ? segment : undefined;
  }

  /** Where the first segment above an offset begins, Infinity when there is none. */
  nextFrom(offset: number): number {
    return this.segments[this.#after(offset)]?.from ?? Number.POSITIVE_INFINITY;
  }

  add(segment: Segment): void {
    this.segments.splice(this.#after(segment.from), 0, segment);
  }

  remove(segment: Segment): void {
    this.segments.splice(this.segments.indexOf(segment), 1);
  }

  /** Index of the first segment that begins above an offset. */
  #after(offset: number): number {
    let low = 0;
    let high = this.segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.segments[middle] as Segment).from <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Blocks read behind the rings, of all partitions: bounded, the one unused for longest goes first (§12.3). */
export class ColdCache {
  readonly #bytesMax: number;
  /** In order of use. */
  readonly #segments = new Set<Segment>();
  #lastUsed: Segment | null = null;
  bytes = 0;
  /** Of these, what lists of matches take. */
  matchBytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  add(segment: Segment): void {
    segment.partition.add(segment);
    this.#segments.add(segment);
    this.#lastUsed = segment;
    this.settle();
  }

  /** Makes room; called when a segment has come, and when frames were made. The latest in use stays in any case. */
  settle(): void {
    for (const oldest of this.#segments) {
      if (this.bytes <= this.#bytesMax || this.#segments.size === 1) return;
      this.remove(oldest);
    }
  }

  used(segment: Segment): void {
    // Thousands of readers walk through the same one.
    if (segment === this.#lastUsed) return;
    this.#lastUsed = segment;
    this.#segments.delete(segment);
    this.#segments.add(segment);
  }

  remove(segment: Segment): void {
    if (!this.#segments.delete(segment)) return;
    if (this.#lastUsed === segment) this.#lastUsed = null;
    segment.partition.remove(segment);
    for (const block of segment.blocks) block.leave();
    this.bytes -= segment.bytes;
  }
}
