import { asError, type Clock, type Logger } from '@millrace/base';
import { ErrorCode } from '@millrace/gateway-protocol';
import { deliveryLimits } from '../limits.ts';
import type { PartitionRead, PartitionSource } from '../upstream.ts';
import { Block } from './block.ts';
import { BlockBuilder, type BuiltBlock } from './block-builder.ts';
import { ColdBlocks, type ColdCache, Segment } from './cold-cache.ts';
import type { CursorFeed, StreamCursor } from './cursor.ts';
import type { UnreadableBatches } from './unreadable-batches.ts';

export interface ColdReadsParts {
  readonly source: PartitionSource;
  readonly clock: Clock;
  readonly log: Logger;
  readonly cache: ColdCache;
  readonly concurrency: number;
  readonly recordBytesMax: number;
  readonly unreadable: UnreadableBatches;
  settle(cursor: StreamCursor): void;
  /** One read came back with so many bytes. */
  fetched(bytes: number): void;
}

/** Those of one feed who wait, and what is under way for them. */
interface Partition {
  readonly feed: CursorFeed;
  readonly blocks: ColdBlocks;
  readonly waiting: Set<StreamCursor>;
  readonly reads: Read[];
  /** Offsets that the last read covered: what one under way will cover, about. */
  span: number;
}

interface Read {
  readonly from: number;
  readonly to: number;
}

/** A first read is expected to cover so many offsets. */
const FIRST_SPAN = 1000;
const OFFSET_OUT_OF_RANGE = 1;

/**
 * Reads behind the rings (§12.3): each place is read once for all who want it, few reads at a time, partitions in turn.
 */
export class ColdReads {
  readonly #parts: ColdReadsParts;
  readonly #partitions = new Map<CursorFeed, Partition>();
  #reading = 0;

  constructor(parts: ColdReadsParts) {
    this.#parts = parts;
  }

  /** The cached block that holds an offset. */
  find(feed: CursorFeed, offset: number): Block | undefined {
    const segment = this.#partitions.get(feed)?.blocks.holding(offset);
    if (segment === undefined) return undefined;
    this.#parts.cache.used(segment);
    return segment.at(offset);
  }

  /** The cursor is settled again when the block at its place has come, or its place is in the ring. */
  wait(cursor: StreamCursor): void {
    cursor.isWaitingCold = true;
    this.#partition(cursor.feed).waiting.add(cursor);
    // Also for one that waits already: while it was held, nothing was read for it.
    this.#pump();
  }

  leave(cursor: StreamCursor): void {
    if (!cursor.isWaitingCold) return;
    cursor.isWaitingCold = false;
    this.#partitions.get(cursor.feed)?.waiting.delete(cursor);
  }

  /** The log was cut. */
  dropFrom(feed: CursorFeed, offset: number): void {
    const blocks = this.#partitions.get(feed)?.blocks;
    for (const segment of [...(blocks?.segments ?? [])]) {
      if (segment.next > offset) this.#parts.cache.remove(segment);
    }
  }

  forget(feed: CursorFeed): void {
    this.dropFrom(feed, 0);
    for (const cursor of this.#partitions.get(feed)?.waiting ?? []) cursor.isWaitingCold = false;
    this.#partitions.delete(feed);
  }

  #partition(feed: CursorFeed): Partition {
    let partition = this.#partitions.get(feed);
    if (partition === undefined) {
      partition = {
        feed,
        blocks: new ColdBlocks(),
        waiting: new Set(),
        reads: [],
        span: FIRST_SPAN,
      };
      this.#partitions.set(feed, partition);
    }
    return partition;
  }

  /** Starts as many reads as may be, one partition after the other. */
  #pump(): void {
    for (let isMoving = true; isMoving; ) {
      isMoving = false;
      for (const partition of this.#partitions.values()) {
        if (this.#reading >= this.#parts.concurrency) return;
        if (partition.reads.length >= deliveryLimits.coldReadsPerPartition) continue;
        const from = uncovered(partition);
        if (from < 0) continue;
        isMoving = true;
        void this.#read(partition, from);
      }
    }
  }

