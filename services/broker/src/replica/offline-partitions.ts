/** What names a partition here. */
interface PartitionName {
  readonly topic: string;
  readonly topicId: string;
  readonly index: number;
}

/**
 * Partitions whose log cannot be opened: they are known, have no leader, and answer KAFKA_STORAGE_ERROR until a
 * start finds them mended, or they are deleted.
 */
export class OfflinePartitions {
  /** Topic → number → topic id. */
  readonly #byTopic = new Map<string, Map<number, string>>();
  readonly #byTopicId = new Map<string, Set<number>>();

  add({ topic, topicId, index }: PartitionName): void {
    const ids = this.#byTopic.get(topic) ?? new Map();
    this.#byTopic.set(topic, ids.set(index, topicId));
    const indexes = this.#byTopicId.get(topicId) ?? new Set();
    this.#byTopicId.set(topicId, indexes.add(index));
  }

  has(topic: string, index: number): boolean {
    return this.#byTopic.get(topic)?.has(index) ?? false;
  }

  hasId(topicId: string, index: number): boolean {
    return this.#byTopicId.get(topicId)?.has(index) ?? false;
  }

  delete(topic: string, index: number): void {
    const topicId = this.#byTopic.get(topic)?.get(index);
    if (topicId === undefined) return;
    drop(this.#byTopic, topic, index);
    drop(this.#byTopicId, topicId, index);
  }
}

function drop(
  of: Map<string, { delete(index: number): boolean; readonly size: number }>,
  key: string,
  index: number,
): void {
  const indexes = of.get(key);
  indexes?.delete(index);
  if (indexes?.size === 0) of.delete(key);
}
