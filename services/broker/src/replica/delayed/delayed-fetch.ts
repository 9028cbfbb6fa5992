import type { Partition, PartitionWatcher } from '../partition.ts';
import type { Tick } from '../tick.ts';
import { Delayed, type Purgatory } from './purgatory.ts';

/** A read that waits for more records (T55). */
export interface WaitingFetch {
  /** Something may have changed: look again. Called once per tick at most, after the write. */
  retry(): void;
  /** The time is up. */
  expired(): void;
}

/** Parks reads on the partitions they wait for. Partitions that nobody waits for pay nothing. */
export class DelayedFetches {
  readonly #purgatory: Purgatory;
  readonly #tick: Tick;
  #woken: DelayedFetch[] = [];
  #waking: DelayedFetch[] = [];
  /** Partitions that parked reads name, in all. */
  targetCount = 0;

  constructor(purgatory: Purgatory, tick: Tick) {
    this.#purgatory = purgatory;
    this.#tick = tick;
    tick.afterCommit(() => this.#retryWoken());
  }

  /** How many reads are parked or wait for an acknowledgement. */
  get count(): number {
    return this.#purgatory.count;
  }

  park(fetch: DelayedFetch, waitMs: number): void {
    this.#purgatory.add(fetch.delayed, this.#tick.monotonicMs(), waitMs);
  }

  unpark(fetch: DelayedFetch): void {
    this.#purgatory.remove(fetch.delayed);
  }

  wake(fetch: DelayedFetch): void {
    this.#woken.push(fetch);
    this.#tick.schedule();
  }

  #retryWoken(): void {
    while (this.#woken.length > 0) {
      const woken = this.#woken;
      this.#woken = this.#waking;
      this.#waking = woken;
      for (const fetch of woken) fetch.retry();
      woken.length = 0;
    }
  }
}

/** One parked read: its watches and its deadline. */
export class DelayedFetch implements PartitionWatcher {
  readonly #fetches: DelayedFetches;
  readonly #waiting: WaitingFetch;
  readonly #watched: Partition[] = [];
  readonly delayed: Delayed;
  #isWoken = false;
  #targetCount = 0;

  constructor(fetches: DelayedFetches, waiting: WaitingFetch) {
    this.#fetches = fetches;
    this.#waiting = waiting;
    this.delayed = new Delayed(() => {
      this.cancel();
      waiting.expired();
    });
  }

  get isParked(): boolean {
    return this.delayed.isWaiting;
  }

  /**
   * Waits for a change of any of the partitions, `waitMs` at most; `targetCount` says what the request
   * holds in memory meanwhile.
   */
  park(partitions: Iterable<Partition>, waitMs: number, targetCount: number): void {
    this.#targetCount = targetCount;
    this.#fetches.targetCount += targetCount;
    for (const partition of partitions) {
      partition.watch(this);
      this.#watched.push(partition);
    }
    this.#fetches.park(this, waitMs);
  }

  partitionChanged(): void {
    if (this.#isWoken) return;
    this.#isWoken = true;
    this.#fetches.wake(this);
  }

  /** Waits no longer. */
  cancel(): void {
    this.#fetches.unpark(this);
    this.#fetches.targetCount -= this.#targetCount;
    this.#targetCount = 0;
    for (const partition of this.#watched) partition.unwatch(this);
    this.#watched.length = 0;
  }

  /** Called by `DelayedFetches` after the write of the tick. */
  retry(): void {
    this.#isWoken = false;
    if (this.isParked) this.#waiting.retry();
  }
}
