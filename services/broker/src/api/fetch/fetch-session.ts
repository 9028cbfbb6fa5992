import type { Clock, Prng } from '@millrace/base';
import { FETCH_SESSION_PARTITIONS_MAX, FETCH_SESSIONS_PARTITIONS_TOTAL_MAX } from '../../limits.ts';
import type { FetchTarget } from './fetch-target.ts';

/** A session unused for this long may give way to a new one (Kafka's number). */
const EVICTABLE_AFTER_MS = 120_000;
const EPOCH_MAX = 0x7fffffff;

/** Partitions that all sessions hold together. */
interface SessionLoad {
  partitionCount: number;
}

/** Partitions a client fetches again and again, so that each request names only what changed (KIP-227). */
export class FetchSession {
  readonly id: number;
  readonly usesTopicIds: boolean;
  /** What the next request must carry. */
  epoch = 1;
  lastUsedAtMs: number;
  /** In the order of service; whoever got data moves to the end. */
  readonly targets = new Set<FetchTarget>();
  readonly #load: SessionLoad;
  readonly #byTopic = new Map<string, Map<number, FetchTarget>>();

  constructor(id: number, usesTopicIds: boolean, nowMs: number, load: SessionLoad) {
    this.#load = load;
    this.id = id;
    this.usesTopicIds = usesTopicIds;
    this.lastUsedAtMs = nowMs;
  }

  get(topicKey: string, index: number): FetchTarget | undefined {
    return this.#byTopic.get(topicKey)?.get(index);
  }

  /** Adds a partition, or takes over what the client says of a known one. False: there is no room for it. */
  put(target: FetchTarget): boolean {
    const key = this.usesTopicIds ? target.topicId : target.topic;
    const known = this.get(key, target.index);
    if (known !== undefined) {
      known.fetchOffset = target.fetchOffset;
      known.maxBytes = target.maxBytes;
      known.currentLeaderEpoch = target.currentLeaderEpoch;
      known.lastFetchedEpoch = target.lastFetchedEpoch;
      return true;
    }
    if (this.targets.size >= FETCH_SESSION_PARTITIONS_MAX) return false;
    if (this.#load.partitionCount >= FETCH_SESSIONS_PARTITIONS_TOTAL_MAX) return false;
    let partitions = this.#byTopic.get(key);
    if (partitions === undefined) {
      partitions = new Map();
      this.#byTopic.set(key, partitions);
    }
    partitions.set(target.index, target);
    this.targets.add(target);
    this.#load.partitionCount++;
    return true;
  }

  remove(topicKey: string, index: number): void {
    const partitions = this.#byTopic.get(topicKey);
    const target = partitions?.get(index);
    if (partitions === undefined || target === undefined) return;
    partitions.delete(index);
    if (partitions.size === 0) this.#byTopic.delete(topicKey);
    this.targets.delete(target);
    this.#load.partitionCount--;
  }

  /** The others come first next time (T60). */
  moveToEnd(target: FetchTarget): void {
    if (this.targets.delete(target)) this.targets.add(target);
  }

  advanceEpoch(): void {
    this.epoch = this.epoch === EPOCH_MAX ? 1 : this.epoch + 1;
  }
}

/** All fetch sessions of the broker, a fixed number at most. */
export class FetchSessionCache {
  readonly #clock: Clock;
  readonly #random: Prng;
  readonly #slotCount: number;
  readonly #load: SessionLoad = { partitionCount: 0 };
  /** Least recently used first. */
  readonly #sessions = new Map<number, FetchSession>();

  constructor(clock: Clock, random: Prng, slotCount: number) {
    this.#clock = clock;
    this.#random = random;
    this.#slotCount = slotCount;
  }

  get count(): number {
    return this.#sessions.size;
  }

  get(id: number): FetchSession | undefined {
    return this.#sessions.get(id);
  }

  /** undefined: the cache is full of sessions in use or of partitions, the client goes on without one. */
  create(usesTopicIds: boolean, partitionCount = 0): FetchSession | undefined {
    const total = this.#load.partitionCount + partitionCount;
    if (total > FETCH_SESSIONS_PARTITIONS_TOTAL_MAX) return undefined;
    if (partitionCount > FETCH_SESSION_PARTITIONS_MAX) return undefined;
    const nowMs = this.#clock.monotonicMs();
    if (this.#sessions.size >= this.#slotCount && !this.#evictOldest(nowMs)) return undefined;
    const session = new FetchSession(this.#freeId(), usesTopicIds, nowMs, this.#load);
    this.#sessions.set(session.id, session);
    return session;
  }

  remove(id: number): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#load.partitionCount -= session.targets.size;
    this.#sessions.delete(id);
  }

  touch(session: FetchSession): void {
    session.lastUsedAtMs = this.#clock.monotonicMs();
    this.#sessions.delete(session.id);
    this.#sessions.set(session.id, session);
  }

  #evictOldest(nowMs: number): boolean {
    const oldest = this.#sessions.values().next().value;
    if (oldest === undefined || nowMs - oldest.lastUsedAtMs < EVICTABLE_AFTER_MS) return false;
    this.remove(oldest.id);
    return true;
  }

  #freeId(): number {
    for (;;) {
      const id = this.#random.below(EPOCH_MAX) + 1;
      if (!this.#sessions.has(id)) return id;
    }
  }
}
