import { ErrorCode } from '@millrace/protocol';
import type { BrokerConnection } from '@millrace/wire';
import { retrying } from '../backoff.ts';
import { ClientStateError, KafkaError } from '../client-error.ts';
import type { Cluster } from '../cluster.ts';

/**
 * Asks the leader of a partition, finding it again after each failure.
 *
 * @throws what `ask` threw last, or LEADER_NOT_AVAILABLE, when the request timeout is over.
 */
export function askLeader<T>(
  cluster: Cluster,
  topic: string,
  partition: number,
  about: string,
  ask: (connection: BrokerConnection) => Promise<T>,
): Promise<T> {
  return retrying(cluster.options, cluster.options.requestTimeoutMs, async () => {
    await cluster.topics([topic]);
    const leader = cluster.metadata.leaderOf(topic, partition);
    if (leader === undefined) {
      const known = cluster.metadata.get(topic)?.partitions[partition] !== undefined;
      if (!known) throw new ClientStateError(`there is no partition ${topic}-${partition}`);
      cluster.metadata.invalidate(topic);
      throw new KafkaError(ErrorCode.LEADER_NOT_AVAILABLE, about);
    }
    try {
      return await ask(await cluster.connect(leader, 'data'));
    } catch (error) {
      cluster.metadata.invalidate(topic);
      throw error;
    }
  });
}
