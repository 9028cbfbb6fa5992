import { Consumer } from '@millrace/client';

const PARTITION = 0;
/** Groups at work at a time. */
const LANES = 4;
const RETRY_AFTER_MS = 20;

interface Group {
  readonly id: string;
  readonly consumer: Consumer;
  /** Largest offset acknowledged and attempted. */
  acknowledged: number;
  attempted: number;
}

/**
 * Commits ever larger offsets, for many groups in turn. Before a group's next commit the last one is read
 * back: after a fault most groups still rest on what was acknowledged before it.
 */
export class CommitLoad {
  acknowledgedCount = 0;
  readonly #topic: string;
  readonly #groups: readonly Group[];
  readonly #complaints: string[] = [];
  readonly #done: Promise<void>;
  #isStopped = false;

  constructor(bootstrapServers: string, topic: string, groupCount: number) {
    this.#topic = topic;
    this.#groups = Array.from({ length: groupCount }, (_, index) => {
      const groupId = `commits-${index}`;
      const consumer = new Consumer({
        ...{ bootstrapServers, groupId, enableAutoCommit: false },
        ...{ retryBackoffMs: 20, retryBackoffMaxMs: 200, requestTimeoutMs: 5_000 },
      });
      return { id: groupId, consumer, acknowledged: 0, attempted: 0 };
    });
    const lanes = Array.from({ length: LANES }, (_, lane) =>
      this.#run(this.#groups.filter((_, index) => index % LANES === lane)),
    );
    this.#done = Promise.all(lanes).then(() => {});
  }

  async #run(groups: readonly Group[]): Promise<void> {
    while (!this.#isStopped) {
      for (const group of groups) {
        if (this.#isStopped) break;
        try {
          await this.#check(group);
          group.attempted++;
          const offsets = new Map([[PARTITION, group.attempted]]);
          await group.consumer.commit(new Map([[this.#topic, offsets]]));
          group.acknowledged = group.attempted;
          this.acknowledgedCount++;
        } catch {
          // Unknown whether it was stored: either is right from here on.
          await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS));
        }
      }
    }
  }

  async #check(group: Group): Promise<void> {
    const wanted = [{ topic: this.#topic, partitions: [PARTITION] }];
    const committed = await group.consumer.committed(wanted);
    const offset = committed.get(this.#topic)?.get(PARTITION)?.offset ?? 0;
    if (offset >= group.acknowledged && offset <= group.attempted) return;
    const { id, acknowledged, attempted } = group;
    this.#complaints.push(`${id} has ${offset}, acknowledged was ${acknowledged} of ${attempted}`);
    group.acknowledged = offset;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#done;
  }

  /** One sentence for every time a committed offset was older than an acknowledged one, or made up. */
  async complaints(): Promise<string[]> {
    for (const group of this.#groups) {
      await this.#check(group);
      await group.consumer.close();
    }
    return this.#complaints;
  }
}
