/** The Kafka cluster behind the gateway. The only file that uses the client. */
import type { Clock } from '@millrace/base';
import { uuidFromBytes, uuidToBytes, ZERO_UUID } from '@millrace/bytes';
import {
  Admin,
  type ClientOptions,
  ConfigResource,
  OffsetSpec,
  type PartitionRead,
  PartitionReader,
  Producer,
  type TopicMetadata,
} from '@millrace/client';
import { ErrorCode, Isolation } from '@millrace/gateway-protocol';
import { RecentAnswers } from './recent-answers.ts';
import { answerFor, type TopicAnswers, TopicWatch } from './topic-watch.ts';
import type {
  Bounds,
  EpochEnd,
  Follower,
  Place,
  Position,
  PublishInput,
  Upstream,
  UpstreamProducer,
  UpstreamTopic,
} from './upstream-contract.ts';
import { publishError, questionError, UpstreamError } from './upstream-error.ts';

export { type PartitionRead, ReadCursor } from '@millrace/client';
export type * from './upstream-contract.ts';
export { UpstreamError } from './upstream-error.ts';

export interface KafkaUpstreamOptions {
  /** Where the cluster is and how to speak to it. */
  readonly client: ClientOptions;
  readonly clock: Clock;
  /** Bytes of one read for subscribers behind the ring. */
  readonly coldReadBytes: number;
}

/** Long polls are cut so that a partition that joins does not wait long for its first one. Milliseconds. */
const FETCH_WAIT_MS = 100;
/** Longest wait for an acknowledgement before the outcome is called unknown. */
const PUBLISH_TIMEOUT_MS = 30_000;
/** Whoever looks for a topic by its id within this time looks in the same list. */
const TOPICS_SHARED_MS = 1000;
/** A moment's company for a record on its way out. */
const PUBLISH_LINGER_MS = 1;

/** `Upstream` over the client, for any Kafka cluster. */
export class KafkaUpstream implements Upstream {
  readonly clusterId: string;
  readonly #options: KafkaUpstreamOptions;
  readonly #admin: Admin;
  readonly #watch: TopicWatch;
  readonly #allTopics: RecentAnswers<TopicMetadata[]>;
  readonly #readers = new Map<number, Reader>();
  #producer: KafkaProducer | undefined;

  private constructor(options: KafkaUpstreamOptions, admin: Admin, clusterId: string) {
    this.#options = options;
    this.#admin = admin;
    this.clusterId = clusterId;
    this.#allTopics = new RecentAnswers(options.clock, TOPICS_SHARED_MS);
    this.#watch = new TopicWatch(options.clock, (names) => this.#lookUpAll(names));
  }

  /** Asks the cluster for its id. @throws UpstreamError LEADER_UNAVAILABLE when no broker answers. */
  static async open(options: KafkaUpstreamOptions): Promise<KafkaUpstream> {
    const admin = new Admin(options.client);
    try {
      const { clusterId } = await admin.describeCluster();
      return new KafkaUpstream(options, admin, clusterId ?? '');
    } catch (error) {
      admin.close();
      throw questionError(error);
    }
  }

  topic(name: string, maxAgeMs?: number): Promise<UpstreamTopic | null> {
    return this.#watch.get(name, maxAgeMs);
  }

