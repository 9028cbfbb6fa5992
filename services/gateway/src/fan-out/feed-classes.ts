import type { HeaderField } from '@millrace/gateway-protocol';
import { deliveryLimits } from '../limits.ts';
import type { Block, Entry } from './block.ts';
import { newEntry } from './entry.ts';
import { KeyIndex } from './key-index.ts';
import { noteMatch } from './match.ts';
import { readerOf } from './packed-slice.ts';
import type { StreamClass } from './stream-class.ts';

const NO_HEADERS: readonly HeaderField[] = [];

/** A partition has as many filters without a key as it may: Error 106. */
export class FilterLimitError extends Error {
  override readonly name = 'FilterLimitError';
}

/** The classes of one feed, kept so that a record costs the same however many filters by key there are (§11). */
export class FeedClasses {
  readonly #byName = new Map<string, StreamClass>();
  readonly #unfiltered: StreamClass[] = [];
  readonly #unindexed: StreamClass[] = [];
  readonly #keys = new KeyIndex();
  #keyedCount = 0;
  /** Filters that look at headers: without any, nobody reads them. */
  #headerFilterCount = 0;
  readonly #touched: StreamClass[] = [];

  get(name: string): StreamClass | undefined {
    return this.#byName.get(name);
  }

  values(): Iterable<StreamClass> {
    return this.#byName.values();
  }

  get filterCount(): number {
    return this.#byName.size - this.#unfiltered.length;
  }

  /** @throws FilterLimitError */
  add(cls: StreamClass): void {
    const { filter } = cls;
    if (filter === null) this.#unfiltered.push(cls);
    else if (filter.keys !== null) {
      for (const key of filter.keys) this.#keys.add(key, cls);
      this.#keyedCount++;
    } else {
      if (this.#unindexed.length >= deliveryLimits.unindexedFiltersMax) {
        throw new FilterLimitError('this partition has no room for another filter without a key');
      }
      this.#unindexed.push(cls);
    }
    if (filter?.needsHeaders === true) this.#headerFilterCount++;
    this.#byName.set(cls.name, cls);
  }

  remove(cls: StreamClass): void {
    if (!this.#byName.delete(cls.name)) return;
    const { filter } = cls;
    if (filter?.needsHeaders === true) this.#headerFilterCount--;
    if (filter === null) this.#unfiltered.splice(this.#unfiltered.indexOf(cls), 1);
    else if (filter.keys !== null) {
      for (const key of filter.keys) this.#keys.remove(key, cls);
      this.#keyedCount--;
    } else this.#unindexed.splice(this.#unindexed.indexOf(cls), 1);
  }

  /** Finds out who sees what of a new block and tells `found` about each class that sees some of it. */
  match(block: Block, found: (cls: StreamClass, entry: Entry) => void): void {
    if (block.count === 0 && !block.isUnreadable) return;
    block.matched = [];
    if (block.isUnreadable) {
      for (const cls of this.#byName.values()) this.#found(cls, newEntry(block, null), found);
      return;
    }
    for (const cls of this.#unfiltered) this.#found(cls, newEntry(block, null), found);
    if (this.#keyedCount + this.#unindexed.length === 0) return;
    this.#ask(block);
    for (const cls of this.#touched) {
      const entry = newEntry(block, Uint32Array.from(cls.matching));
      cls.matching.length = 0;
      this.#found(cls, entry, found);
    }
    this.#touched.length = 0;
  }

  #found(cls: StreamClass, entry: Entry, found: (cls: StreamClass, entry: Entry) => void): void {
    noteMatch(cls, entry);
    cls.entries.push(entry);
    found(cls, entry);
  }

  #ask(block: Block): void {
    const reader = readerOf(block);
    for (let i = 0; i < block.count; i++) {
      reader.readAt(block.positions[i] as number);
      const { key } = reader;
      const isPlain = reader.headerCount === 0 || this.#headerFilterCount === 0;
      const headers = isPlain ? NO_HEADERS : reader.headers;
      if (key !== null && this.#keyedCount > 0) {
        for (const cls of this.#keys.get(key)) this.#askOne(cls, i, key, headers);
      }
      for (const cls of this.#unindexed) this.#askOne(cls, i, key, headers);
    }
  }

  #askOne(
    cls: StreamClass,
    index: number,
    key: Uint8Array | null,
    headers: readonly HeaderField[],
  ): void {
    if (cls.filter?.passes(key, headers) !== true) return;
    if (cls.matching.length === 0) this.#touched.push(cls);
    cls.matching.push(index);
  }
}
