import { asError, eachLimited, type Logger, type Prng } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import { checkTopicOverrides } from '../config/config-edits.ts';
import type { DynamicConfig } from '../config/dynamic-config.ts';
import { topicConfigOf } from '../config/topic-config.ts';
import type { PartitionSpec, PartitionTable } from '../replica/partition-table.ts';
import type { DurableRecords } from './durable-records.ts';
import { newUuid } from './meta-properties.ts';
import type { MetadataImage, TopicImage } from './metadata-image.ts';
import {
  type NewTopic,
  type PlanView,
  planTopic,
  refusedConfig,
  type TopicPlan,
} from './new-topic.ts';
import { done, type Outcome, refused, storageFailed, unknownTopic } from './refusal.ts';
import type { StoredTopic } from './store/local.ts';
import { type ExtraAssignments, growthProblem } from './topic-growth.ts';
import { CONSUMER_OFFSETS_TOPIC, isInternalTopic } from './topic-name.ts';

/** What `Topics` needs of the partition table. */
export type PartitionKeeper = Pick<
  PartitionTable,
  'open' | 'create' | 'leaveOffline' | 'remove' | 'configure'
>;

/** Something happened to a topic. For `deleted`, the topic as it last was. */
export interface TopicChange {
  readonly kind: 'created' | 'deleted' | 'partitions-added' | 'reconfigured';
  readonly topic: TopicImage;
}

export interface TopicsParts {
  readonly image: MetadataImage;
  readonly records: DurableRecords;
  readonly partitions: PartitionKeeper;
  readonly dynamicConfig: DynamicConfig;
  /** What `millrace.max.partitions` = -1 stands for. */
  readonly partitionCap: number;
  readonly random: Prng;
  readonly log: Logger;
}

/** Makes a new set of overrides. May throw ConfigError. */
export type OverridesEdit = (current: ReadonlyMap<string, string>) => ReadonlyMap<string, string>;

/** Partition directories made or deleted at a time; each is a few flushes of the disk. */
const PARTITIONS_AT_A_TIME = 16;

/**
 * The topics of the cluster: makes, changes and deletes them durably. Metadata is on the device before a
 * directory is made, and a tombstone before one is deleted; the next start finishes what a crash cut
 * short. Refusals are values; what rejects is a bug.
 */
export class Topics {
  readonly image: MetadataImage;
  readonly #parts: TopicsParts;
  readonly #listeners = new Set<(change: TopicChange) => void>();
  /** Creations and deletions under way, by topic name. */
  readonly #underWay = new Map<string, Promise<unknown>>();
  /** Deleted topics of which files may be left, until a start can look into every log dir. */
  readonly #undeleted: Set<string>;
  /** Partitions of those creations; they count against the cap already. */
  #comingPartitionCount = 0;

