import type { Writer } from '@millrace/bytes';
import { FETCH_WAIT_MS_MAX, PARKED_FETCHES_MAX } from '../../limits.ts';
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
  readonly targets: Iterable<FetchTarget>;
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

  constructor(rooms: FetchReplyRooms, wish: FetchWish) {
    super();
    this.#rooms = rooms;
    this.#wish = wish;
  }

  /** Answers now or parks. */
  start(): void {
    if (this.#wish.errorCode !== 0) {
      this.finish();
      return;
    }
    const pass = this.#read();
    if (this.#isEnough(pass)) this.#answer(pass);
    else if (pass.bytes === 0 && pass.cold.length > 0) this.#warm(pass.cold);
    else this.#park();
  }

  retry(): void {
    const pass = this.#read();
    if (!this.#isEnough(pass)) return;
    this.#parked?.cancel();
    this.#unparked();
    this.#answer(pass);
  }

  expired(): void {
    this.#unparked();
    const pass = this.#read();
    if (pass.bytes === 0 && pass.cold.length > 0) this.#warm(pass.cold);
    else this.#answer(pass);
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

  #park(): void {
    const partitions = new Set<Partition>();
    const { targets, bounds, maxWaitMs } = this.#wish;
    for (const target of targets) {
      const partition = bounds.usesTopicIds
        ? this.#rooms.partitions.getById(target.topicId, target.index)
        : this.#rooms.partitions.get(target.topic, target.index);
      if (partition !== undefined) partitions.add(partition);
    }
    if (
      maxWaitMs <= 0 ||
      partitions.size === 0 ||
      this.#rooms.delayedFetches.count >= PARKED_FETCHES_MAX
    ) {
      this.#answer(this.#read());
      return;
    }
    this.#parked ??= new DelayedFetch(this.#rooms.delayedFetches, this);
    this.#parked.park(partitions, Math.min(maxWaitMs, FETCH_WAIT_MS_MAX));
    this.isParked = true;
    this.channel?.parked(1);
  }

  #unparked(): void {
    if (!this.isParked) return;
    this.isParked = false;
    this.channel?.parked(-1);
  }

  /** Nothing but cold places: a native thread brings them into memory, then the read goes on. */
  #warm(cold: readonly ColdPlace[]): void {
    const warming = cold.map((place) =>
      place.partition.log.warm(place.offset, place.maxBytes).catch(() => {
        // The next locate says what is wrong with it.
      }),
    );
    void Promise.all(warming).then(() => {
      if (this.#isAbandoned) return;
      this.#rooms.tick.run(() => {
        const pass = this.#read();
        this.#answer(pass);
      });
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
