import type { Timer } from '@millrace/base';
import {
  ErrorCode,
  type FetchResponse,
  type FetchResponsePartition,
  fetchApi,
} from '@millrace/protocol';
import type { BrokerConnection } from '@millrace/wire';
import { backoffMs, sleep } from '../backoff.ts';
import type { Cluster } from '../cluster.ts';
import {
  type FetchOptions,
  type FetchTarget,
  failedRead,
  fetchRequest,
  fetchVersion,
  isLeaderTrouble,
  partitionRead,
  resolveFetchOptions,
} from './fetch-request.ts';
import type { PartitionRead } from './partition-read.ts';

/** One partition being read. */
export interface FetchPosition extends FetchTarget {
  offset: number;
  lastFetchedEpoch: number;
  /** False while its reader holds unread data: back-pressure. */
  wanted: boolean;
  /** When its reader was given something last. Monotonic ms. */
  givenAtMs: number;
}

/** How the reader of a fetcher deals with what it is given. */
export interface ReaderHabits {
  /** The batches of a read are its own only until it returns: their memory is used again. */
  readonly lendsBytes: boolean;
  /**
   * It asks on within about so many milliseconds. So the next request waits that long for the partitions that were just
   * answered, and one that leaves without them is not held by the broker for longer: a partition that is asked for again
   * would else wait for the long poll of those that have nothing. 0: requests wait for nobody.
   */
  readonly asksOnWithinMs: number;
}

const NO_HABITS: ReaderHabits = { lendsBytes: false, asksOnWithinMs: 0 };

/**
 * Long-polls brokers for the wanted partitions, one request in flight per broker, and hands every answer to
 * `onRead`. A partition that was answered with data is not asked for again until it is `want`ed.
 */
export class Fetcher {
  readonly #cluster: Cluster;
  readonly #options: Required<FetchOptions>;
  readonly #onRead: (read: PartitionRead, position: FetchPosition) => void;
  readonly #habits: ReaderHabits;
  readonly #positions = new Map<string, FetchPosition>();
  readonly #busy = new Set<number>();
  readonly #stop = new AbortController();
  #scheduled = false;
  #failures = 0;
  #putOff: Timer | undefined;

  constructor(
    cluster: Cluster,
    options: FetchOptions,
    onRead: (read: PartitionRead, position: FetchPosition) => void,
    habits: ReaderHabits = NO_HABITS,
  ) {
    this.#cluster = cluster;
    this.#onRead = onRead;
    this.#habits = habits;
    this.#options = resolveFetchOptions(options);
  }

  /**
   * Starts reading a partition, or moves a partition being read. What is in flight for it is dropped.
   *
   * @param topicId given: a topic that took over the name is not read (UNKNOWN_TOPIC_ID), where brokers can tell.
   */
  add(
    topic: string,
    partition: number,
    offset: number,
    lastFetchedEpoch = -1,
    topicId?: string,
  ): void {
    const target = { topic, topicId, partition, offset, lastFetchedEpoch };
    const position = { ...target, wanted: true, givenAtMs: Number.NEGATIVE_INFINITY };
    this.#positions.set(`${topic}-${partition}`, position);
    this.#schedule();
  }

  remove(topic: string, partition: number): void {
    this.#positions.delete(`${topic}-${partition}`);
  }

  /** Asks for more from `offset` on. */
  want(position: FetchPosition, offset: number, lastFetchedEpoch: number): void {
    position.offset = offset;
    position.lastFetchedEpoch = lastFetchedEpoch;
    position.wanted = true;
    this.#schedule();
  }

  close(): void {
    this.#stop.abort();
    this.#putOff?.cancel();
    this.#positions.clear();
  }

