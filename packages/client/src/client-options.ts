import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { type Clock, type Prng, systemClock, systemRandom } from '@millrace/base';
import type { BrokerAddress, SaslMechanism } from '@millrace/wire';

/** What every client takes. Durations in ms; names and defaults are those of Kafka's own clients. */
export interface ClientOptions {
  /** `host:port`, several separated by commas. */
  readonly bootstrapServers: string;
  readonly clientId?: string;
  /** Default 30,000. */
  readonly requestTimeoutMs?: number;
  /** Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** First wait before a retry; doubles up to `retryBackoffMaxMs`, with jitter. Default 100. */
  readonly retryBackoffMs?: number;
  /** Default 1,000. */
  readonly retryBackoffMaxMs?: number;
  /** Metadata older than this is asked for again. Default 300,000. */
  readonly metadataMaxAgeMs?: number;
  /** Largest answer accepted, bytes. Default 128 MiB. */
  readonly maxFrameBytes?: number;
  readonly tls?: TlsOptions;
  readonly sasl?: SaslMechanism;
  readonly clock?: Clock;
  readonly random?: Prng;
}

/** The same with every default filled in. */
export interface ResolvedClientOptions {
  readonly bootstrap: readonly BrokerAddress[];
  readonly clientId: string;
  readonly requestTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly retryBackoffMs: number;
  readonly retryBackoffMaxMs: number;
  readonly metadataMaxAgeMs: number;
  readonly maxFrameBytes: number;
  readonly tls: TlsOptions | undefined;
  readonly sasl: SaslMechanism | undefined;
  readonly clock: Clock;
  readonly random: Prng;
}

/** @throws RangeError when `bootstrapServers` is not a list of host:port. */
export function resolveClientOptions(options: ClientOptions): ResolvedClientOptions {
  return {
    bootstrap: parseBootstrap(options.bootstrapServers),
    clientId: options.clientId ?? 'millrace',
    requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    retryBackoffMs: options.retryBackoffMs ?? 100,
    retryBackoffMaxMs: options.retryBackoffMaxMs ?? 1_000,
    metadataMaxAgeMs: options.metadataMaxAgeMs ?? 300_000,
    maxFrameBytes: options.maxFrameBytes ?? 128 << 20,
    tls: options.tls,
    sasl: options.sasl,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  };
}

/** `a:9092,[::1]:9093` as addresses. @throws RangeError naming the part that is wrong. */
export function parseBootstrap(text: string): BrokerAddress[] {
  return text.split(',').map((part) => {
    const match = /^\s*(?:\[([^\]]+)\]|([^\s:]+)):(\d{1,5})\s*$/.exec(part);
    const port = Number(match?.[3]);
    if (match === null || port < 1 || port > 65_535) {
      throw new RangeError(`bootstrapServers: '${part}' is not host:port`);
    }
    return { host: (match[1] ?? match[2]) as string, port };
  });
}
