import type { Partition } from '../replica/partition.ts';
import { SampledFamily, type SampledRow, type SampledSeries } from './sampled-family.ts';

/** Topics with meters of their own; beyond, records and bytes count in the total only. */
const MAX_TOPICS = 20_000;

/** Counters by topic, and their totals without a label (N7). */
export const topicFamilies: readonly SampledRow[] = [
  meter('messagesin', 'Records produced.'),
  meter('bytesin', 'Bytes of record batches produced.'),
  meter('bytesout', 'Bytes of record batches fetched.'),
];

function meter(name: string, sentence: string): SampledRow {
  const fullName = `kafka_server_brokertopicmetrics_${name}_total`;
  return { name: fullName, labels: ['topic'], sentence, type: 'counter' };
}

class Meters {
  messagesIn = 0;
  bytesIn = 0;
  bytesOut = 0;
  readonly prefixes: readonly string[];

  constructor(prefixes: readonly string[]) {
    this.prefixes = prefixes;
  }
}

/** Records and bytes in and out, by topic and, without a label, in all (N7). */
export class TopicMeters implements SampledSeries {
  readonly families = topicFamilies.map((row) => new SampledFamily(row));
  readonly #total = new Meters(this.families.map((family) => family.prefix()));
  readonly #byTopic = new Map<string, Meters>();
  #lastTopic = '';
  #lastMeters: Meters = this.#total;

  produced(partition: Partition, bytes: number, recordCount: number): void {
    const meters = this.#metersOf(partition.topic);
    meters.messagesIn += recordCount;
    meters.bytesIn += bytes;
    if (meters === this.#total) return;
    this.#total.messagesIn += recordCount;
    this.#total.bytesIn += bytes;
  }

  fetched(topic: string, bytes: number): void {
    const meters = this.#metersOf(topic);
    meters.bytesOut += bytes;
    if (meters !== this.#total) this.#total.bytesOut += bytes;
  }

  /** The topic is gone, and its series with it; the total keeps what it counted. */
  drop(topic: string): void {
    this.#byTopic.delete(topic);
    this.#lastTopic = '';
    this.#lastMeters = this.#total;
  }

  *refresh(): Iterable<void> {
    for (const family of this.families) family.begin();
    this.#sample(this.#total);
    for (const meters of this.#byTopic.values()) {
      this.#sample(meters);
      yield;
    }
  }

  #sample({ prefixes, messagesIn, bytesIn, bytesOut }: Meters): void {
    this.families[0]?.add(prefixes[0] as string, messagesIn);
    this.families[1]?.add(prefixes[1] as string, bytesIn);
    this.families[2]?.add(prefixes[2] as string, bytesOut);
  }

  #metersOf(topic: string): Meters {
    if (this.#lastTopic === topic) return this.#lastMeters;
    const meters = this.#byTopic.get(topic) ?? this.#newMeters(topic);
    this.#lastTopic = topic;
    this.#lastMeters = meters;
    return meters;
  }

  #newMeters(topic: string): Meters {
    if (this.#byTopic.size >= MAX_TOPICS) return this.#total;
    const meters = new Meters(this.families.map((family) => family.prefix(['topic', topic])));
    this.#byTopic.set(topic, meters);
    return meters;
  }
}
