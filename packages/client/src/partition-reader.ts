import { type ClientOptions, resolveClientOptions } from './client-options.ts';
import { Cluster } from './cluster.ts';
import { fetchOnce } from './consumer/fetch-once.ts';
import type { FetchOptions, FetchTarget } from './consumer/fetch-request.ts';
import { Fetcher, type FetchPosition, type ReaderHabits } from './consumer/fetcher.ts';
import { type ListedOffset, listOffset } from './consumer/offsets.ts';
import type { PartitionRead } from './consumer/partition-read.ts';
import type { TopicMetadata } from './metadata-cache.ts';

/** Batches are passed on within a few ms, or else taken for held back. */
const HABITS: ReaderHabits = { lendsBytes: true, asksOnWithinMs: 5 };

/**
 * Reads partitions as undecoded batches, for services that pass them on: with leader epoch (in the batch
 * headers), high watermark, last stable offset, log start and diverging epochs. Every answer must be
 * acknowledged by `next`: until then the partition is not asked again, which is the back-pressure.
 */
export class PartitionReader {
  readonly #cluster: Cluster;
  readonly #options: FetchOptions;
  readonly #fetcher: Fetcher;
  readonly #held = new Map<string, FetchPosition>();

  /**
   * @param onRead called for every answer that has batches, an error or a diverging epoch. The batches are its own only
   *   until it returns: what follows is read into the same memory.
   */
  constructor(options: ClientOptions & FetchOptions, onRead: (read: PartitionRead) => void) {
    this.#cluster = new Cluster(resolveClientOptions(options));
    this.#options = options;
    const take = (read: PartitionRead, position: FetchPosition) => {
      this.#held.set(`${read.topic}-${read.partition}`, position);
      onRead(read);
    };
    this.#fetcher = new Fetcher(this.#cluster, options, take, HABITS);
  }

  /** @throws KafkaError UNKNOWN_TOPIC_OR_PARTITION after retries. */
  topics(names: readonly string[]): Promise<TopicMetadata[]> {
    return this.#cluster.topics(names);
  }

  /** First offset at or after a time, or an `OffsetSpec`. */
  listOffset(topic: string, partition: number, timestampMs: number): Promise<ListedOffset> {
    return listOffset(this.#cluster, topic, partition, timestampMs);
  }

  /**
   * Starts reading, or goes on elsewhere.
   *
   * @param lastFetchedEpoch epoch of the last batch the caller has, -1 for none; with it the broker
   *   notices when the caller's history is not its own.
   * @param topicId given: a topic that took over the name is answered with UNKNOWN_TOPIC_ID, where brokers can tell
   *   (Fetch 13).
   */
  read(
    topic: string,
    partition: number,
    offset: number,
    lastFetchedEpoch = -1,
    topicId?: string,
  ): void {
    this.#held.delete(`${topic}-${partition}`);
    this.#fetcher.add(topic, partition, offset, lastFetchedEpoch, topicId);
  }

  /**
   * One read beside the continuous ones, answered at once with what there is: for readers of older data. Errors of
   * the partition are in the answer.
   *
   * @throws KafkaError, WireConnectionError when the leader cannot be asked, after retries.
   */
  readOnce(target: FetchTarget): Promise<PartitionRead> {
    return fetchOnce(this.#cluster, this.#options, target);
  }

  /** The last answer is dealt with: more, from `offset` on. Ignored when the partition has none. */
  next(topic: string, partition: number, offset: number, lastFetchedEpoch: number): void {
    const position = this.#held.get(`${topic}-${partition}`);
    if (position === undefined) return;
    this.#held.delete(`${topic}-${partition}`);
    this.#fetcher.want(position, offset, lastFetchedEpoch);
  }

  stop(topic: string, partition: number): void {
    this.#held.delete(`${topic}-${partition}`);
    this.#fetcher.remove(topic, partition);
  }

  close(): void {
    this.#held.clear();
    this.#fetcher.close();
    this.#cluster.close();
  }
}
