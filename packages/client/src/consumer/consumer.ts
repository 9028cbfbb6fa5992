import { ErrorCode } from '@millrace/protocol';
import { ClientStateError, KafkaError } from '../client-error.ts';
import { type ClientOptions, resolveClientOptions } from '../client-options.ts';
import { Cluster } from '../cluster.ts';
import {
  type Assignor,
  rangeAssignor,
  roundRobinAssignor,
  type TopicPartitions,
} from './assignors.ts';
import { type ConsumerRecord, decodeRead } from './decode-read.ts';
import type { FetchOptions } from './fetch-request.ts';
import { Fetcher, type FetchPosition } from './fetcher.ts';
import {
  type CommittedOffset,
  GroupCoordinatorClient,
  OUTSIDE,
} from './group-coordinator-client.ts';
import { GroupMember } from './group-member.ts';
import { listOffset, OffsetSpec } from './offsets.ts';
import type { PartitionRead } from './partition-read.ts';

/** Names and defaults of Kafka's Java consumer. Durations in ms. */
export interface ConsumerOptions extends ClientOptions, FetchOptions {
  /** Needed for `subscribe` and for commits. */
  readonly groupId?: string;
  readonly groupInstanceId?: string;
  /** Where to begin without a committed offset. Default latest. */
  readonly autoOffsetReset?: 'earliest' | 'latest' | 'none';
  /** Commits what `poll` has returned, every `autoCommitIntervalMs` and on rebalance. Default true. */
  readonly enableAutoCommit?: boolean;
  /** Default 5,000. */
  readonly autoCommitIntervalMs?: number;
  /** Default 45,000. */
  readonly sessionTimeoutMs?: number;
  /** Default 3,000. */
  readonly heartbeatIntervalMs?: number;
  /** How long members have for joining again. Default 300,000. */
  readonly rebalanceTimeoutMs?: number;
  /** Most records of one `poll`. Default 500. */
  readonly maxPollRecords?: number;
  /** Default range, then roundrobin. */
  readonly assignors?: readonly Assignor[];
}

/** Answers to a commit of a generation that is over. */
const GONE_ON: ReadonlySet<number> = new Set([
  ErrorCode.UNKNOWN_MEMBER_ID,
  ErrorCode.ILLEGAL_GENERATION,
  ErrorCode.REBALANCE_IN_PROGRESS,
]);

interface Assigned {
  readonly topic: string;
  readonly partition: number;
  /** Next offset that `poll` will return. */
  position: number;
  paused: boolean;
  read: PartitionRead | undefined;
  fetch: FetchPosition | undefined;
  /** Decoded and not yet returned. */
  records: ConsumerRecord[];
  /** Where fetching goes on after `records`. */
  nextOffset: number;
  lastEpoch: number;
}

/**
 * Reads records: either of partitions it is told (`assign`), or of its share in a group (`subscribe`).
 * `poll` must be called steadily; it returns what has come, and reading ahead is bounded by
 * `maxPartitionFetchBytes` a partition.
 */
export class Consumer {
  readonly #cluster: Cluster;
  readonly #options: ConsumerOptions;
  readonly #fetcher: Fetcher;
  readonly #assigned = new Map<string, Assigned>();
  #member: GroupMember | undefined;
  #outsider: GroupCoordinatorClient | undefined;
  #failure: Error | undefined;
  #closed = false;
  #isGivingUp = false;
  #wake: (() => void) | undefined;
  #nextAutoCommit: number;
  #turn = 0;

  constructor(options: ConsumerOptions) {
    this.#options = options;
    this.#cluster = new Cluster(resolveClientOptions(options));
    this.#fetcher = new Fetcher(this.#cluster, options, (read, fetch) => this.#take(read, fetch));
    this.#nextAutoCommit = this.#now() + this.#autoCommitIntervalMs;
  }

  /** Joins the group and reads its share of these topics. @throws ClientStateError without `groupId`. */
  subscribe(topics: readonly string[]): void {
    if (this.#member !== undefined)
      throw new ClientStateError('the consumer is subscribed already');
    this.#member = new GroupMember(
      this.#cluster,
      {
        groupId: this.#groupId,
        groupInstanceId: this.#options.groupInstanceId ?? null,
        sessionTimeoutMs: this.#options.sessionTimeoutMs ?? 45_000,
        heartbeatIntervalMs: this.#options.heartbeatIntervalMs ?? 3_000,
        rebalanceTimeoutMs: this.#options.rebalanceTimeoutMs ?? 300_000,
        assignors: this.#options.assignors ?? [rangeAssignor, roundRobinAssignor],
      },
      topics,
      {
        assigned: (partitions) => this.assign(partitions),
        revoked: (lost) => this.#giveUp(lost),
        failed: (error) => this.#fail(error),
      },
    );
    this.#member.start();
  }

