import type { PartitionRead } from '@millrace/client';

/** A topic as the gateway sees it. */
export interface UpstreamTopic {
  readonly name: string;
  /** 16 bytes, all zero on a cluster without ids. */
  readonly topicId: Uint8Array;
  /** The same as Kafka writes it: 22 characters. */
  readonly topicIdText: string;
  readonly isInternal: boolean;
  readonly partitions: readonly UpstreamPartition[];
}

export interface UpstreamPartition {
  readonly partition: number;
  readonly hasLeader: boolean;
  /** -1 unknown. */
  readonly leaderEpoch: number;
}

/** A place in a partition. */
export interface Position {
  readonly offset: number;
  /** Epoch it was written under, -1 unknown. */
  readonly leaderEpoch: number;
}

/** What a partition holds now. */
export interface Bounds {
  readonly logStart: number;
  /** Of the isolation: the last stable offset, or the high watermark. */
  readonly end: number;
  readonly highWatermark: number;
  readonly leaderEpoch: number;
}

/** Where an epoch ends; both -1 when the leader does not know it. */
export interface EpochEnd {
  readonly leaderEpoch: number;
  readonly endOffset: number;
}

export interface PublishInput {
  readonly topic: string;
  /** null: by the key. */
  readonly partition: number | null;
  readonly acks: 'all' | 'leader';
  readonly timestampMs: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[];
}

export interface UpstreamProducer {
  /**
   * Appends one record; calls of one partition are appended in their order. Rejects with an UpstreamError:
   * UNKNOWN_OUTCOME when nobody can say whether it was appended, anything else when it was not.
   */
  send(
    record: PublishInput,
  ): Promise<{ readonly partition: number; readonly offset: number; readonly timestampMs: number }>;
  /** Sends everything now and waits for the answers. */
  flush(): Promise<void>;
}

/** A partition of one certain topic. */
export interface Place {
  readonly topic: string;
  /** 22 characters; all zero bits where the cluster has no ids. */
  readonly topicId: string;
  readonly partition: number;
}

/** A partition being read. */
export interface Follower {
  /** The last answer is dealt with: more from here. */
  next(offset: number, lastEpoch: number): void;
  stop(): void;
}

/** What fan-out needs of the cluster. */
export interface PartitionSource {
  /** Reads on and on. An answer with an error code has no batches; the reader then waits for `next`. */
  follow(
    place: Place,
    isolation: number,
    offset: number,
    lastEpoch: number,
    onRead: (read: PartitionRead) => void,
  ): Follower;
  /** Reads once, for subscribers behind the ring. Rejects with an UpstreamError. */
  readOnce(place: Place, isolation: number, offset: number): Promise<PartitionRead>;
  bounds(topic: string, partition: number, isolation: number): Promise<Bounds>;
  epochEnd(topic: string, partition: number, epoch: number): Promise<EpochEnd>;
  /** null = unknown topic. Asks the cluster, past any cache. */
  lookUp(topic: string): Promise<UpstreamTopic | null>;
}

/** The cluster that is read, as everything above sees it. Offsets are safe integers, -1 for none. */
export interface Upstream extends PartitionSource {
  readonly clusterId: string;
  /** As of less than `maxAgeMs` ago, by default a second; with 0 as of now or later. null = unknown. */
  topic(name: string, maxAgeMs?: number): Promise<UpstreamTopic | null>;
  /** By the 16 bytes of its id. */
  topicById(id: Uint8Array): Promise<UpstreamTopic | null>;
  /** All that are not internal. */
  topics(): Promise<UpstreamTopic[]>;
  /**
   * Tells of changes against what `topic` said last: partitions added, a leader found or lost, the id changed, the topic
   * gone (null). Returns what ends it.
   */
  watchTopic(name: string, listener: (topic: UpstreamTopic | null) => void): () => void;
  isCompacted(topic: string): Promise<boolean>;
  /** The first record at or after a time; null when there is none below the end of the isolation. */
  offsetForTime(
    topic: string,
    partition: number,
    timestampMs: number,
    isolation: number,
  ): Promise<Position | null>;
  committedOffsets(
    group: string,
    topic: string,
    partitions: readonly number[],
  ): Promise<Map<number, Position>>;
  /** The `ErrorCode` of each partition. Rejects with GROUP_HAS_MEMBERS when the group has members. */
  commitOffsets(
    group: string,
    topic: string,
    offsets: readonly (Position & { readonly partition: number })[],
  ): Promise<Map<number, number>>;
  producer(): UpstreamProducer;
  close(): Promise<void>;
}