  async lookUp(name: string): Promise<UpstreamTopic | null> {
    return answerFor(name, await this.#lookUpAll([name]));
  }

  async topicById(id: Uint8Array): Promise<UpstreamTopic | null> {
    const text = uuidFromBytes(id, 0);
    const all = await this.#allTopics.get('', () => asked(() => this.#admin.listTopics()));
    const found = all.find((topic) => topic.topicId === text);
    return found === undefined || text === ZERO_UUID ? null : asTopic(found);
  }

  async topics(): Promise<UpstreamTopic[]> {
    const all = await asked(() => this.#admin.listTopics());
    return all.filter((topic) => !topic.isInternal && topic.errorCode === 0).map(asTopic);
  }

  watchTopic(name: string, listener: (topic: UpstreamTopic | null) => void): () => void {
    return this.#watch.watch(name, listener);
  }

  async isCompacted(topic: string): Promise<boolean> {
    const configs = await asked(() => this.#admin.describeConfigs(ConfigResource.topic, topic));
    const policy = configs.get('cleanup.policy')?.value ?? '';
    return policy.split(',').some((part) => part.trim() === 'compact');
  }

  async bounds(topic: string, partition: number, isolation: number): Promise<Bounds> {
    const ask = (spec: number, committed: boolean) =>
      this.#admin.listOffset(topic, partition, spec, committed);
    return asked(async () => {
      const [earliest, latest, stable] = await Promise.all([
        ask(OffsetSpec.earliest, false),
        ask(OffsetSpec.latest, false),
        isolation === Isolation.COMMITTED ? ask(OffsetSpec.latest, true) : null,
      ]);
      return {
        logStart: earliest.offset,
        end: (stable ?? latest).offset,
        highWatermark: latest.offset,
        leaderEpoch: latest.leaderEpoch,
      };
    });
  }

  async offsetForTime(
    topic: string,
    partition: number,
    timestampMs: number,
    isolation: number,
  ): Promise<Position | null> {
    const isCommitted = isolation === Isolation.COMMITTED;
    const found = await asked(() =>
      this.#admin.listOffset(topic, partition, timestampMs, isCommitted),
    );
    return found.offset < 0 ? null : { offset: found.offset, leaderEpoch: found.leaderEpoch };
  }

  epochEnd(topic: string, partition: number, epoch: number): Promise<EpochEnd> {
    return asked(() => this.#admin.epochEnd(topic, partition, epoch));
  }

  committedOffsets(
    group: string,
    topic: string,
    partitions: readonly number[],
  ): Promise<Map<number, Position>> {
    return asked(() => this.#admin.groupOffsets(group, topic, partitions));
  }

  async commitOffsets(
    group: string,
    topic: string,
    offsets: readonly (Position & { readonly partition: number })[],
  ): Promise<Map<number, number>> {
    const positions = offsets.map(
      ({ partition, offset, leaderEpoch }) =>
        [partition, { offset, leaderEpoch, metadata: '' }] as const,
    );
    const codes = await asked(() =>
      this.#admin.commitGroupOffsets(group, topic, new Map(positions)),
    );
    const results = new Map<number, number>();
    for (const [partition, code] of codes) {
      if (code === UNKNOWN_MEMBER_ID || code === ILLEGAL_GENERATION) {
        throw new UpstreamError(ErrorCode.GROUP_HAS_MEMBERS, `group ${group} has members`);
      }
      results.set(partition, code === 0 ? ErrorCode.NONE : ErrorCode.INTERNAL);
    }
    return results;
  }

  follow(
    place: Place,
    isolation: number,
    offset: number,
    lastEpoch: number,
    onRead: (read: PartitionRead) => void,
  ): Follower {
    return this.#reader(isolation).follow(place, offset, lastEpoch, onRead);
  }

  readOnce(place: Place, isolation: number, offset: number): Promise<PartitionRead> {
    const target = { ...place, offset, lastFetchedEpoch: -1 };
    return asked(() => this.#reader(isolation).client.readOnce(target));
  }

  producer(): UpstreamProducer {
    this.#producer ??= new KafkaProducer(this.#options.client);
    return this.#producer;
  }

  async close(): Promise<void> {
    this.#watch.close();
    for (const reader of this.#readers.values()) reader.client.close();
    await this.#producer?.close();
    this.#admin.close();
  }

  #reader(isolation: number): Reader {
    let reader = this.#readers.get(isolation);
    if (reader === undefined) {
      reader = new Reader(this.#options, isolation);
      this.#readers.set(isolation, reader);
    }
    return reader;
  }

  async #lookUpAll(names: readonly string[]): Promise<TopicAnswers> {
    const topics = new Map<string, UpstreamTopic | null>();
    for (const topic of await asked(() => this.#admin.lookUpTopics(names))) {
      if (topic.errorCode === 0) topics.set(topic.name, asTopic(topic));
      else if (isGone(topic.errorCode)) topics.set(topic.name, null);
    }
    return topics;
  }
}

/** One client reader for all partitions of an isolation level. */
class Reader {
  readonly client: PartitionReader;
  readonly #listeners = new Map<string, (read: PartitionRead) => void>();

  constructor({ client, coldReadBytes }: KafkaUpstreamOptions, isolation: number) {
    const isolationLevel =
      isolation === Isolation.COMMITTED ? 'read_committed' : 'read_uncommitted';
    const options = {
      ...client,
      isolationLevel,
      fetchMaxWaitMs: FETCH_WAIT_MS,
      maxPartitionFetchBytes: coldReadBytes,
    } as const;
    this.client = new PartitionReader(options, (read) => {
      this.#listeners.get(`${read.topic}-${read.partition}`)?.(read);
    });
  }

  follow(
    { topic, topicId, partition }: Place,
    offset: number,
    lastEpoch: number,
    onRead: (read: PartitionRead) => void,
  ): Follower {
    const name = `${topic}-${partition}`;
    this.#listeners.set(name, onRead);
    this.client.read(topic, partition, offset, lastEpoch, topicId);
    return {
      next: (at, epoch) => {
        if (this.#listeners.get(name) === onRead) this.client.next(topic, partition, at, epoch);
      },
      stop: () => {
        if (this.#listeners.get(name) !== onRead) return;
        this.#listeners.delete(name);
        this.client.stop(topic, partition);
      },
    };
  }
}

/**
 * Two producers: acknowledged by all replicas, idempotent; and by the leader alone, with one request in flight for
 * want of sequences, so that nothing overtakes what is sent again.
 */
class KafkaProducer implements UpstreamProducer {
  readonly #options: ClientOptions;
  readonly #byAcks = new Map<PublishInput['acks'], Producer>();

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  async send({ partition, acks, ...record }: PublishInput) {
    try {
      return await this.#of(acks).send({ ...record, ...(partition === null ? {} : { partition }) });
    } catch (error) {
      throw publishError(error);
    }
  }

  async flush(): Promise<void> {
    await Promise.all([...this.#byAcks.values()].map((producer) => producer.flush()));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#byAcks.values()].map((producer) => producer.close()));
  }

  #of(acks: PublishInput['acks']): Producer {
    let producer = this.#byAcks.get(acks);
    if (producer === undefined) {
      producer = new Producer({
        ...this.#options,
        ...(acks === 'all' ? { acks: -1 } : { acks: 1, maxInFlightRequestsPerConnection: 1 }),
        lingerMs: PUBLISH_LINGER_MS,
        deliveryTimeoutMs: PUBLISH_TIMEOUT_MS,
        maxBlockMs: PUBLISH_TIMEOUT_MS,
      });
      this.#byAcks.set(acks, producer);
    }
    return producer;
  }
}

const ILLEGAL_GENERATION = 22;
const UNKNOWN_MEMBER_ID = 25;
const UNKNOWN_TOPIC_OR_PARTITION = 3;
const INVALID_TOPIC_EXCEPTION = 17;
const TOPIC_AUTHORIZATION_FAILED = 29;

/** A topic that does not exist, or that the gateway itself may not see: the same for everybody above. */
function isGone(code: number): boolean {
  return (
    code === UNKNOWN_TOPIC_OR_PARTITION ||
    code === INVALID_TOPIC_EXCEPTION ||
    code === TOPIC_AUTHORIZATION_FAILED
  );
}

async function asked<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw questionError(error);
  }
}

function asTopic(topic: TopicMetadata): UpstreamTopic {
  const topicIdText = topic.topicId === '' ? ZERO_UUID : topic.topicId;
  const topicId = new Uint8Array(16);
  uuidToBytes(topicIdText, topicId, 0);
  return {
    name: topic.name,
    topicId,
    topicIdText,
    isInternal: topic.isInternal,
    partitions: topic.partitions.map(({ index, leaderId, leaderEpoch }) => ({
      partition: index,
      hasLeader: leaderId >= 0,
      leaderEpoch,
    })),
  };
}
