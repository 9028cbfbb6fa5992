import { digestOf, type RecordLike } from './digest.ts';
import type { PartitionOracle } from './partition-oracle.ts';
import type { Tally } from './tally.ts';

const MISSED_MAX = 1_000;
const SUSPECTS_MAX = 100_000;

/** Of a block, what is looked at. */
export interface HeardBlock extends Iterable<RecordLike & { readonly offset: number }> {
  readonly fromOffset: number;
  readonly nextOffset: number;
}

export interface EarOptions {
  /** Who hears, and of what: for complaints. */
  readonly name: string;
  /** Bit n: records of class n pass the filter. */
  readonly classes: number;
  /** Superseded records may be missing: the topic is compacted, or the client asked for conflation. */
  readonly isLenient: boolean;
}

/**
 * Holds what one client hears of one partition against the log: every record of it that passes the filter,
 * once, in order, as it was written, or a gap that says which offsets are gone.
 */
export class Ear {
  /** Next offset; -1 while no start is known. */
  next = -1;
  #oracle: PartitionOracle;
  readonly #o: EarOptions;
  readonly #tally: Tally;
  /** Below this offset records may come again. */
  #repeatsBelow = 0;
  /** Counted as lost; one of them that comes late was reordered. */
  readonly #missed = new Set<number>();
  /** Missing, and superseded perhaps by what the oracle has not read yet. */
  #suspects: number[] = [];
  #expected: { readonly from: number; readonly to: number } | null = null;

  constructor(oracle: PartitionOracle, options: EarOptions, tally: Tally) {
    this.#oracle = oracle;
    this.#o = options;
    this.#tally = tally;
  }

  get oracle(): PartitionOracle {
    return this.#oracle;
  }

  /** The client was started anew and goes on at `offset`, which is where it was told to. */
  restart(offset: number): void {
    this.#repeatsBelow = Math.max(this.#repeatsBelow, this.next);
    this.next = offset;
  }

  /** The partition counts anew: its topic was deleted and made again. */
  rebirth(oracle: PartitionOracle, offset: number): void {
    this.settle();
    this.#oracle = oracle;
    this.#missed.clear();
    this.#repeatsBelow = 0;
    this.next = offset;
    if (!oracle.logStarts.has(offset)) this.#complain(`the new topic begins at ${offset}`);
  }

  /** The next thing heard has to be this gap. */
  expectGap(from: number, to: number): void {
    this.#expected = { from, to };
    this.#tally.gapsExpected++;
  }

  /** The oracle has read to the end of the block. */
  block(block: HeardBlock): void {
    if (this.next < 0) this.next = block.fromOffset;
    if (block.fromOffset < this.next)
      this.#complain(`a block from ${block.fromOffset} at ${this.next}`);
    for (const record of block) {
      if (this.#tally.isDropped()) continue;
      this.#record(record);
    }
    this.#cover(block.nextOffset);
  }

  gap(from: number, to: number, reason: string): void {
    this.#tally.gaps++;
    const expected = this.#expected;
    this.#expected = null;
    this.#cover(from);
    const isExact =
      expected === null
        ? this.next <= from && to > from && this.#oracle.logStarts.has(to)
        : expected.from === from && expected.to === to;
    if (expected === null) this.#tally.gapsExpected++;
    if (reason !== 'retention' || !isExact) {
      this.#tally.gapsWrong++;
      const wanted = expected === null ? '' : `, expected [${expected.from}, ${expected.to})`;
      this.#complain(`gap [${from}, ${to}) for ${reason} at ${this.next}${wanted}`);
    }
    this.next = Math.max(this.next, to);
  }

  /** The client stands at `offset`, and the oracle beyond it: nothing more comes below. */
  finish(offset: number): void {
    this.#cover(offset);
    this.settle();
  }

  /** What is suspected is known now: the oracle has read whatever superseded it. */
  settle(): void {
    for (const offset of this.#suspects) {
      if (this.#oracle.at(offset)?.isSuperseded === true) this.#tally.superseded++;
      else this.#lose(offset);
    }
    this.#suspects = [];
    if (this.#expected === null) return;
    this.#complain(`no gap [${this.#expected.from}, ${this.#expected.to})`);
    this.#expected = null;
  }

  #record(record: RecordLike & { readonly offset: number }): void {
    const { offset } = record;
    const tally = this.#tally;
    tally.delivered++;
    if (offset < this.next) {
      if (this.#missed.delete(offset)) {
        tally.lost--;
        tally.reordered++;
        this.#complain(`offset ${offset} came at ${this.next}`);
      } else {
        tally.duplicates++;
        this.#complain(`offset ${offset} again at ${this.next}`);
      }
      return;
    }
    this.#cover(offset);
    if (offset < this.#repeatsBelow) tally.repeated++;
    const entry = this.#oracle.at(offset);
    if (entry === null && this.#o.isLenient) {
      tally.unverified++;
      this.next = offset + 1;
      return;
    }
    const isRight =
      entry !== null && entry.digest === digestOf(record) && this.#passes(entry.class);
    if (!isRight) {
      tally.wrong++;
      const why = entry === null ? 'not in the log' : 'not as in the log, or not asked for';
      this.#complain(`offset ${offset} is ${why}`);
    }
    this.next = offset + 1;
  }

  /** Nothing that passes the filter may lie between the position and `to`. */
  #cover(to: number): void {
    if (this.next < 0) this.next = to;
    for (let offset = this.next; offset < to; offset++) {
      const entry = this.#oracle.at(offset);
      if (entry === null || !this.#passes(entry.class)) continue;
      if (!this.#o.isLenient) this.#lose(offset);
      else if (entry.isSuperseded) this.#tally.superseded++;
      else if (this.#suspects.length < SUSPECTS_MAX) this.#suspects.push(offset);
      else this.#lose(offset);
    }
    this.next = Math.max(this.next, to);
  }

  #lose(offset: number): void {
    this.#tally.lost++;
    if (this.#missed.size < MISSED_MAX) this.#missed.add(offset);
    this.#complain(`offset ${offset} is lost`);
  }

  #passes(recordClass: number): boolean {
    return ((this.#o.classes >> recordClass) & 1) === 1;
  }

  #complain(text: string): void {
    this.#tally.complain(`${this.#o.name}: ${text}`, this.#o.name);
  }
}
