import {
  type Counter,
  defineMetrics,
  type Histogram,
  type MetricFamilies,
  type RenderedFamily,
} from '@millrace/base';

/** Catch-up delivers what is as old as the retention. Seconds. */
export const LAG_SECONDS = [
  ...[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  ...[60, 600, 3600, 86_400],
];

/** `gateway.metrics.topics` may say `*`; topics beyond so many are counted together. */
const TOPICS_MAX = 1000;
const OTHERS = '__other__';
const PATHS = ['hot', 'cold', 'conflated'];

/** What is counted for each topic that `gateway.metrics.topics` lists: the only labels that name a topic (§21). */
export const topicMetrics = defineMetrics({
  records: {
    name: 'millrace_gateway_topic_records_delivered_total',
    type: 'counter',
    labels: ['topic', 'path'],
    sentence: 'Records sent, of listed topics.',
    maxSeries: PATHS.length * (TOPICS_MAX + 1),
  },
  bytes: {
    name: 'millrace_gateway_topic_bytes_out_total',
    type: 'counter',
    labels: ['topic'],
    sentence: 'Bytes of Records frames sent, of listed topics.',
    maxSeries: TOPICS_MAX + 1,
  },
  lag: {
    name: 'millrace_gateway_topic_delivery_lag_seconds',
    type: 'histogram',
    labels: ['topic'],
    sentence: 'As delivery_lag_seconds, of listed topics.',
    buckets: LAG_SECONDS,
    divisor: 1000,
    maxSeries: TOPICS_MAX + 1,
  },
  gaps: {
    name: 'millrace_gateway_topic_gaps_total',
    type: 'counter',
    labels: ['topic', 'reason'],
    sentence: 'Gap frames sent, of listed topics.',
  },
  publishes: {
    name: 'millrace_gateway_topic_publishes_total',
    type: 'counter',
    labels: ['topic', 'code'],
    sentence:
      'Records that were handed to the cluster, by the code of their result, of listed topics.',
  },
});

type Families = MetricFamilies<typeof topicMetrics.rows>;

/** Counts of one listed topic. */
export class TopicMeter {
  /** Of what is sent: milliseconds since the append. */
  readonly lag: Histogram;
  readonly #topic: string;
  readonly #families: Families;
  readonly #records: readonly Counter[];
  readonly #bytes: Counter;

  constructor(topic: string, families: Families) {
    this.#topic = topic;
    this.#families = families;
    this.lag = families.lag.with(topic);
    this.#records = PATHS.map((path) => families.records.with(topic, path));
    this.#bytes = families.bytes.with(topic);
  }

  /** @param path a `DeliveryPath` */
  delivered(path: number, records: number, bytes: number): void {
    (this.#records[path] as Counter).add(records);
    this.#bytes.add(bytes);
  }

  gap(reason: string): void {
    this.#families.gaps.with(this.#topic, reason).add();
  }

  published(code: string, count: number): void {
    this.#families.publishes.with(this.#topic, code).add(count);
  }
}

/** The meters of listed topics, made when something happens to them. */
export class TopicMeters {
  readonly #metrics = topicMetrics.create();
  readonly #meters = new Map<string, TopicMeter>();
  readonly #isListed: (topic: string) => boolean;

  constructor(isListed: (topic: string) => boolean) {
    this.#isListed = isListed;
  }

  /** Null for a topic that is not listed. Keep it on hot paths. */
  of(topic: string): TopicMeter | null {
    const known = this.#meters.get(topic);
    if (known !== undefined) return known;
    if (!this.#isListed(topic)) return null;
    const isFull = this.#meters.size >= TOPICS_MAX;
    if (isFull && topic !== OTHERS) return this.of(OTHERS) ?? this.#add(OTHERS);
    return this.#add(topic);
  }

  rendered(): Iterable<RenderedFamily> {
    return this.#metrics.rendered();
  }

  #add(topic: string): TopicMeter {
    const meter = new TopicMeter(topic, this.#metrics.families);
    this.#meters.set(topic, meter);
    return meter;
  }
}
