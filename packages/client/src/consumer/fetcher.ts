import { ZERO_UUID } from '@millrace/bytes';
import {
  ErrorCode,
  type FetchResponse,
  type FetchResponsePartition,
  fetchApi,
} from '@millrace/protocol';
import { backoffMs, sleep } from '../backoff.ts';
import type { Cluster } from '../cluster.ts';
import type { PartitionRead } from './partition-read.ts';

/** Fetch 13 names topics by id; names are what this client keeps. */
const FETCH_VERSION_MAX = 12;

/** Sizes in bytes, durations in ms; names and defaults of Kafka's consumer. */
export interface FetchOptions {
  /** Default 1. */
  readonly fetchMinBytes?: number;
  /** Default 50 MiB. */
  readonly fetchMaxBytes?: number;
  /** Default 500. */
  readonly fetchMaxWaitMs?: number;
  /** Default 1 MiB. */
  readonly maxPartitionFetchBytes?: number;
  /** Default read_uncommitted. */
  readonly isolationLevel?: 'read_uncommitted' | 'read_committed';
  /** Where this consumer is, for reading from a replica nearby (KIP-392). */
  readonly clientRack?: string;
}

/** One partition being read. */
export interface FetchPosition {
  readonly topic: string;
  readonly partition: number;
  /** The next offset wanted. */
  offset: number;
  /** Epoch of the last batch read, -1 for none: lets the broker find a parting of histories. */
  lastFetchedEpoch: number;
  /** False while its reader holds unread data: back-pressure. */
  wanted: boolean;
}

/**
 * Long-polls brokers for the wanted partitions, one request in flight per broker, and hands every answer to
 * `onRead`. A partition that was answered with data is not asked for again until it is `want`ed.
 */
export class Fetcher {
  readonly #cluster: Cluster;
  readonly #options: Required<FetchOptions>;
  readonly #onRead: (read: PartitionRead, position: FetchPosition) => void;
  readonly #positions = new Map<string, FetchPosition>();
  readonly #busy = new Set<number>();
  readonly #stop = new AbortController();
  #scheduled = false;
  #failures = 0;

