import type { TopicConfig } from '../config/topic-config.ts';
import type { AppendPlan } from '../log/append-plan.ts';
import type { LogManager } from '../log/log-manager.ts';
import { OfflinePartitions } from './offline-partitions.ts';
import { Partition } from './partition.ts';

export interface PartitionTableParts {
  readonly logs: LogManager;
  readonly plan: AppendPlan;
  readonly isDurable: boolean;
  readonly nowMs: () => number;
}

/** What it takes to open or create one partition. */
export interface PartitionSpec {
  readonly topic: string;
  readonly index: number;
  /** Base64url topic id. */
  readonly topicId: string;
  readonly isInternal: boolean;
  readonly config: TopicConfig;
}

/** All partitions this broker leads, by topic name, topic id and log. */
export class PartitionTable {
  /** Partitions that are known and not in this table. */
  readonly offline = new OfflinePartitions();
  readonly #parts: PartitionTableParts;
  readonly #byTopic = new Map<string, (Partition | undefined)[]>();
  readonly #byTopicId = new Map<string, (Partition | undefined)[]>();
  readonly #byLogId: (Partition | undefined)[] = [];
  #count = 0;

  constructor(parts: PartitionTableParts) {
    this.#parts = parts;
  }

  /** How many partitions there are. */
  get count(): number {
    return this.#count;
  }

  get(topic: string, partition: number): Partition | undefined {
    return this.#byTopic.get(topic)?.[partition];
  }

  getById(topicId: string, partition: number): Partition | undefined {
    return this.#byTopicId.get(topicId)?.[partition];
  }

  /** The partitions of a topic by number; holes where one is missing. */
  ofTopic(topic: string): readonly (Partition | undefined)[] | undefined {
    return this.#byTopic.get(topic);
  }

  ofTopicId(topicId: string): readonly (Partition | undefined)[] | undefined {
    return this.#byTopicId.get(topicId);
  }

  getByLogId(logId: number): Partition | undefined {
    return this.#byLogId[logId];
  }

  *[Symbol.iterator](): Iterator<Partition> {
    for (const partitions of this.#byTopic.values()) {
      for (const partition of partitions) if (partition !== undefined) yield partition;
    }
  }

  /** Above every producer id that any log knows; ids below may be in use by another broker's producers. */
  lowestFreeProducerId(): number {
    let highest = -1;
    for (const partition of this) {
      for (const entry of partition.log.producers.entries()) {
        highest = Math.max(highest, entry.producerId);
      }
    }
    return highest + 1;
  }

  /** Opens a partition whose directory was found at start. Rejects with EngineError. */
  open(spec: PartitionSpec): Promise<Partition> {
    return this.#add(spec, false);
  }

  /** Creates a partition in the log dir with the fewest logs; durable when it resolves. */
  create(spec: PartitionSpec): Promise<Partition> {
    return this.#add(spec, true);
  }

  /** Notes a partition that could not be opened or created at start. */
  leaveOffline(spec: PartitionSpec): void {
    this.offline.add(spec);
  }

  /**
   * Takes a partition out of service and deletes its log, also one that is not open. False when it may lie in
   * a log dir that is offline.
   */
  async remove(topic: string, index: number): Promise<boolean> {
    const partition = this.get(topic, index);
    if (partition === undefined) {
      const isAll = await this.#parts.logs.discardLog(topic, index);
      if (isAll) this.offline.delete(topic, index);
      return isAll;
    }
    this.#forget(partition);
    // Nothing of this log may stand staged when its files go.
    this.#parts.plan.commit();
    partition.goOffline();
    await this.#parts.logs.deleteLog(partition.log);
    return true;
  }

  /** Takes over a changed configuration for every partition of a topic. */
  configure(topic: string, config: TopicConfig): void {
    for (const partition of this.#byTopic.get(topic) ?? []) partition?.configure(config);
  }

  async #add(spec: PartitionSpec, create: boolean): Promise<Partition> {
    const existing = this.get(spec.topic, spec.index);
    if (existing !== undefined) return existing;
    const log = create
      ? await this.#parts.logs.createLog(spec.topic, spec.index, spec.topicId, spec.config)
      : await this.#parts.logs.openLog(spec.topic, spec.index, spec.topicId, spec.config);
    const partition = new Partition({
      topic: spec.topic,
      index: spec.index,
      topicId: spec.topicId,
      isInternal: spec.isInternal,
      log,
      plan: this.#parts.plan,
      isDurable: this.#parts.isDurable,
      nowMs: this.#parts.nowMs,
    });
    place(this.#byTopic, spec.topic, partition);
    place(this.#byTopicId, spec.topicId, partition);
    this.#byLogId[log.logId] = partition;
    this.#count++;
    return partition;
  }

  #forget(partition: Partition): void {
    take(this.#byTopic, partition.topic, partition.index);
    take(this.#byTopicId, partition.topicId, partition.index);
    this.#byLogId[partition.log.logId] = undefined;
    this.#count--;
  }
}

function place(
  map: Map<string, (Partition | undefined)[]>,
  key: string,
  partition: Partition,
): void {
  const partitions = map.get(key);
  if (partitions === undefined) {
    const fresh: (Partition | undefined)[] = [];
    while (fresh.length < partition.index) fresh.push(undefined);
    fresh.push(partition);
    map.set(key, fresh);
    return;
  }
  while (partitions.length < partition.index) partitions.push(undefined);
  partitions[partition.index] = partition;
}

function take(map: Map<string, (Partition | undefined)[]>, key: string, index: number): void {
  const partitions = map.get(key);
  if (partitions === undefined) return;
  partitions[index] = undefined;
  if (partitions.every((partition) => partition === undefined)) map.delete(key);
}
