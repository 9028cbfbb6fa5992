import { asError, ConfigError, type Logger } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { DynamicConfig, DynamicScope } from '../config/dynamic-config.ts';
import { done, type Outcome, refused, storageFailed } from './refusal.ts';
import type { LocalMetadataStore, StoredTopic } from './store/local.ts';

/** Changes of the stored metadata, answered when they are on the device. */
export class DurableRecords {
  readonly #store: LocalMetadataStore;
  readonly #log: Logger;

  constructor(store: LocalMetadataStore, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  /** Writes one topic's record as `edit` makes it (undefined drops it). False when the disk failed. */
  async editTopic(
    name: string,
    edit: (stored: StoredTopic | undefined) => StoredTopic | undefined,
  ): Promise<boolean> {
    let previous: StoredTopic | undefined;
    const put = (topics: Map<string, StoredTopic>, stored: StoredTopic | undefined): void => {
      if (stored === undefined) topics.delete(name);
      else topics.set(name, stored);
    };
    try {
      await this.#store.update({
        apply: ({ topics }) => {
          previous = topics.get(name);
          put(topics, edit(previous));
        },
        undo: ({ topics }) => put(topics, previous),
      });
      return true;
    } catch (error) {
      this.#log.error('metadata not written', { topic: name, error: asError(error) });
      return false;
    }
  }

  /** A topic's overrides as last written or about to be; undefined when there is no such topic. */
  topicOverrides(name: string): ReadonlyMap<string, string> | undefined {
    return this.#store.metadata.topics.get(name)?.overrides;
  }

  /** Names of deleted topics whose directories may still be there. */
  tombstones(): string[] {
    const topics = [...this.#store.metadata.topics.values()];
    return topics.filter(({ isDeleting }) => isDeleting).map(({ name }) => name);
  }

  /** What a change of a scope's dynamic broker overrides would make. Changes nothing. */
  planBrokerConfig(
    dynamicConfig: DynamicConfig,
    scope: DynamicScope,
    edit: (current: ReadonlyMap<string, string>) => ReadonlyMap<string, string>,
  ): Outcome<ReadonlyMap<string, string>> {
    try {
      const overrides = edit(this.#store.metadata[fieldOf[scope]]);
      dynamicConfig.check(scope, overrides);
      return done(overrides);
    } catch (error) {
      // For brokers, Kafka answers a refused value like a request that makes no sense.
      if (error instanceof ConfigError) return refused(ErrorCode.INVALID_REQUEST, error.message);
      throw error;
    }
  }

  /** Changes a scope's dynamic broker overrides and, once they are durable, puts them in force. */
  async alterBrokerConfig(
    dynamicConfig: DynamicConfig,
    scope: DynamicScope,
    edit: (current: ReadonlyMap<string, string>) => ReadonlyMap<string, string>,
  ): Promise<Outcome<null>> {
    const plan = this.planBrokerConfig(dynamicConfig, scope, edit);
    if (plan.refusal !== null) return plan;
    const overrides = plan.value;
    const field = fieldOf[scope];
    const previous = this.#store.metadata[field];
    try {
      await this.#store.update({
        apply: (metadata) => {
          metadata[field] = overrides;
        },
        undo: (metadata) => {
          metadata[field] = previous;
        },
      });
    } catch (error) {
      this.#log.error('broker configs not written', { error: asError(error) });
      return storageFailed();
    }
    dynamicConfig.apply(scope, overrides);
    return done(null);
  }

  /** Resolves when nothing is left to write. */
  settle(): Promise<void> {
    return this.#store.settle();
  }
}

const fieldOf = { broker: 'brokerOverrides', cluster: 'clusterOverrides' } as const;
