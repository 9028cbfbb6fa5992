import type { Logger } from '@millrace/base';
import type { DynamicConfig, DynamicScope } from '../config/dynamic-config.ts';
import { refusedConfig } from './new-topic.ts';
import { done, type Outcome, storageFailed } from './refusal.ts';
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
      this.#log.error('metadata not written', { topic: name, error: String(error) });
      return false;
    }
  }

  /** Replaces the whole set of dynamic broker overrides of a scope and puts it in force. */
  async replaceBrokerOverrides(
    dynamicConfig: DynamicConfig,
    scope: DynamicScope,
    overrides: ReadonlyMap<string, string>,
  ): Promise<Outcome<null>> {
    try {
      dynamicConfig.check(scope, overrides);
    } catch (error) {
      return refusedConfig(error);
    }
    const field = scope === 'broker' ? 'brokerOverrides' : 'clusterOverrides';
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
      this.#log.error('broker configs not written', { error: String(error) });
      return storageFailed();
    }
    dynamicConfig.apply(scope, overrides);
    return done(null);
  }

  /**
   * Takes producer ids out of circulation: the first of `count` new ones, once that is durable.
   * @throws EngineError when the disk failed.
   */
  async takeProducerIds(count: number): Promise<number> {
    let first = 0;
    await this.#store.update({
      apply: (metadata) => {
        first = metadata.nextProducerId;
        metadata.nextProducerId += count;
      },
      // Ids skipped by a failed write are never missed; ids handed out twice would be.
      undo: () => {},
    });
    return first;
  }

  /** Resolves when nothing is left to write. */
  settle(): Promise<void> {
    return this.#store.settle();
  }
}
