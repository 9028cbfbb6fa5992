import { Producer, type ProducerOptions, type RecordMetadata } from '@millrace/client';

const IN_FLIGHT = 400;
/** From which a broker's answer is given up; a fault must not outlast it. */
const REQUEST_TIMEOUT_MS = 10_000;

export interface RecordLoadOptions {
  readonly bootstrapServers: string;
  readonly topic: string;
  /** Unique among the loads of one run: values begin with it. */
  readonly name: string;
  readonly compressionType?: ProducerOptions['compressionType'];
  /** Records in flight at a time. */
  readonly inFlight?: number;
  /** Characters after a value's name. */
  readonly paddingLength?: number;
}

/** An idempotent producer that keeps a bounded number of records in flight and remembers what became of each. */
export class RecordLoad {
  readonly topic: string;
  readonly acknowledged = new Map<string, RecordMetadata>();
  /** Sent, and neither acknowledged nor refused for certain. */
  readonly unknown = new Set<string>();
  /** Why records were not acknowledged, and how many each time. */
  readonly errors = new Map<string, number>();
  readonly #producer: Producer;
  readonly #name: string;
  readonly #padding: string;
  readonly #done: Promise<void>;
  #isStopped = false;
  #next = 0;

  constructor(options: RecordLoadOptions) {
    this.topic = options.topic;
    this.#name = options.name;
    this.#padding = '.'.repeat(options.paddingLength ?? 0);
    this.#producer = new Producer({
      bootstrapServers: options.bootstrapServers,
      compressionType: options.compressionType ?? 'none',
      lingerMs: 1,
      retryBackoffMs: 20,
      retryBackoffMaxMs: 200,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
    });
    const lanes = Array.from({ length: options.inFlight ?? IN_FLIGHT }, () => this.#lane());
    this.#done = Promise.all(lanes).then(() => {});
  }

  async #lane(): Promise<void> {
    while (!this.#isStopped) {
      const key = `${this.#name}-${this.#next++}`;
      const value = `${key}${this.#padding}`;
      try {
        const { topic } = this;
        this.acknowledged.set(value, await this.#producer.send({ topic, key, value }));
      } catch (error) {
        this.unknown.add(value);
        const why = String(error);
        this.errors.set(why, (this.errors.get(why) ?? 0) + 1);
      }
    }
  }

  /** Sends nothing more; resolves when the fate of everything sent is known. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#done;
    await this.#producer.close();
  }
}