  constructor(parts: TopicsParts) {
    this.image = parts.image;
    this.#parts = parts;
    this.#undeleted = new Set(parts.records.tombstones());
    parts.dynamicConfig.onChange(() => this.#reconfigureAll());
  }

  /** Calls back after every change, once it is durable. Returns the way to stop it. */
  onChange(listener: (change: TopicChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What creating this topic would make. Changes nothing. */
  plan(topic: NewTopic): Outcome<TopicPlan> {
    if (this.#underWay.has(topic.name)) {
      return refused(ErrorCode.TOPIC_ALREADY_EXISTS, `Topic '${topic.name}' already exists.`);
    }
    if (this.#undeleted.has(topic.name)) {
      // Its record would replace the tombstone, and what is left would be taken for the new topic's.
      return refused(
        ErrorCode.KAFKA_STORAGE_ERROR,
        `Topic '${topic.name}' is deleted, but files of it may be left in a log dir that failed.`,
      );
    }
    return planTopic(topic, this.#view());
  }

  /** Creates a topic; its partitions are open and durable when it resolves. */
  async createTopic(topic: NewTopic): Promise<Outcome<TopicImage>> {
    const plan = this.plan(topic);
    if (plan.refusal !== null) return plan;
    return this.#guard(topic.name, plan.value.partitionCount, () => this.#create(plan.value));
  }

  /** Creates a topic that a client asked for without saying how (T24), unless it is there. */
  autoCreate(name: string): Promise<Outcome<TopicImage>> {
    if (isInternalTopic(name)) return this.ensureInternalTopic(name);
    return this.#ensure({ ...defaults, name, configs: [] });
  }

  /** The internal topic, made with its own settings when it is not there yet. */
  ensureInternalTopic(name: string): Promise<Outcome<TopicImage>> {
    if (name !== CONSUMER_OFFSETS_TOPIC) return Promise.resolve(unknownTopic());
    const { config } = this.#parts.dynamicConfig;
    return this.#ensure({
      ...defaults,
      name,
      partitionCount: config.offsetsTopicNumPartitions,
      configs: [
        { name: 'cleanup.policy', value: 'compact' },
        { name: 'segment.bytes', value: String(config.offsetsTopicSegmentBytes) },
        { name: 'compression.type', value: 'producer' },
      ],
    });
  }

  /** The topic of this name, once nothing is under way with it; created when there is none then. */
  async #ensure(topic: NewTopic): Promise<Outcome<TopicImage>> {
    for (;;) {
      const underWay = this.#underWay.get(topic.name);
      if (underWay === undefined) break;
      await underWay;
    }
    const existing = this.image.topic(topic.name);
    return existing === undefined ? this.createTopic(topic) : done(existing);
  }

  /** Deletes a topic. Its directories are renamed away durably when it resolves, their files go later. */
  async deleteTopic(name: string): Promise<Outcome<TopicImage>> {
    const topic = this.image.topic(name);
    if (topic === undefined) return unknownTopic();
    if (topic.internal) {
      return refused(
        ErrorCode.INVALID_TOPIC_EXCEPTION,
        `Topic ${name} is kept by the broker itself and cannot be deleted.`,
      );
    }
    return this.#guard(name, 0, () => this.#delete(topic));
  }

  /** Raises the number of partitions to `newTotal`. */
  async addPartitions(
    name: string,
    newTotal: number,
    assignments: ExtraAssignments | null = null,
    validateOnly = false,
  ): Promise<Outcome<TopicImage>> {
    const topic = this.image.topic(name);
    if (topic === undefined) return unknownTopic();
    const problem = growthProblem(topic, newTotal, assignments, this.#view());
    if (problem !== null) return problem;
    if (validateOnly) return done({ ...topic, partitionCount: newTotal });
    const added = newTotal - topic.partitionCount;
    return this.#guard(name, added, () => this.#grow(topic, newTotal));
  }

  /**
   * Changes a topic's overrides. `edit` makes the new set from the one that was last written, so that two
   * changes at a time do not lose each other; what it refuses (ConfigError) becomes the answer.
   */
  async alterTopicConfig(name: string, edit: OverridesEdit): Promise<Outcome<TopicImage>> {
    const plan = this.planTopicConfig(name, edit);
    if (plan.refusal !== null) return plan;
    const { topic, overrides } = plan.value;
    const isWritten = await this.#parts.records.editTopic(
      name,
      (stored) => stored && { ...stored, overrides },
    );
    if (!isWritten) return storageFailed();
    // Partitions may have been added meanwhile: take everything but the overrides as it is now.
    const current = this.image.topic(name);
    if (current === undefined) return done(topic);
    return done(this.#reconfigure({ ...current, overrides }));
  }

  /** What a change of overrides would make. Changes nothing. */
  planTopicConfig(
    name: string,
    edit: OverridesEdit,
  ): Outcome<{ readonly topic: TopicImage; readonly overrides: ReadonlyMap<string, string> }> {
    const topic = this.image.topic(name);
    if (topic === undefined) return unknownTopic();
    try {
      const overrides = edit(this.#parts.records.topicOverrides(name) ?? topic.overrides);
      checkTopicOverrides(overrides);
      return done({ topic, overrides });
    } catch (error) {
      return refusedConfig(error);
    }
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#underWay.values());
    await this.#parts.records.settle();
  }

  async #create(plan: TopicPlan): Promise<Outcome<TopicImage>> {
    const topic = this.#imageOf({
      ...plan,
      id: newUuid(this.#parts.random),
      internal: isInternalTopic(plan.name),
    });
    if (!(await this.#parts.records.editTopic(topic.name, () => storedTopic(topic))))
      return storageFailed();
    if (!(await this.#createPartitions(topic, 0, topic.partitionCount))) {
      await this.#delete(topic, true);
      return storageFailed();
    }
    this.image.put(topic);
    this.#tell({ kind: 'created', topic });
    return done(topic);
  }

  /** @param isNew no log dir can hold anything of it but those that are used. */
  async #delete(topic: TopicImage, isNew = false): Promise<Outcome<TopicImage>> {
    const isWritten = await this.#parts.records.editTopic(topic.name, () => ({
      ...storedTopic(topic),
      isDeleting: true,
    }));
    if (!isWritten) return storageFailed();
    this.image.remove(topic.name);
    let isGone = true;
    await eachLimited(range(0, topic.partitionCount), PARTITIONS_AT_A_TIME, async (index) => {
      try {
        const isAll = await this.#parts.partitions.remove(topic.name, index);
        if (!isAll && !isNew) throw new Error('it may lie in a log dir that failed');
      } catch (error) {
        isGone = false;
        const fields = { topic: topic.name, partition: index, error: asError(error) };
        this.#parts.log.error('partition not deleted; the next start tries again', fields);
      }
    });
    // A tombstone that could not be dropped is harmless: the next start finds no directory and drops it.
    if (!isGone) this.#undeleted.add(topic.name);
    else await this.#parts.records.editTopic(topic.name, () => undefined);
    this.#tell({ kind: 'deleted', topic });
    return isGone ? done(topic) : storageFailed();
  }

