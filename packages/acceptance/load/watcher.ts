import { Consumer } from '@millrace/client';

/**
 * Reads along while faults happen and remembers what it was shown. A record that was shown must stay: that is
 * what the high watermark promises.
 */
export class Watcher {
  /** Value by `partition@offset`. */
  readonly shown = new Map<string, string>();
  readonly #consumer: Consumer;
  readonly #topic: string;
  readonly #partitionCount: number;
  readonly #done: Promise<void>;
  #isStopped = false;

  constructor(bootstrapServers: string, topic: string, partitionCount: number) {
    this.#topic = topic;
    this.#partitionCount = partitionCount;
    this.#consumer = new Consumer({
      bootstrapServers,
      autoOffsetReset: 'earliest',
      retryBackoffMs: 20,
      retryBackoffMaxMs: 200,
      requestTimeoutMs: 5_000,
    });
    this.#done = this.#watch();
  }

  async #watch(): Promise<void> {
    const partitions = Array.from({ length: this.#partitionCount }, (_, index) => index);
    const decoder = new TextDecoder();
    let isAssigned = false;
    while (!this.#isStopped) {
      if (!isAssigned) {
        // The broker may be away just now.
        const assigning = this.#consumer.assign([{ topic: this.#topic, partitions }]);
        isAssigned = await assigning.then(
          () => true,
          () => false,
        );
        continue;
      }
      for (const { partition, offset, value } of await this.#consumer.poll(100)) {
        this.shown.set(`${partition}@${offset}`, decoder.decode(value ?? undefined));
      }
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#done;
    await this.#consumer.close();
  }
}
