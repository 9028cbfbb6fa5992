import { listOffsetsApi, offsetForLeaderEpochApi } from '@millrace/protocol';
import { throwIfError } from '../client-error.ts';
import type { Cluster } from '../cluster.ts';
import { askLeader } from './ask-leader.ts';

/** Special timestamps of ListOffsets. */
export const OffsetSpec = { latest: -1, earliest: -2, maxTimestamp: -3 } as const;

export interface ListedOffset {
  /** -1 when no record matches. */
  readonly offset: number;
  /** -1 for `latest` and `earliest`. */
  readonly timestampMs: number;
  readonly leaderEpoch: number;
}

/** Where a leader epoch ends in the leader's history. Both -1 when the leader does not know that epoch. */
export interface EpochEnd {
  /** The largest epoch known that is not above the one asked for. */
  readonly leaderEpoch: number;
  /** The offset behind its last record. */
  readonly endOffset: number;
}

/**
 * The offset of the first record at or after a timestamp, or of an `OffsetSpec`.
 *
 * @throws KafkaError when the broker refuses, after retries.
 */
export function listOffset(
  cluster: Cluster,
  topic: string,
  partition: number,
  timestampMs: number,
  readCommitted = false,
): Promise<ListedOffset> {
  const about = `ListOffsets of ${topic}-${partition}`;
  return askLeader(cluster, topic, partition, about, async (connection) => {
    const response = await connection.request(listOffsetsApi, {
      replicaId: -1,
      isolationLevel: readCommitted ? 1 : 0,
      timeoutMs: cluster.options.requestTimeoutMs,
      topics: [
        { name: topic, partitions: [{ partitionIndex: partition, timestamp: timestampMs }] },
      ],
    });
    const answer = response.topics[0]?.partitions[0];
    throwIfError(answer?.errorCode ?? -1, about);
    return {
      offset: answer?.offset ?? -1,
      timestampMs: answer?.timestamp ?? -1,
      leaderEpoch: answer?.leaderEpoch ?? -1,
    };
  });
}

/**
 * Where an epoch ends (KIP-101): a reader whose position lies above the end of its own epoch has read what was cut off.
 *
 * @throws KafkaError when the broker refuses, after retries.
 */
export function epochEnd(
  cluster: Cluster,
  topic: string,
  partition: number,
  leaderEpoch: number,
): Promise<EpochEnd> {
  const about = `OffsetForLeaderEpoch of ${topic}-${partition}`;
  return askLeader(cluster, topic, partition, about, async (connection) => {
    const response = await connection.request(offsetForLeaderEpochApi, {
      replicaId: -1,
      topics: [{ topic, partitions: [{ partition, leaderEpoch }] }],
    });
    const answer = response.topics[0]?.partitions[0];
    throwIfError(answer?.errorCode ?? -1, about);
    return { leaderEpoch: answer?.leaderEpoch ?? -1, endOffset: answer?.endOffset ?? -1 };
  });
}