  async #grow(topic: TopicImage, newTotal: number): Promise<Outcome<TopicImage>> {
    const grown = { ...topic, partitionCount: newTotal };
    const isWritten = await this.#parts.records.editTopic(
      topic.name,
      (stored) => stored && { ...stored, partitionCount: newTotal },
    );
    if (!isWritten) return storageFailed();
    if (!(await this.#createPartitions(grown, topic.partitionCount, newTotal))) {
      return storageFailed();
    }
    const current = this.image.topic(topic.name) ?? topic;
    const image = { ...current, partitionCount: newTotal };
    this.image.put(image);
    this.#tell({ kind: 'partitions-added', topic: image });
    return done(image);
  }

  async #createPartitions(topic: TopicImage, from: number, to: number): Promise<boolean> {
    try {
      await eachLimited(range(from, to), PARTITIONS_AT_A_TIME, async (index) => {
        await this.#parts.partitions.create(partitionSpec(topic, index));
      });
      return true;
    } catch (error) {
      this.#parts.log.error('partition not created', { topic: topic.name, error: asError(error) });
      return false;
    }
  }

  /** Lets one creation, deletion or growth of a topic run at a time; a second one is told to come again. */
  async #guard(
    name: string,
    newPartitionCount: number,
    work: () => Promise<Outcome<TopicImage>>,
  ): Promise<Outcome<TopicImage>> {
    if (this.#underWay.has(name)) {
      return refused(
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        `Another change of topic '${name}' is under way.`,
      );
    }
    this.#comingPartitionCount += newPartitionCount;
    const running = work();
    this.#underWay.set(name, running);
    try {
      return await running;
    } finally {
      this.#comingPartitionCount -= newPartitionCount;
      this.#underWay.delete(name);
    }
  }

  #reconfigure(topic: Omit<TopicImage, 'config'>): TopicImage {
    const image = this.#imageOf(topic);
    this.image.put(image);
    this.#parts.partitions.configure(image.name, image.config);
    this.#tell({ kind: 'reconfigured', topic: image });
    return image;
  }

  #reconfigureAll(): void {
    for (const topic of [...this.image.topics()]) this.#reconfigure(topic);
  }

  /** What a new topic or partition is judged by. */
  #view(): PlanView {
    const { config } = this.#parts.dynamicConfig;
    return {
      image: this.image,
      config,
      partitionCap: config.maxPartitions === -1 ? this.#parts.partitionCap : config.maxPartitions,
      comingTopics: this.#underWay.keys(),
      comingPartitionCount: this.#comingPartitionCount,
    };
  }

  #imageOf(topic: Omit<TopicImage, 'config'>): TopicImage {
    const config = topicConfigOf(topic.overrides, this.#parts.dynamicConfig.layers);
    return { ...topic, config };
  }

  #tell(change: TopicChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

const defaults = { partitionCount: -1, replicationFactor: -1, assignments: [] } as const;

export function partitionSpec(topic: TopicImage, index: number): PartitionSpec {
  const { name, id, internal, config } = topic;
  return { topic: name, index, topicId: id, isInternal: internal, config };
}

function storedTopic(topic: TopicImage): StoredTopic {
  const { name, id, partitionCount, overrides } = topic;
  return { name, id, partitionCount, overrides, isDeleting: false };
}

function* range(from: number, to: number): IterableIterator<number> {
  for (let index = from; index < to; index++) yield index;
}
