import { ZERO_UUID } from '@millrace/bytes';
import { findCoordinatorApi, metadataApi } from '@millrace/protocol';
import { type BrokerAddress, BrokerConnection } from '@millrace/wire';
import { retrying } from './backoff.ts';
import { ClientStateError, throwIfError } from './client-error.ts';
import type { ResolvedClientOptions } from './client-options.ts';
import { MetadataCache, type TopicMetadata } from './metadata-cache.ts';

/**
 * Connections of different purposes are kept apart, for brokers answer in order: a long-polling fetch
 * must not delay a heartbeat.
 */
export type Purpose = 'data' | 'fetch' | 'coordinator' | 'admin';

/** What FindCoordinator is asked for (key type on the wire). */
export const CoordinatorType = { group: 0, transaction: 1 } as const;

/** The cluster as this client sees it: who leads what, and a connection to each broker it talks to. */
export class Cluster {
  readonly options: ResolvedClientOptions;
  readonly metadata: MetadataCache;
  readonly #connections = new Map<string, Promise<BrokerConnection>>();
  readonly #brokers = new Map<number, BrokerAddress>();
  #bootstrapTurn = 0;
  #closed = false;

  constructor(options: ResolvedClientOptions) {
    this.options = options;
    this.metadata = new MetadataCache(options.clock, options.metadataMaxAgeMs);
  }

  /** Broker ids known from metadata. */
  get brokerIds(): number[] {
    return [...this.#brokers.keys()];
  }

  /** A connection to one broker, opened when there is none. @throws WireConnectionError */
  async connect(brokerId: number, purpose: Purpose): Promise<BrokerConnection> {
    const address = this.#brokers.get(brokerId);
    if (address === undefined)
      throw new ClientStateError(`broker ${brokerId} is not in the metadata`);
    return this.#connectTo(address, purpose);
  }

  /** A connection to any broker: a known one, else the bootstrap list in turn. */
  async connectAny(purpose: Purpose = 'admin'): Promise<BrokerConnection> {
    const addresses = [...this.#brokers.values(), ...this.options.bootstrap];
    let failure: unknown;
    for (let tries = 0; tries < addresses.length; tries++) {
      const address = addresses[this.#bootstrapTurn % addresses.length] as BrokerAddress;
      try {
        return await this.#connectTo(address, purpose);
      } catch (error) {
        failure = error;
        this.#bootstrapTurn++;
      }
    }
    throw failure;
  }

  /** Metadata of topics, from the cache while it is fresh. Unknown topics throw UNKNOWN_TOPIC_OR_PARTITION. */
  async topics(names: readonly string[], allowAutoCreate = false): Promise<TopicMetadata[]> {
    const timeout = this.options.requestTimeoutMs;
    return retrying(this.options, timeout, async () => {
      const missing = names.filter((name) => this.metadata.fresh(name) === undefined);
      if (missing.length > 0) await this.refresh(missing, allowAutoCreate);
      return names.map((name) => {
        const topic = this.metadata.get(name);
        throwIfError(topic?.errorCode ?? 3, `Metadata of ${name}`);
        return topic as TopicMetadata;
      });
    });
  }

  /** Asks for metadata now; null = every topic. Errors of single topics are left in the cache. */
  async refresh(names: readonly string[] | null, allowAutoCreate = false): Promise<void> {
    const connection = await this.connectAny();
    const version = connection.versionOf(metadataApi, 12);
    // Version 0 spells "all topics" as an empty list.
    const all = version === 0 ? [] : null;
    const response = await connection.request(
      metadataApi,
      {
        topics: names?.map((name) => ({ topicId: ZERO_UUID, name })) ?? all,
        allowAutoTopicCreation: allowAutoCreate,
        includeClusterAuthorizedOperations: false,
        includeTopicAuthorizedOperations: false,
      },
      { maxVersion: version },
    );
    this.#brokers.clear();
    for (const { nodeId, host, port } of response.brokers)
      this.#brokers.set(nodeId, { host, port });
    this.metadata.update(response, names === null);
  }

  /** Id of the broker that coordinates a group or transactional id. */
  async findCoordinator(key: string, type: number): Promise<number> {
    const connection = await this.connectAny();
    const batched = connection.versionOf(findCoordinatorApi) >= 4;
    const response = await connection.request(findCoordinatorApi, {
      key: batched ? '' : key,
      keyType: type,
      coordinatorKeys: batched ? [key] : [],
    });
    const found = response.coordinators?.[0] ?? response;
    throwIfError(found.errorCode ?? 0, `FindCoordinator of ${key}`, found.errorMessage);
    const nodeId = found.nodeId ?? -1;
    this.#brokers.set(nodeId, { host: found.host ?? '', port: found.port ?? -1 });
    return nodeId;
  }

  close(): void {
    this.#closed = true;
    for (const connecting of this.#connections.values()) {
      connecting.then(
        (connection) => connection.close(),
        () => {},
      );
    }
    this.#connections.clear();
  }

  #connectTo(address: BrokerAddress, purpose: Purpose): Promise<BrokerConnection> {
    if (this.#closed) throw new ClientStateError('the client is closed');
    const name = `${purpose} ${address.host}:${address.port}`;
    const existing = this.#connections.get(name);
    if (existing !== undefined) return existing;
    const forget = () => {
      if (this.#connections.get(name) === connecting) this.#connections.delete(name);
    };
    const connecting = BrokerConnection.open(address, this.options).then((connection) => {
      connection.onClose = forget;
      if (this.#closed) connection.close();
      return connection;
    });
    connecting.catch(forget);
    this.#connections.set(name, connecting);
    return connecting;
  }
}
