import type { TopicConfig } from '../config/topic-config.ts';

/** A topic as the broker knows it. Replaced, never changed, when something about it changes. */
export interface TopicImage {
  readonly name: string;
  /** Base64url topic id. */
  readonly id: string;
  readonly partitionCount: number;
  /** One of the broker's own topics, such as `__consumer_offsets`. */
  readonly internal: boolean;
  /** What was set on the topic itself, by config name. */
  readonly overrides: ReadonlyMap<string, string>;
  /** What is in force: overrides, broker settings, defaults. */
  readonly config: TopicConfig;
}

/** Everything the broker knows of the cluster, in memory. Only `Topics` writes to it. */
export class MetadataImage {
  readonly clusterId: string;
  readonly brokerId: number;
  readonly #byName = new Map<string, TopicImage>();
  readonly #byId = new Map<string, TopicImage>();
  /** Topic names by their form with `.` read as `_`, in which no two may be equal (T29). */
  readonly #byMetricName = new Map<string, string>();
  #partitionCount = 0;
  #version = 0;

  constructor(identity: { readonly clusterId: string; readonly brokerId: number }) {
    this.clusterId = identity.clusterId;
    this.brokerId = identity.brokerId;
  }

  /** Rises with every change. */
  get version(): number {
    return this.#version;
  }

  get topicCount(): number {
    return this.#byName.size;
  }

  /** Partitions of all topics together. */
  get partitionCount(): number {
    return this.#partitionCount;
  }

  topic(name: string): TopicImage | undefined {
    return this.#byName.get(name);
  }

  topicById(id: string): TopicImage | undefined {
    return this.#byId.get(id);
  }

  /** In the order of creation. */
  topics(): IterableIterator<TopicImage> {
    return this.#byName.values();
  }

  /** The existing topic that a new one of this name would be confused with; undefined when none. */
  collidingTopic(name: string): string | undefined {
    const other = this.#byMetricName.get(metricName(name));
    return other === name ? undefined : other;
  }

  put(topic: TopicImage): void {
    const previous = this.#byName.get(topic.name);
    this.#partitionCount += topic.partitionCount - (previous?.partitionCount ?? 0);
    if (previous !== undefined && previous.id !== topic.id) this.#byId.delete(previous.id);
    this.#byName.set(topic.name, topic);
    this.#byId.set(topic.id, topic);
    this.#byMetricName.set(metricName(topic.name), topic.name);
    this.#version++;
  }

  remove(name: string): void {
    const topic = this.#byName.get(name);
    if (topic === undefined) return;
    this.#partitionCount -= topic.partitionCount;
    this.#byName.delete(name);
    this.#byId.delete(topic.id);
    this.#byMetricName.delete(metricName(name));
    this.#version++;
  }
}

/** True for two different names that read the same with `.` as `_` (T29). */
export function collide(name: string, other: string): boolean {
  return name !== other && metricName(name) === metricName(other);
}

function metricName(name: string): string {
  return name.replaceAll('.', '_');
}