  /** Several changes in one turn become one round of requests. */
  #schedule(): void {
    if (this.#scheduled || this.#stop.signal.aborted) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      void this.#round();
    });
  }

  async #round(): Promise<void> {
    const wanted = [...this.#positions.values()].filter((position) => position.wanted);
    if (wanted.length === 0) return;
    try {
      const unknown = wanted.filter((position) => this.#leaderOf(position) === undefined);
      if (unknown.length > 0) {
        await this.#cluster.refresh([...new Set(unknown.map((position) => position.topic))]);
      }
    } catch {
      // The cluster is out of reach: the backoff below tries again, and readers see no data meanwhile.
    }
    const byLeader = new Map<number, FetchPosition[]>();
    let homeless = false;
    for (const position of wanted) {
      const leader = this.#leaderOf(position);
      if (leader === undefined) {
        homeless = true;
        this.#reportLost(position);
      } else byLeader.set(leader, [...(byLeader.get(leader) ?? []), position]);
    }
    for (const [leader, positions] of byLeader) {
      if (this.#busy.has(leader)) continue;
      const sinceMs = this.#sinceGiven(leader);
      const { asksOnWithinMs } = this.#habits;
      const { fetchMaxWaitMs } = this.#options;
      if (sinceMs < asksOnWithinMs) this.#putOffFor(asksOnWithinMs - sinceMs);
      // Those that are left out are asked for in a moment, and would wait for this request.
      else
        void this.#fetch(
          leader,
          positions,
          sinceMs < fetchMaxWaitMs ? asksOnWithinMs : fetchMaxWaitMs,
        );
    }
    if (homeless) await this.#pause();
  }

  /**
   * How long ago a partition of a leader was answered that was not asked for again since; Infinity when there is none, or
   * nobody says when it will be.
   */
  #sinceGiven(leader: number): number {
    if (this.#habits.asksOnWithinMs === 0) return Number.POSITIVE_INFINITY;
    let givenAtMs = Number.NEGATIVE_INFINITY;
    for (const position of this.#positions.values()) {
      if (!position.wanted && position.givenAtMs > givenAtMs && this.#leaderOf(position) === leader)
        givenAtMs = position.givenAtMs;
    }
    return this.#cluster.options.clock.monotonicMs() - givenAtMs;
  }

  #putOffFor(ms: number): void {
    this.#putOff ??= this.#cluster.options.clock.setTimer(ms, () => {
      this.#putOff = undefined;
      this.#schedule();
    });
  }

  #leaderOf(position: FetchPosition): number | undefined {
    return this.#cluster.metadata.leaderOf(position.topic, position.partition);
  }

  /** A topic that is gone is the reader's business; one without a leader is only waited for. */
  #reportLost(position: FetchPosition): void {
    const code = this.#cluster.metadata.get(position.topic)?.errorCode ?? ErrorCode.NONE;
    if (code !== ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) return;
    position.wanted = false;
    this.#onRead(failedRead(position, code), position);
  }

  /** @param fetchMaxWaitMs how long the broker may hold the request. */
  async #fetch(
    leader: number,
    positions: readonly FetchPosition[],
    fetchMaxWaitMs: number,
  ): Promise<void> {
    this.#busy.add(leader);
    const options = { ...this.#options, fetchMaxWaitMs };
    const asked = new Map(positions.map((position) => [position, position.offset]));
    try {
      const connection = await this.#cluster.connect(leader, 'fetch');
      const response = await connection.request(fetchApi, fetchRequest(options, positions), {
        maxVersion: fetchVersion(connection, positions),
        timeoutMs: fetchMaxWaitMs + this.#cluster.options.requestTimeoutMs,
      });
      this.#failures = 0;
      this.#deliver(asked, response);
      if (this.#habits.lendsBytes) recycle(connection, response);
    } catch {
      for (const position of positions) this.#cluster.metadata.invalidate(position.topic);
      await this.#pause();
    } finally {
      this.#busy.delete(leader);
      this.#schedule();
    }
  }

  #deliver(asked: ReadonlyMap<FetchPosition, number>, response: FetchResponse): void {
    const byPlace = new Map<string, FetchResponsePartition>();
    for (const { topic, topicId, partitions } of response.responses) {
      for (const answer of partitions) {
        byPlace.set(`${topic || topicId}-${answer.partitionIndex}`, answer);
      }
    }
    for (const [position, offset] of asked) {
      const { topic, topicId, partition } = position;
      const answer = byPlace.get(`${topic}-${partition}`) ?? byPlace.get(`${topicId}-${partition}`);
      // Moved or removed while the request was under way: the answer is to a question of the past.
      const isCurrent = this.#positions.get(`${topic}-${partition}`) === position;
      if (answer !== undefined && isCurrent && position.offset === offset) {
        this.#deliverOne(position, answer);
      }
    }
  }

  #deliverOne(position: FetchPosition, answer: FetchResponsePartition): void {
    if (isLeaderTrouble(answer.errorCode)) {
      this.#cluster.metadata.invalidate(position.topic);
      return;
    }
    const read = partitionRead(position, answer);
    const isSilent = read.batches.length === 0 && read.divergingEpoch === undefined;
    if (read.errorCode === ErrorCode.NONE && isSilent) return;
    position.wanted = false;
    position.givenAtMs = this.#cluster.options.clock.monotonicMs();
    this.#onRead(read, position);
  }

  async #pause(): Promise<void> {
    this.#failures++;
    const wait = backoffMs(this.#cluster.options, this.#failures);
    await sleep(this.#cluster.options.clock, wait, this.#stop.signal);
    this.#schedule();
  }
}

/** All records of an answer lie in one piece of memory. */
function recycle(connection: BrokerConnection, { responses }: FetchResponse): void {
  for (const { partitions } of responses) {
    for (const { records } of partitions) {
      if (records === null || records.length === 0) continue;
      connection.recycle(records);
      return;
    }
  }
}
