import { listOffsetsApi } from '@millrace/protocol';
import { retrying } from '../backoff.ts';
import { ClientStateError, KafkaError, throwIfError } from '../client-error.ts';
import type { Cluster } from '../cluster.ts';

/** Special timestamps of ListOffsets. */
export const OffsetSpec = { latest: -1, earliest: -2, maxTimestamp: -3 } as const;

export interface ListedOffset {
  /** -1 when no record matches. */
  readonly offset: number;
  /** -1 for `latest` and `earliest`. */
  readonly timestampMs: number;
  readonly leaderEpoch: number;
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
  return retrying(cluster.options, cluster.options.requestTimeoutMs, async () => {
    await cluster.topics([topic]);
    const leader = cluster.metadata.leaderOf(topic, partition);
    if (leader === undefined) {
      const known = cluster.metadata.get(topic)?.partitions[partition] !== undefined;
      if (!known) throw new ClientStateError(`there is no partition ${topic}-${partition}`);
      cluster.metadata.invalidate(topic);
      throw new KafkaError(LEADER_NOT_AVAILABLE, `ListOffsets of ${topic}-${partition}`);
    }
    const connection = await cluster.connect(leader, 'data');
    const response = await connection.request(listOffsetsApi, {
      replicaId: -1,
      isolationLevel: readCommitted ? 1 : 0,
      timeoutMs: cluster.options.requestTimeoutMs,
      topics: [
        { name: topic, partitions: [{ partitionIndex: partition, timestamp: timestampMs }] },
      ],
    });
    const answer = response.topics[0]?.partitions[0];
    if (answer?.errorCode !== 0) cluster.metadata.invalidate(topic);
    throwIfError(answer?.errorCode ?? -1, `ListOffsets of ${topic}-${partition}`);
    return {
      offset: answer?.offset ?? -1,
      timestampMs: answer?.timestamp ?? -1,
      leaderEpoch: answer?.leaderEpoch ?? -1,
    };
  });
}

const LEADER_NOT_AVAILABLE = 5;
