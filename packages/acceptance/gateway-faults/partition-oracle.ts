import { CLASSES } from './digest.ts';

const CHUNK_OFFSETS = 65_536;
const PRESENT = 1;
const SUPERSEDED = 2;
const CLASS_SHIFT = 2;
const DIGEST_SHIFT = 5;

/** A record as the log has it. */
export interface Entry {
  readonly digest: number;
  readonly class: number;
  /** A later record of the log has the same key: compaction may take this one away. */
  readonly isSuperseded: boolean;
}

/**
 * What the Kafka client read of one partition: four bytes an offset, and what nobody can ask for any more is
 * forgotten.
 *
 *     bit 0 there is a record │ 1 superseded │ 2–4 class │ 5–31 digest
 */
export class PartitionOracle {
  /** Everything below was read. */
  end = 0;
  /** Every start the log ever had: a gap ends at one of them. */
  readonly logStarts = new Set<number>([0]);
  logStart = 0;
  readonly #chunks = new Map<number, Uint32Array>();
  /** Key → offset of its latest record, on compacted topics. */
  readonly #latest: Map<string, number> | null;
  #waiting: { readonly offset: number; readonly wake: () => void }[] = [];

  constructor(isCompacted = false) {
    this.#latest = isCompacted ? new Map() : null;
  }

  append(offset: number, digest: number, recordClass: number, key: string | null): void {
    const word = (digest << DIGEST_SHIFT) | (recordClass << CLASS_SHIFT) | PRESENT;
    this.#put(offset, word >>> 0);
    if (this.#latest !== null && key !== null) {
      const before = this.#latest.get(key);
      if (before !== undefined) this.#put(before, this.#word(before) | SUPERSEDED);
      this.#latest.set(key, offset);
    }
  }

  /** Everything below `offset` was read, whether there are records or not. */
  advance(offset: number): void {
    if (offset <= this.end) return;
    this.end = offset;
    const ready = this.#waiting.filter((each) => each.offset <= offset);
    if (ready.length === 0) return;
    this.#waiting = this.#waiting.filter((each) => each.offset > offset);
    for (const { wake } of ready) wake();
  }

  /** Resolves when everything below `offset` was read. */
  reached(offset: number): Promise<void> | undefined {
    if (offset <= this.end) return undefined;
    return new Promise((wake) => this.#waiting.push({ offset, wake }));
  }

  at(offset: number): Entry | null {
    const word = this.#word(offset);
    if ((word & PRESENT) === 0) return null;
    return {
      digest: word >>> DIGEST_SHIFT,
      class: (word >>> CLASS_SHIFT) % CLASSES,
      isSuperseded: (word & SUPERSEDED) !== 0,
    };
  }

  /** The log begins at `offset` now, or in a moment. */
  begin(offset: number): void {
    this.logStart = offset;
    this.logStarts.add(offset);
  }

  /** Nobody will ask for offsets below this one. */
  forgetBelow(offset: number): void {
    for (const index of this.#chunks.keys())
      if ((index + 1) * CHUNK_OFFSETS <= offset) this.#chunks.delete(index);
  }

  #word(offset: number): number {
    return this.#chunks.get(Math.floor(offset / CHUNK_OFFSETS))?.[offset % CHUNK_OFFSETS] ?? 0;
  }

  #put(offset: number, word: number): void {
    const index = Math.floor(offset / CHUNK_OFFSETS);
    let chunk = this.#chunks.get(index);
    if (chunk === undefined) {
      chunk = new Uint32Array(CHUNK_OFFSETS);
      this.#chunks.set(index, chunk);
    }
    chunk[offset % CHUNK_OFFSETS] = word;
  }
}
