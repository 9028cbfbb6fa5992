import { Consumer } from '@millrace/client';

const TOPIC_PARTITION = 0;

/** Commits ever larger offsets for several groups and remembers the largest acknowledged of each. */
export class CommitLoad {
  readonly acknowledged = new Map<string, number>();
  readonly attempted = new Map<string, number>();
  acknowledgedCount = 0;
  readonly #bootstrapServers: string;
  readonly #topic: string;
  readonly #groups: readonly string[];
  readonly #done: Promise<void>;
  #isStopped = false;

  constructor(bootstrapServers: string, topic: string, groupCount: number) {
    this.#bootstrapServers = bootstrapServers;
    this.#topic = topic;
    this.#groups = Array.from({ length: groupCount }, (_, index) => `commits-${index}`);
    this.#done = Promise.all(this.#groups.map((group) => this.#commitAll(group))).then(() => {});
  }

  #consumer(groupId: string): Consumer {
    return new Consumer({
      bootstrapServers: this.#bootstrapServers,
      groupId,
      retryBackoffMs: 20,
      retryBackoffMaxMs: 200,
      requestTimeoutMs: 5_000,
      enableAutoCommit: false,
    });
  }

  async #commitAll(group: string): Promise<void> {
    const consumer = this.#consumer(group);
    for (let offset = 1; !this.#isStopped; offset++) {
      this.attempted.set(group, offset);
      try {
        await consumer.commit(new Map([[this.#topic, new Map([[TOPIC_PARTITION, offset]])]]));
        this.acknowledged.set(group, offset);
        this.acknowledgedCount++;
      } catch {
        // Unknown: it may have been stored.
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    await consumer.close();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#done;
  }

  /** One sentence for every group whose committed offset is older than an acknowledged one, or made up. */
  async complaints(): Promise<string[]> {
    const found: string[] = [];
    for (const group of this.#groups) {
      const consumer = this.#consumer(group);
      const committed = await consumer.committed([
        { topic: this.#topic, partitions: [TOPIC_PARTITION] },
      ]);
      const offset = committed.get(this.#topic)?.get(TOPIC_PARTITION)?.offset ?? 0;
      const acknowledged = this.acknowledged.get(group) ?? 0;
      const attempted = this.attempted.get(group) ?? 0;
      if (offset < acknowledged || offset > attempted) {
        found.push(`${group}: ${offset} committed, ${acknowledged} acknowledged of ${attempted}`);
      }
      await consumer.close();
    }
    return found;
  }
}
