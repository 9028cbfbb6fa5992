import { uuidFromBytes } from '@millrace/bytes';
import { ErrorCode, Isolation } from '@millrace/gateway-protocol';
import type {
  Bounds,
  EpochEnd,
  Follower,
  Position,
  PublishInput,
  Upstream,
  UpstreamProducer,
  UpstreamTopic,
} from '../../upstream-contract.ts';
import { UpstreamError } from '../../upstream-error.ts';

/** A partition that a test can change at will. */
export interface FakePartition {
  logStart: number;
  /** High watermark; also the end of COMMITTED unless `stableEnd` is set. */
  end: number;
  stableEnd: number | null;
  leaderEpoch: number;
  hasLeader: boolean;
  /** Ends of epochs that are over. */
  readonly epochEnds: Map<number, number>;
  /** Time of each offset, by offset. */
  readonly times: Map<number, number>;
}

type Sent = PublishInput & { readonly offset: number };

/** A cluster in memory, without records: positions, metadata, commits, and what was published. */
export class FakeUpstream implements Upstream {
  readonly clusterId = 'millrace-test';
  readonly topicsByName = new Map<
    string,
    { id: number; partitions: FakePartition[]; isCompacted: boolean }
  >();
  /** What a cache of a second still says of a topic that has changed. */
  readonly remembered = new Map<string, UpstreamTopic>();
  readonly committed = new Map<string, Map<number, Position>>();
  readonly sent: Sent[] = [];
  commitWrites = 0;
  boundsQuestions = 0;
  groupHasMembers = false;
  /** What the producer answers instead of appending: an error per record, or a promise to wait for. */
  publishOutcome: ((record: PublishInput) => UpstreamError | Promise<void> | null) | null = null;
  readonly #listeners = new Map<string, Set<(topic: UpstreamTopic | null) => void>>();

  create(name: string, partitionCount = 1, id = 1): FakePartition[] {
    const partitions = Array.from({ length: partitionCount }, newPartition);
    this.topicsByName.set(name, { id, partitions, isCompacted: false });
    this.changed(name);
    return partitions;
  }

  partition(name: string, partition = 0): FakePartition {
    const found = this.topicsByName.get(name)?.partitions[partition];
    if (found === undefined) throw new UpstreamError(ErrorCode.UNKNOWN_TOPIC, 'unknown');
    return found;
  }

  /** Tells watchers. */
  changed(name: string): void {
    const topic = this.#described(name);
    for (const listener of [...(this.#listeners.get(name) ?? [])]) listener(topic);
  }

  topic(name: string, maxAgeMs: number = 1000): Promise<UpstreamTopic | null> {
    const remembered = maxAgeMs < 1000 ? undefined : this.remembered.get(name);
    return Promise.resolve(remembered ?? this.#described(name));
  }

  async topicById(id: Uint8Array): Promise<UpstreamTopic | null> {
    const text = uuidFromBytes(id, 0);
    return (await this.topics()).find(({ topicIdText }) => topicIdText === text) ?? null;
  }

  topics(): Promise<UpstreamTopic[]> {
    const names = [...this.topicsByName.keys()];
    return Promise.resolve(names.map((name) => this.#described(name) as UpstreamTopic));
  }

  lookUp(name: string): Promise<UpstreamTopic | null> {
    return this.topic(name);
  }

  watchTopic(name: string, listener: (topic: UpstreamTopic | null) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  isCompacted(name: string): Promise<boolean> {
    return Promise.resolve(this.topicsByName.get(name)?.isCompacted === true);
  }

  async bounds(name: string, partition: number, isolation: number): Promise<Bounds> {
    this.boundsQuestions++;
    const { logStart, end, stableEnd, leaderEpoch } = this.#led(name, partition);
    const isCommitted = isolation === Isolation.COMMITTED;
    return {
      logStart,
      end: isCommitted ? (stableEnd ?? end) : end,
      highWatermark: end,
      leaderEpoch,
    };
  }

  async epochEnd(name: string, partition: number, epoch: number): Promise<EpochEnd> {
    const { leaderEpoch, end, epochEnds } = this.#led(name, partition);
    if (epoch > leaderEpoch) return { leaderEpoch: -1, endOffset: -1 };
    return { leaderEpoch: epoch, endOffset: epochEnds.get(epoch) ?? end };
  }

  async offsetForTime(
    name: string,
    partition: number,
    timestampMs: number,
    isolation: number,
  ): Promise<Position | null> {
    const { end } = await this.bounds(name, partition, isolation);
    for (const [offset, timeMs] of this.#led(name, partition).times)
      if (timeMs >= timestampMs && offset < end) return { offset, leaderEpoch: 0 };
    return null;
  }

  committedOffsets(group: string, topic: string): Promise<Map<number, Position>> {
    return Promise.resolve(this.committed.get(`${group} ${topic}`) ?? new Map());
  }

  async commitOffsets(
    group: string,
    topic: string,
    offsets: readonly (Position & { readonly partition: number })[],
  ): Promise<Map<number, number>> {
    this.commitWrites++;
    if (this.groupHasMembers) throw new UpstreamError(ErrorCode.GROUP_HAS_MEMBERS, 'members');
    const known = this.committed.get(`${group} ${topic}`) ?? new Map<number, Position>();
    this.committed.set(`${group} ${topic}`, known);
    for (const { partition, offset, leaderEpoch } of offsets)
      known.set(partition, { offset, leaderEpoch });
    return new Map(offsets.map(({ partition }) => [partition, 0]));
  }

  producer(): UpstreamProducer {
    return {
      send: async (record) => {
        const outcome = this.publishOutcome?.(record) ?? null;
        if (outcome instanceof UpstreamError) throw outcome;
        const log = this.partition(record.topic, record.partition ?? 0);
        const offset = log.end++;
        this.sent.push({ ...record, offset });
        await outcome;
        const { timestampMs } = record;
        return { partition: record.partition ?? 0, offset, timestampMs };
      },
      flush: () => Promise.resolve(),
    };
  }

  follow(): Follower {
    return { next: () => {}, stop: () => {} };
  }

  readOnce(): Promise<never> {
    return Promise.reject(new UpstreamError(ErrorCode.INTERNAL, 'no records here'));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #led(name: string, partition: number): FakePartition {
    const found = this.partition(name, partition);
    if (!found.hasLeader) throw new UpstreamError(ErrorCode.LEADER_UNAVAILABLE, 'no leader');
    return found;
  }

  #described(name: string): UpstreamTopic | null {
    const topic = this.topicsByName.get(name);
    if (topic === undefined) return null;
    const topicId = new Uint8Array(16);
    topicId[15] = topic.id;
    return {
      name,
      topicId,
      topicIdText: uuidFromBytes(topicId, 0),
      isInternal: false,
      partitions: topic.partitions.map(({ hasLeader, leaderEpoch }, partition) => ({
        partition,
        hasLeader,
        leaderEpoch,
      })),
    };
  }
}

function newPartition(): FakePartition {
  return {
    logStart: 0,
    end: 0,
    stableEnd: null,
    leaderEpoch: 0,
    hasLeader: true,
    epochEnds: new Map(),
    times: new Map(),
  };
}
