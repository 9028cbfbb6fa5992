import type { GroupLedger } from './group-ledger.ts';

/** A committed offset as the log holds it. */
export interface CommittedOffset {
  readonly offset: number;
  /** -1 when the client did not say. */
  readonly leaderEpoch: number;
  readonly metadata: string;
  /** Wall-clock ms. */
  readonly committedAtMs: number;
  /** Wall-clock ms asked for by old clients (OffsetCommit v2-4), or -1. */
  readonly expiresAtMs: number;
}

interface Entry {
  committed: CommittedOffset | null;
  /** Commits on their way to the log; such an offset never expires. */
  pendingCount: number;
}

/** An offset with its place. */
export interface OffsetRow {
  readonly topic: string;
  readonly partition: number;
  readonly committed: CommittedOffset;
}

/**
 * The offsets of one group. A commit is announced with `expect` when it is handed to the log, and becomes
 * visible with `settle` when it is durable; these come in log order.
 */
export class OffsetTable {
  readonly #ledger: GroupLedger;
  readonly #topics = new Map<string, Map<number, Entry>>();

  constructor(ledger: GroupLedger) {
    this.#ledger = ledger;
  }

  get(topic: string, partition: number): CommittedOffset | null {
    return this.#topics.get(topic)?.get(partition)?.committed ?? null;
  }

  get isEmpty(): boolean {
    return this.#topics.size === 0;
  }

  /** Whether a commit to this partition would add an entry. */
  isNew(topic: string, partition: number): boolean {
    return this.#topics.get(topic)?.has(partition) !== true;
  }

  expect(topic: string, partition: number): void {
    this.#entry(topic, partition).pendingCount++;
  }

  /** @param committed null when the log refused it. */
  settle(topic: string, partition: number, committed: CommittedOffset | null): void {
    const entry = this.#topics.get(topic)?.get(partition);
    if (entry === undefined) return; // the group was deleted meanwhile
    entry.pendingCount--;
    if (committed !== null) entry.committed = committed;
    else if (entry.committed === null && entry.pendingCount === 0) this.remove(topic, partition);
  }

  /** Puts in what the log holds. */
  restore(topic: string, partition: number, committed: CommittedOffset): void {
    this.#entry(topic, partition).committed = committed;
  }

  /** Takes an offset out once its tombstone is durable. */
  remove(topic: string, partition: number): boolean {
    const partitions = this.#topics.get(topic);
    const entry = partitions?.get(partition);
    if (partitions === undefined || entry === undefined) return false;
    if (entry.pendingCount > 0) {
      entry.committed = null;
      return true;
    }
    partitions.delete(partition);
    this.#ledger.offsetCount--;
    if (partitions.size === 0) this.#topics.delete(topic);
    return true;
  }

  clear(): void {
    for (const partitions of this.#topics.values()) this.#ledger.offsetCount -= partitions.size;
    this.#topics.clear();
  }

  hasTopic(topic: string): boolean {
    return this.#topics.has(topic);
  }

  topicNames(): IterableIterator<string> {
    return this.#topics.keys();
  }

  /** Partitions with an entry, also where the first commit is still on its way. */
  get count(): number {
    let count = 0;
    for (const partitions of this.#topics.values()) count += partitions.size;
    return count;
  }

  /** Every partition with an entry, of one topic or of all. */
  *all(onlyTopic?: string): Generator<{ readonly topic: string; readonly partition: number }> {
    for (const [topic, partitions] of this.#topics) {
      if (onlyTopic !== undefined && topic !== onlyTopic) continue;
      for (const partition of partitions.keys()) yield { topic, partition };
    }
  }

  /** Offsets that are committed. */
  *rows(): Generator<OffsetRow> {
    for (const [topic, partitions] of this.#topics) {
      for (const [partition, { committed }] of partitions) {
        if (committed !== null) yield { topic, partition, committed };
      }
    }
  }

  /** Those of `rows` that no commit on its way will replace. */
  *settledRows(): Generator<OffsetRow> {
    for (const [topic, partitions] of this.#topics) {
      for (const [partition, { committed, pendingCount }] of partitions) {
        if (committed !== null && pendingCount === 0) yield { topic, partition, committed };
      }
    }
  }

  #entry(topic: string, partition: number): Entry {
    let partitions = this.#topics.get(topic);
    if (partitions === undefined) {
      partitions = new Map();
      this.#topics.set(topic, partitions);
    }
    let entry = partitions.get(partition);
    if (entry === undefined) {
      entry = { committed: null, pendingCount: 0 };
      partitions.set(partition, entry);
      this.#ledger.offsetCount++;
    }
    return entry;
  }
}
