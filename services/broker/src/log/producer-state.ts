import { PRODUCERS_PER_PARTITION_MAX } from '../limits.ts';
import { AppendError } from './append-error.ts';
import type { BatchCandidate, BatchFacts } from './batch-facts.ts';

/** Batches remembered per producer; a client may have this many in flight (Kafka's number). */
const BATCHES_KEPT = 5;
const SEQUENCE_MAX = 0x7fffffff;

/** One batch that a producer wrote, so that a repetition is recognised. */
export interface BatchMark {
  firstSequence: number;
  lastSequence: number;
  baseOffset: number;
  lastOffset: number;
  timestamp: number;
}

/** What is known of one producer on one partition. */
export interface ProducerEntry {
  readonly producerId: number;
  epoch: number;
  /** The last five or fewer batches of this epoch, oldest first. */
  readonly batches: BatchMark[];
  lastTimestamp: number;
  coordinatorEpoch: number;
  /** First offset of the open transaction, -1 when none. */
  transactionFirstOffset: number;
  /** The sequence that must come next although no batch is remembered: the first was refused. -1: any. */
  refusedSequence: number;
}

/** The sequence `delta` after `first`; sequences wrap from 2^31-1 to 0. */
export function sequenceAfter(first: number, delta: number): number {
  return first > SEQUENCE_MAX - delta ? delta - (SEQUENCE_MAX - first) - 1 : first + delta;
}

/**
 * Idempotence of one partition (T44): the next sequence must follow the last, the last five batches are
 * recognised when they come again, an older epoch is refused.
 */
export class ProducerStateTable {
  readonly #producers = new Map<number, ProducerEntry>();

  get count(): number {
    return this.#producers.size;
  }

  entries(): Iterable<ProducerEntry> {
    return this.#producers.values();
  }

  get(producerId: number): ProducerEntry | undefined {
    return this.#producers.get(producerId);
  }

  /** Checks a batch; marks `append` as a duplicate with the first offsets when it has been here before. */
  check(append: BatchCandidate): AppendError {
    const entry = this.#producers.get(append.producerId);
    if (entry === undefined) return AppendError.none;
    if (append.producerEpoch < entry.epoch) return AppendError.invalidProducerEpoch;
    const first = append.baseSequence;
    if (append.producerEpoch > entry.epoch) {
      return first === 0 ? AppendError.none : AppendError.outOfOrderSequence;
    }
    const batches = entry.batches;
    const newest = batches[batches.length - 1];
    if (newest === undefined) {
      const isExpected = entry.refusedSequence < 0 || first === entry.refusedSequence;
      return isExpected ? AppendError.none : AppendError.outOfOrderSequence;
    }
    if (first === sequenceAfter(newest.lastSequence, 1)) return AppendError.none;
    const last = sequenceAfter(first, append.lastOffsetDelta);
    for (const batch of batches) {
      if (batch.firstSequence !== first || batch.lastSequence !== last) continue;
      append.isDuplicate = true;
      append.baseOffset = batch.baseOffset;
      append.lastOffset = batch.lastOffset;
      return AppendError.none;
    }
    return AppendError.outOfOrderSequence;
  }

  /** Notes a batch that has its offsets. */
  record(append: BatchFacts): void {
    this.note(
      append.producerId,
      append.producerEpoch,
      append.baseSequence,
      sequenceAfter(append.baseSequence, append.lastOffsetDelta),
      append.baseOffset,
      append.lastOffset,
      append.maxTimestamp,
    );
  }

  /** Notes a data batch, freshly appended or found in the log. */
  note(
    producerId: number,
    epoch: number,
    firstSequence: number,
    lastSequence: number,
    baseOffset: number,
    lastOffset: number,
    timestamp: number,
  ): void {
    const entry = this.#entryOf(producerId, epoch);
    entry.lastTimestamp = timestamp;
    const batches = entry.batches;
    // The oldest mark is used again, so a steady producer allocates nothing.
    const mark: BatchMark =
      batches.length >= BATCHES_KEPT
        ? (batches.shift() as BatchMark)
        : { firstSequence: 0, lastSequence: 0, baseOffset: 0, lastOffset: 0, timestamp: 0 };
    mark.firstSequence = firstSequence;
    mark.lastSequence = lastSequence;
    mark.baseOffset = baseOffset;
    mark.lastOffset = lastOffset;
    mark.timestamp = timestamp;
    batches.push(mark);
  }