  constructor(
    cluster: Cluster,
    options: FetchOptions,
    onRead: (read: PartitionRead, position: FetchPosition) => void,
  ) {
    this.#cluster = cluster;
    this.#onRead = onRead;
    this.#options = {
      fetchMinBytes: options.fetchMinBytes ?? 1,
      fetchMaxBytes: options.fetchMaxBytes ?? 50 << 20,
      fetchMaxWaitMs: options.fetchMaxWaitMs ?? 500,
      maxPartitionFetchBytes: options.maxPartitionFetchBytes ?? 1 << 20,
      isolationLevel: options.isolationLevel ?? 'read_uncommitted',
      clientRack: options.clientRack ?? '',
    };
  }

  /** Starts reading a partition, or moves a partition being read. What is in flight for it is dropped. */
  add(topic: string, partition: number, offset: number, lastFetchedEpoch = -1): void {
    const position = { topic, partition, offset, lastFetchedEpoch, wanted: true };
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
      if (!this.#busy.has(leader)) void this.#fetch(leader, positions);
    }
    if (homeless) await this.#pause();
  }

  #leaderOf(position: FetchPosition): number | undefined {
    return this.#cluster.metadata.leaderOf(position.topic, position.partition);
  }

  /** A topic that is gone is the reader's business; one without a leader is only waited for. */
  #reportLost(position: FetchPosition): void {
    const code = this.#cluster.metadata.get(position.topic)?.errorCode ?? ErrorCode.NONE;
    if (code !== ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) return;
    position.wanted = false;
    this.#onRead(emptyRead(position, code), position);
  }

  async #fetch(leader: number, positions: readonly FetchPosition[]): Promise<void> {
    this.#busy.add(leader);
    const asked = new Map(positions.map((position) => [position, position.offset]));
    try {
      const connection = await this.#cluster.connect(leader, 'fetch');
      const response = await connection.request(fetchApi, this.#request(positions), {
        maxVersion: FETCH_VERSION_MAX,
        timeoutMs: this.#options.fetchMaxWaitMs + this.#cluster.options.requestTimeoutMs,
      });
      this.#failures = 0;
      this.#deliver(asked, response);
    } catch {
      for (const position of positions) this.#cluster.metadata.invalidate(position.topic);
      await this.#pause();
    } finally {
      this.#busy.delete(leader);
      this.#schedule();
    }
  }

  #request(positions: readonly FetchPosition[]) {
    const topics = new Map<string, FetchPosition[]>();
    for (const position of positions) {
      topics.set(position.topic, [...(topics.get(position.topic) ?? []), position]);
    }
    return {
      maxWaitMs: this.#options.fetchMaxWaitMs,
      minBytes: this.#options.fetchMinBytes,
      maxBytes: this.#options.fetchMaxBytes,
      isolationLevel: this.#options.isolationLevel === 'read_committed' ? 1 : 0,
      rackId: this.#options.clientRack,
      forgottenTopicsData: [],
      topics: [...topics].map(([topic, parts]) => ({
        topic,
        topicId: ZERO_UUID,
        partitions: parts.map((position) => ({
          partition: position.partition,
          fetchOffset: position.offset,
          lastFetchedEpoch: position.lastFetchedEpoch,
          partitionMaxBytes: this.#options.maxPartitionFetchBytes,
        })),
      })),
    };
  }

  #deliver(asked: ReadonlyMap<FetchPosition, number>, response: FetchResponse): void {
    for (const { topic, partitions } of response.responses) {
      for (const answer of partitions) {
        const position = this.#positions.get(`${topic}-${answer.partitionIndex}`);
        // Moved or removed while the request was under way: the answer is to a question of the past.
        if (position === undefined || asked.get(position) !== position.offset) continue;
        this.#deliverOne(position, answer);
      }
    }
  }

  #deliverOne(position: FetchPosition, answer: FetchResponsePartition): void {
    const { errorCode, divergingEpoch } = answer;
    if (isLeaderTrouble(errorCode)) {
      this.#cluster.metadata.invalidate(position.topic);
      return;
    }
    const diverges = divergingEpoch.endOffset >= 0;
    const records = answer.records ?? NOTHING;
    if (errorCode === ErrorCode.NONE && records.length === 0 && !diverges) return;
    position.wanted = false;
    this.#onRead(
      {
        topic: position.topic,
        partition: position.partition,
        fetchOffset: position.offset,
        errorCode,
        highWatermark: answer.highWatermark,
        lastStableOffset: answer.lastStableOffset,
        logStartOffset: answer.logStartOffset,
        divergingEpoch: diverges ? divergingEpoch : undefined,
        abortedTransactions: answer.abortedTransactions ?? [],
        batches: records,
      },
      position,
    );
  }

  async #pause(): Promise<void> {
    this.#failures++;
    const wait = backoffMs(this.#cluster.options, this.#failures);
    await sleep(this.#cluster.options.clock, wait, this.#stop.signal);
    this.#schedule();
  }
}

const NOTHING = new Uint8Array();

function isLeaderTrouble(code: number): boolean {
  return (
    code === ErrorCode.NOT_LEADER_OR_FOLLOWER ||
    code === ErrorCode.LEADER_NOT_AVAILABLE ||
    code === ErrorCode.REPLICA_NOT_AVAILABLE ||
    code === ErrorCode.KAFKA_STORAGE_ERROR ||
    code === ErrorCode.FENCED_LEADER_EPOCH ||
    code === ErrorCode.UNKNOWN_LEADER_EPOCH ||
    code === ErrorCode.OFFSET_NOT_AVAILABLE
  );
}

function emptyRead(position: FetchPosition, errorCode: number): PartitionRead {
  return {
    topic: position.topic,
    partition: position.partition,
    fetchOffset: position.offset,
    errorCode,
    highWatermark: -1,
    lastStableOffset: -1,
    logStartOffset: -1,
    divergingEpoch: undefined,
    abortedTransactions: [],
    batches: NOTHING,
  };
}