  async #read(partition: Partition, from: number): Promise<void> {
    const read = { from, to: from + partition.span };
    const { feed } = partition;
    partition.reads.push(read);
    this.#reading++;
    try {
      const answer = await this.#parts.source.readOnce(feed.place, feed.isolation, from);
      if (this.#isCurrent(partition)) await this.#take(partition, from, answer);
    } catch (error) {
      const { topic } = feed.place;
      const why = asError(error).message;
      this.#parts.log.warnLimited(`cold ${feed.name}`, 'old records cannot be read', {
        topic,
        why,
      });
      await this.#patience();
    }
    this.#reading--;
    partition.reads.splice(partition.reads.indexOf(read), 1);
    this.#wake(partition);
    this.#pump();
  }

  /** Adds what was read to the cache, or finds out why there is nothing. */
  async #take(partition: Partition, from: number, answer: PartitionRead): Promise<void> {
    const { feed } = partition;
    this.#parts.fetched(answer.batches.length);
    if (answer.errorCode === OFFSET_OUT_OF_RANGE) {
      await this.#outOfRange(partition, from);
      return;
    }
    if (answer.errorCode !== 0) {
      feed.trouble(answer.errorCode);
      await this.#patience();
      return;
    }
    const limit = Math.min(feed.ring.start, partition.blocks.nextFrom(from));
    if (from >= limit || partition.blocks.holding(from) !== undefined) return;
    const built: BuiltBlock[] = [];
    const builder = new BlockBuilder(from, {
      targetBytes: deliveryLimits.coldBlockBytes,
      recordBytesMax: this.#parts.recordBytesMax,
      onBlock: (block) => built.push(block),
      isSkipped: (at, to, error) => this.#parts.unreadable.isSkipped(feed.place, at, to, error),
    });
    try {
      builder.add(answer, limit);
    } catch {
      this.#fail(partition, builder.next);
    }
    builder.seal();
    if (built.length === 0) await this.#patience();
    else this.#keep(partition, built, answer.highWatermark);
  }

  #keep(partition: Partition, built: readonly BuiltBlock[], highWatermark: number): void {
    const from = (built[0] as BuiltBlock).from;
    const { next } = built[built.length - 1] as BuiltBlock;
    const segment = new Segment(from, next, partition.blocks, this.#parts.cache);
    const arrivedAtMs = this.#parts.clock.monotonicMs();
    for (const block of built) {
      const parts = { ...block, isCold: true, highWatermark, arrivedAtMs };
      segment.push(new Block(parts, segment, deliveryLimits.blockOverheadBytes));
    }
    partition.span = next - from;
    this.#parts.cache.add(segment);
  }

  /** The place is not in the log any more: deleted below it, or cut above. */
  async #outOfRange(partition: Partition, from: number): Promise<void> {
    const { feed } = partition;
    const { topic, partition: index } = feed.place;
    const bounds = await this.#parts.source.bounds(topic, index, feed.isolation);
    if (!this.#isCurrent(partition)) return;
    const { logStart } = bounds;
    if (from >= logStart) {
      // Above the log: the feed finds out what happened, and to whom.
      feed.trouble(OFFSET_OUT_OF_RANGE);
      await this.#patience();
      return;
    }
    for (const cursor of [...partition.waiting]) {
      if (cursor.at >= logStart || partition.blocks.holding(cursor.at) !== undefined) continue;
      this.leave(cursor);
      // Who is paused is told when it goes on.
      if (cursor.isHeld) continue;
      cursor.announce();
      cursor.stop({ kind: 'GAP', lostFrom: cursor.at, lostTo: logStart });
    }
  }

  /** Nobody can read what comes at an offset. */
  #fail(partition: Partition, offset: number): void {
    for (const cursor of [...partition.waiting]) {
      if (cursor.at !== offset) continue;
      this.leave(cursor);
      cursor.stop({ kind: 'FAILED', code: ErrorCode.INTERNAL });
    }
  }

  #wake(partition: Partition): void {
    const { feed, blocks, waiting } = partition;
    for (const cursor of [...waiting]) {
      if (cursor.at < feed.ring.start && blocks.holding(cursor.at) === undefined) continue;
      waiting.delete(cursor);
      cursor.isWaitingCold = false;
      this.#parts.settle(cursor);
    }
  }

  #isCurrent(partition: Partition): boolean {
    return this.#partitions.get(partition.feed) === partition;
  }

  #patience(): Promise<void> {
    return new Promise((resolve) => {
      this.#parts.clock.setTimer(deliveryLimits.retryMs, resolve);
    });
  }
}

/** The place of the first who waits and is not covered by a read under way; -1 for none. */
function uncovered({ waiting, reads }: Partition): number {
  for (const { at, isHeld } of waiting) {
    if (!isHeld && !reads.some(({ from, to }) => at >= from && at < to)) return at;
  }
  return -1;
}
