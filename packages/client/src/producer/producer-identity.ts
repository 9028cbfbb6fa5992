import { initProducerIdApi } from '@millrace/protocol';
import { retrying } from '../backoff.ts';
import { throwIfError } from '../client-error.ts';
import type { Cluster } from '../cluster.ts';

/** The producer id and epoch that make retries harmless (KIP-98). */
export interface ProducerIdentity {
  readonly producerId: number;
  readonly producerEpoch: number;
}

/** Asks any broker for a fresh producer id. @throws KafkaError, WireConnectionError */
export function initProducerId(cluster: Cluster): Promise<ProducerIdentity> {
  return retrying(cluster.options, cluster.options.requestTimeoutMs, async () => {
    const connection = await cluster.connectAny();
    const response = await connection.request(initProducerIdApi, {
      transactionalId: null,
      transactionTimeoutMs: cluster.options.requestTimeoutMs,
      producerId: -1,
      producerEpoch: -1,
    });
    throwIfError(response.errorCode, 'InitProducerId');
    return { producerId: response.producerId, producerEpoch: response.producerEpoch };
  });
}