  /** Notes a transaction marker found in the log: it fences older epochs and closes the transaction. */
  noteMarker(producerId: number, epoch: number, coordinatorEpoch: number, timestamp: number): void {
    const entry = this.#entryOf(producerId, epoch);
    entry.coordinatorEpoch = coordinatorEpoch;
    entry.transactionFirstOffset = -1;
    entry.lastTimestamp = timestamp;
  }

  /** Puts back an entry read from a snapshot; its batches follow those already there of the same epoch. */
  restore(entry: ProducerEntry): void {
    const known = this.#producers.get(entry.producerId);
    if (known !== undefined && known.epoch === entry.epoch) {
      entry.batches.unshift(...known.batches.slice(-(BATCHES_KEPT - 1)));
    }
    this.#producers.set(entry.producerId, entry);
  }

  /**
   * Takes back a batch that had its offsets and could not be written, with those noted after it. The batch
   * must come again before any later one: a pipelining producer has sent those already.
   */
  takeBack(append: BatchFacts): void {
    const entry = this.#producers.get(append.producerId);
    if (entry === undefined || entry.epoch !== append.producerEpoch) return;
    const kept = entry.batches.findIndex((batch) => batch.baseOffset >= append.baseOffset);
    if (kept < 0) return;
    entry.batches.length = kept;
    if (kept === 0) entry.refusedSequence = append.baseSequence;
  }

  /**
   * Notes a batch that was refused although nothing is wrong with it, and that will come again: where nothing
   * of its producer is known, a later one would be taken for the first.
   */
  turnedAway(append: BatchFacts): void {
    const known = this.#producers.get(append.producerId);
    const isFirst = known?.epoch === append.producerEpoch && known.batches.length === 0;
    if (known !== undefined && !(isFirst && known.refusedSequence < 0)) return;
    const entry = this.#entryOf(append.producerId, append.producerEpoch);
    entry.refusedSequence = append.baseSequence;
    entry.lastTimestamp = append.maxTimestamp;
  }

  /** Forgets producers silent for `expirationMs` (`producer.id.expiration.ms`) without an open transaction. */
  expire(nowMs: number, expirationMs: number): void {
    for (const entry of this.#producers.values()) {
      if (entry.transactionFirstOffset >= 0) continue;
      if (nowMs - entry.lastTimestamp >= expirationMs) this.#producers.delete(entry.producerId);
    }
  }

  clear(): void {
    this.#producers.clear();
  }

  #entryOf(producerId: number, epoch: number): ProducerEntry {
    const known = this.#producers.get(producerId);
    if (known !== undefined) {
      if (known.epoch !== epoch) {
        known.epoch = epoch;
        known.batches.length = 0;
        known.refusedSequence = -1;
      }
      return known;
    }
    if (this.#producers.size >= PRODUCERS_PER_PARTITION_MAX) this.#evictOldest();
    const entry: ProducerEntry = {
      producerId,
      epoch,
      batches: [],
      lastTimestamp: -1,
      coordinatorEpoch: -1,
      transactionFirstOffset: -1,
      refusedSequence: -1,
    };
    this.#producers.set(producerId, entry);
    return entry;
  }

  /** Makes room: the tenth that was silent longest goes, so that the sort is rare. */
  #evictOldest(): void {
    const byAge = [...this.#producers.values()].sort((a, b) => a.lastTimestamp - b.lastTimestamp);
    for (const entry of byAge.slice(0, Math.ceil(byAge.length / 10))) {
      this.#producers.delete(entry.producerId);
    }
  }
}
