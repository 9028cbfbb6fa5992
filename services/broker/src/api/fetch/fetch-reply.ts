import type { Writer } from '@millrace/bytes';
import { FETCH_WAIT_MS_MAX, PARKED_FETCHES_MAX, PARKED_TARGETS_MAX } from '../../limits.ts';
import {
  DelayedFetch,
  type DelayedFetches,
  type WaitingFetch,
} from '../../replica/delayed/delayed-fetch.ts';
import type { Partition } from '../../replica/partition.ts';
import type { PartitionTable } from '../../replica/partition-table.ts';
import type { Tick } from '../../replica/tick.ts';
import { PendingReply } from '../pending-reply.ts';
import { encodeFetchResponse } from './fetch-encode.ts';
import {
  type ColdPlace,
  type FetchBounds,
  type FetchPass,
  type FetchResult,
  readTargets,
} from './fetch-read.ts';
import type { FetchSession } from './fetch-session.ts';
import type { FetchTarget } from './fetch-target.ts';

/** Times that cold places are read for one request before it is answered without them. */
const WARMINGS_MAX = 3;

/** Counts what consumers take. */
export interface FetchCounter {
  fetched(topic: string, topicId: string, bytes: number): void;
}

export interface FetchReplyRooms {
  readonly partitions: PartitionTable;
  readonly delayedFetches: DelayedFetches;
  readonly tick: Tick;
  readonly counter: FetchCounter;
}

/** What one Fetch request asks, after its session was looked up. */
export interface FetchWish {
  readonly targets: readonly FetchTarget[] | ReadonlySet<FetchTarget>;
  readonly bounds: FetchBounds;
  readonly minBytes: number;
  readonly maxWaitMs: number;
  /** null: without one. */
  readonly session: FetchSession | null;
  /** Top-level error; nothing is read then. */
  readonly errorCode: number;
}

/** The answer of one Fetch: read at once, or parked until there is enough. */
export class FetchReply extends PendingReply implements WaitingFetch {
  readonly #rooms: FetchReplyRooms;
  readonly #wish: FetchWish;
  #parked: DelayedFetch | null = null;
  #results: readonly FetchResult[] = [];
  #isAbandoned = false;
  /** Monotonic ms at which the client's `max_wait_ms` is over. */
  #deadlineMs = 0;
  #warmCount = 0;

  constructor(rooms: FetchReplyRooms, wish: FetchWish) {
    super();
    this.#rooms = rooms;
    this.#wish = wish;
  }

  /** Answers now, or parks, or fetches what is cold first. */
  start(): void {
    const waitMs = Math.min(this.#wish.maxWaitMs, FETCH_WAIT_MS_MAX);
    this.#deadlineMs = this.#rooms.tick.monotonicMs() + waitMs;
    if (this.#wish.errorCode !== 0) this.finish();
    else this.#evaluate();
  }

  retry(): void {
    const pass = this.#read();
    if (!this.#isEnough(pass) && !this.#isStuckOnCold(pass)) return;
    this.#parked?.cancel();
    this.#unpark();
    this.#settle(pass);
  }

  expired(): void {
    this.#unpark();
    this.#evaluate();
  }

  encodeBody(writer: Writer): void {
    const { session, errorCode } = this.#wish;
    const sessionId = session?.id ?? 0;
    encodeFetchResponse(writer, this.apiVersion, errorCode, sessionId, this.#results);
  }

  release(): void {
    this.#results = [];
  }

  abandon(): void {
    this.#isAbandoned = true;
    this.#parked?.cancel();
    this.#results = [];
  }

  #read(): FetchPass {
    return readTargets(this.#wish.targets, this.#rooms.partitions, this.#wish.bounds);
  }

  #isEnough(pass: FetchPass): boolean {
    if (pass.isUrgent) return true;
    return pass.bytes >= this.#wish.minBytes && (pass.bytes > 0 || pass.cold.length === 0);
  }

  /** Nothing can be answered before cold places were read; a place that stays cold is given up. */
  #isStuckOnCold(pass: FetchPass): boolean {
    return pass.bytes === 0 && pass.cold.length > 0 && this.#warmCount < WARMINGS_MAX;
  }

  #evaluate(): void {
    this.#settle(this.#read());
  }

  #settle(pass: FetchPass): void {
    if (this.#isEnough(pass)) this.#answer(pass);
    else if (this.#isStuckOnCold(pass)) this.#warm(pass.cold);
    else if (!this.#park()) this.#answer(pass);
  }

  /** False: nothing to wait for, or no time left. */
  #park(): boolean {
    const waitMs = this.#deadlineMs - this.#rooms.tick.monotonicMs();
    const { delayedFetches } = this.#rooms;
    if (waitMs <= 0 || delayedFetches.count >= PARKED_FETCHES_MAX) return false;
    const partitions = this.#partitions();
    if (partitions.size === 0) return false;
    const { targets } = this.#wish;
    const targetCount = 'size' in targets ? targets.size : targets.length;
    if (delayedFetches.targetCount + targetCount > PARKED_TARGETS_MAX) return false;
    this.#parked ??= new DelayedFetch(delayedFetches, this);
    this.#parked.park(partitions, waitMs, targetCount);
    this.isParked = true;
    this.channel?.parked(1);
    return true;
  }

  #partitions(): Set<Partition> {
    const found = new Set<Partition>();
    const { targets, bounds } = this.#wish;
    const { partitions } = this.#rooms;
    for (const target of targets) {
      const partition = bounds.usesTopicIds
        ? partitions.getById(target.topicId, target.index)
        : partitions.get(target.topic, target.index);
      if (partition !== undefined) found.add(partition);
    }
    return found;
  }

  #unpark(): void {
    if (!this.isParked) return;
    this.isParked = false;
    this.channel?.parked(-1);
  }

  /** A native thread brings cold places into memory, then the read goes on. */
  #warm(cold: readonly ColdPlace[]): void {
    this.#warmCount++;
    // What is wrong with a place that cannot be read, the next locate says.
    const warming = cold.map(({ partition, offset, maxBytes }) =>
      partition.log.warm(offset, maxBytes).catch(() => {}),
    );
    void Promise.all(warming).then(() => {
      if (!this.#isAbandoned) this.#rooms.tick.run(() => this.#evaluate());
    });
  }

  #answer(pass: FetchPass): void {
    this.#results = pass.results;
    const { session } = this.#wish;
    for (const result of pass.results) {
      const target = result.target;
      target.sentHighWatermark = result.highWatermark;
      target.sentLogStartOffset = result.logStartOffset;
      if (result.lengthBytes === 0) continue;
      this.#rooms.counter.fetched(target.topic, target.topicId, result.lengthBytes);
      session?.moveToEnd(target);
    }
    // Cold places left behind are warmed for the next request, so that nobody starves.
    for (const place of pass.cold) {
      place.partition.log.warm(place.offset, place.maxBytes).catch(() => {});
    }
    this.finish();
  }
}
