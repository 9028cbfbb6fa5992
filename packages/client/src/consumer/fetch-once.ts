import { fetchApi } from '@millrace/protocol';
import { throwIfError } from '../client-error.ts';
import type { Cluster } from '../cluster.ts';
import { askLeader } from './ask-leader.ts';
import {
  type FetchOptions,
  type FetchTarget,
  fetchRequest,
  fetchVersion,
  isLeaderTrouble,
  partitionRead,
  resolveFetchOptions,
} from './fetch-request.ts';
import type { PartitionRead } from './partition-read.ts';

/**
 * Reads one partition once, without waiting for more to come.
 *
 * @throws KafkaError, WireConnectionError when the leader cannot be asked, after retries.
 */
export function fetchOnce(
  cluster: Cluster,
  options: FetchOptions,
  target: FetchTarget,
): Promise<PartitionRead> {
  const { topic, partition } = target;
  const about = `Fetch of ${topic}-${partition}`;
  const request = fetchRequest({ ...resolveFetchOptions(options), fetchMaxWaitMs: 0 }, [target]);
  return askLeader(cluster, topic, partition, about, async (connection) => {
    const response = await connection.request(fetchApi, request, {
      maxVersion: fetchVersion(connection, [target]),
    });
    // An unknown topic is told for the topic as a whole by some brokers: without its partition.
    const answer = response.responses[0]?.partitions[0];
    if (answer === undefined) throwIfError(response.errorCode || -1, about);
    else if (isLeaderTrouble(answer.errorCode)) throwIfError(answer.errorCode, about);
    return partitionRead(target, answer as NonNullable<typeof answer>);
  });
}
