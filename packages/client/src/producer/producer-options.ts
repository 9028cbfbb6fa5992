import { Codec } from '@millrace/records';
import type { ClientOptions } from '../client-options.ts';
import type { Partitioner } from '../partitioner.ts';

/** Names and defaults of Kafka's Java producer. Sizes in bytes, durations in ms. */
export interface ProducerOptions extends ClientOptions {
  /** -1 (default): acknowledged by all in-sync replicas; 1: by the leader; 0: not at all. */
  readonly acks?: -1 | 0 | 1;
  /** No duplicates and no reordering through retries. Default true; needs acks -1. */
  readonly enableIdempotence?: boolean;
  /** How long a batch waits for company. Default 5. */
  readonly lingerMs?: number;
  /** Default 16,384. */
  readonly batchSize?: number;
  /** Records waiting or in flight; `send` waits when it is full. Default 32 MiB. */
  readonly bufferMemory?: number;
  /** From `send` to giving up. Default 120,000. */
  readonly deliveryTimeoutMs?: number;
  /** How long `send` may wait for metadata or for memory. Default 60,000. */
  readonly maxBlockMs?: number;
  /** Requests in flight for one broker; at most 5 with idempotence. Default 5. */
  readonly maxInFlightRequestsPerConnection?: number;
  /** Largest request and so largest record. Default 1 MiB. */
  readonly maxRequestSize?: number;
  readonly compressionType?: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
  readonly partitioner?: Partitioner;
}

export interface ResolvedProducerOptions {
  readonly acks: -1 | 0 | 1;
  readonly idempotent: boolean;
  readonly lingerMs: number;
  readonly batchSize: number;
  readonly bufferMemory: number;
  readonly deliveryTimeoutMs: number;
  readonly maxBlockMs: number;
  readonly maxInFlight: number;
  readonly maxRequestSize: number;
  readonly codec: Codec;
}

const IDEMPOTENT_IN_FLIGHT_MAX = 5;

/** @throws RangeError when settings contradict each other. */
export function resolveProducerOptions(options: ProducerOptions): ResolvedProducerOptions {
  const acks = options.acks ?? -1;
  const idempotent = options.enableIdempotence ?? acks === -1;
  const maxInFlight = options.maxInFlightRequestsPerConnection ?? 5;
  if (idempotent && acks !== -1) throw new RangeError('enableIdempotence needs acks -1');
  if (idempotent && maxInFlight > IDEMPOTENT_IN_FLIGHT_MAX) {
    throw new RangeError(
      `enableIdempotence allows at most ${IDEMPOTENT_IN_FLIGHT_MAX} requests in flight, not ${maxInFlight}`,
    );
  }
  return {
    acks,
    idempotent,
    lingerMs: options.lingerMs ?? 5,
    batchSize: options.batchSize ?? 16_384,
    bufferMemory: options.bufferMemory ?? 32 << 20,
    deliveryTimeoutMs: options.deliveryTimeoutMs ?? 120_000,
    maxBlockMs: options.maxBlockMs ?? 60_000,
    maxInFlight,
    maxRequestSize: options.maxRequestSize ?? 1 << 20,
    codec: Codec[options.compressionType ?? 'none'],
  };
}