  /** Reads exactly these partitions, from their committed offsets or as `autoOffsetReset` says. */
  async assign(partitions: readonly TopicPartitions[]): Promise<void> {
    this.#drop();
    const wanted = new Map(partitions.map((entry) => [entry.topic, entry.partitions]));
    const committed =
      this.#options.groupId === undefined || wanted.size === 0
        ? new Map<string, Map<number, CommittedOffset>>()
        : await this.#coordinator.committed(wanted);
    for (const [topic, indexes] of wanted) {
      for (const partition of indexes) {
        const offset =
          committed.get(topic)?.get(partition)?.offset ?? (await this.#reset(topic, partition));
        this.#begin(topic, partition, offset);
      }
    }
  }

  /** Partitions being read. */
  get assignment(): TopicPartitions[] {
    const topics = new Map<string, number[]>();
    for (const { topic, partition } of this.#assigned.values()) {
      topics.set(topic, [...(topics.get(topic) ?? []), partition]);
    }
    return [...topics].map(([topic, partitions]) => ({ topic, partitions }));
  }

  /** Records that have come, at most `maxPollRecords`; waits up to `timeoutMs` for the first. */
  async poll(timeoutMs: number): Promise<ConsumerRecord[]> {
    const deadline = this.#now() + timeoutMs;
    for (;;) {
      this.#assertUsable();
      if (this.#autoCommits && this.#now() >= this.#nextAutoCommit) await this.commit();
      const records = this.#collect();
      const rest = deadline - this.#now();
      if (records.length > 0 || rest <= 0) return records;
      await new Promise<void>((resolve) => {
        const timer = this.#cluster.options.clock.setTimer(rest, resolve);
        this.#wake = () => {
          timer.cancel();
          resolve();
        };
      });
      this.#wake = undefined;
    }
  }

  /** Every record, until the consumer is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ConsumerRecord, void, undefined> {
    while (!this.#closed) yield* await this.poll(1_000);
  }

  /** Next offset that `poll` will return for a partition; undefined when it is not assigned. */
  position(topic: string, partition: number): number | undefined {
    return this.#assigned.get(`${topic}-${partition}`)?.position;
  }

  /** Goes on reading elsewhere. @throws ClientStateError when the partition is not assigned. */
  seek(topic: string, partition: number, offset: number): void {
    this.#one(topic, partition);
    this.#begin(topic, partition, offset);
  }

  pause(topic: string, partition: number): void {
    this.#one(topic, partition).paused = true;
  }

  resume(topic: string, partition: number): void {
    this.#one(topic, partition).paused = false;
    this.#wake?.();
  }

  /** Commits what `poll` has returned, or the offsets given (topic, then partition). */
  async commit(offsets?: ReadonlyMap<string, ReadonlyMap<number, number>>): Promise<void> {
    this.#nextAutoCommit = this.#now() + this.#autoCommitIntervalMs;
    const positions = new Map<string, Map<number, CommittedOffset>>();
    const add = (topic: string, partition: number, offset: number, leaderEpoch: number) => {
      const partitions = positions.get(topic) ?? new Map<number, CommittedOffset>();
      positions.set(topic, partitions.set(partition, { offset, leaderEpoch, metadata: '' }));
    };
    if (offsets !== undefined) {
      for (const [topic, partitions] of offsets) {
        for (const [partition, offset] of partitions) add(topic, partition, offset, -1);
      }
    } else {
      for (const one of this.#assigned.values()) add(one.topic, one.partition, one.position, -1);
    }
    if (positions.size === 0) return;
    await this.#coordinator.commit(this.#member?.membership ?? OUTSIDE, positions);
  }

  /** Committed offsets of the group, topic then partition. */
  committed(partitions: readonly TopicPartitions[]) {
    return this.#coordinator.committed(new Map(partitions.map((p) => [p.topic, p.partitions])));
  }

  /** First offset at or after a time, `OffsetSpec` for the ends. */
  async offsetFor(topic: string, partition: number, timestampMs: number): Promise<number> {
    const { isolationLevel } = this.#options;
    const committedOnly = isolationLevel === 'read_committed';
    return (await listOffset(this.#cluster, topic, partition, timestampMs, committedOnly)).offset;
  }

  /** Commits (with auto commit), leaves the group and closes. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      if (this.#member === undefined && this.#autoCommits) await this.commit();
      await this.#member?.stop();
    } finally {
      this.#drop();
      this.#fetcher.close();
      this.#cluster.close();
      this.#wake?.();
    }
  }

  /** Whatever `poll` returned is committed before others own it, and nothing is returned after that. */
  async #giveUp(lost: boolean): Promise<void> {
    this.#isGivingUp = true;
    try {
      if (!lost && this.#autoCommits) await this.commit();
    } catch (error) {
      // The group went on without us: whoever owns the partitions now reads some records again.
      if (!(error instanceof KafkaError && GONE_ON.has(error.code))) throw error;
    } finally {
      this.#isGivingUp = false;
      this.#drop();
    }
  }

  #take(read: PartitionRead, fetch: FetchPosition): void {
    const one = this.#assigned.get(`${read.topic}-${read.partition}`);
    if (one === undefined) return;
    if (read.errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) {
      this.#reset(read.topic, read.partition).then(
        (offset) => {
          if (this.#assigned.get(`${read.topic}-${read.partition}`) !== one) return;
          this.#begin(read.topic, read.partition, offset);
        },
        (error: Error) => this.#fail(error),
      );
      return;
    }
    if (read.errorCode !== ErrorCode.NONE) {
      this.#fail(new KafkaError(read.errorCode, `Fetch of ${read.topic}-${read.partition}`));
      return;
    }
    one.read = read;
    one.fetch = fetch;
    this.#wake?.();
  }

  /** Partitions take turns in being first, so that a busy one starves nobody. */
  #collect(): ConsumerRecord[] {
    if (this.#isGivingUp) return [];
    const most = this.#options.maxPollRecords ?? 500;
    const all = [...this.#assigned.values()];
    const collected: ConsumerRecord[] = [];
    this.#turn++;
    for (let i = 0; i < all.length && collected.length < most; i++) {
      const one = all[(i + this.#turn) % all.length] as Assigned;
      if (one.paused) continue;
      if (one.records.length === 0) this.#decode(one);
      const taken = one.records.splice(0, most - collected.length);
      collected.push(...taken);
      const last = taken.at(-1);
      if (last !== undefined) one.position = last.offset + 1;
      if (one.records.length === 0 && one.fetch !== undefined) {
        one.position = Math.max(one.position, one.nextOffset);
        this.#fetcher.want(one.fetch, one.nextOffset, one.lastEpoch);
        one.fetch = undefined;
      }
    }
    return collected;
  }

  #decode(one: Assigned): void {
    if (one.read === undefined) return;
    const decoded = decodeRead(one.read);
    one.read = undefined;
    one.records = decoded.records;
    one.nextOffset = decoded.nextOffset;
    one.lastEpoch = decoded.lastEpoch;
  }

  #begin(topic: string, partition: number, offset: number): void {
    const paused = this.#assigned.get(`${topic}-${partition}`)?.paused ?? false;
    this.#assigned.set(`${topic}-${partition}`, {
      ...{ topic, partition, paused, position: offset, nextOffset: offset, lastEpoch: -1 },
      ...{ read: undefined, fetch: undefined, records: [] },
    });
    this.#fetcher.add(topic, partition, offset);
  }

  #drop(): void {
    for (const { topic, partition } of this.#assigned.values()) {
      this.#fetcher.remove(topic, partition);
    }
    this.#assigned.clear();
  }

  async #reset(topic: string, partition: number): Promise<number> {
    const rule = this.#options.autoOffsetReset ?? 'latest';
    if (rule === 'none') {
      const text = `${topic}-${partition} has no usable offset and autoOffsetReset is none`;
      throw new ClientStateError(text);
    }
    return this.offsetFor(topic, partition, OffsetSpec[rule]);
  }

  #fail(error: Error): void {
    this.#failure = error;
    this.#wake?.();
  }

  #one(topic: string, partition: number): Assigned {
    const one = this.#assigned.get(`${topic}-${partition}`);
    if (one === undefined) throw new ClientStateError(`${topic}-${partition} is not assigned`);
    return one;
  }

  #assertUsable(): void {
    if (this.#closed) throw new ClientStateError('the consumer is closed');
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }

  get #coordinator(): GroupCoordinatorClient {
    if (this.#member !== undefined) return this.#member.coordinator;
    this.#outsider ??= new GroupCoordinatorClient(this.#cluster, this.#groupId);
    return this.#outsider;
  }

  get #groupId(): string {
    if (this.#options.groupId === undefined) throw new ClientStateError('no groupId was given');
    return this.#options.groupId;
  }

  get #autoCommits(): boolean {
    return this.#options.groupId !== undefined && (this.#options.enableAutoCommit ?? true);
  }

  get #autoCommitIntervalMs(): number {
    return this.#options.autoCommitIntervalMs ?? 5_000;
  }

  #now(): number {
    return this.#cluster.options.clock.monotonicMs();
  }
}
