import { Admin, ConfigResource } from '@millrace/client';

/** A config whose value can be counted up. */
const COUNTED_CONFIG = 'retention.ms';
const COUNTED_FROM = 1_000_000_000;

/** Creates topics and alters a config of one, and remembers what was acknowledged. */
export class TopicLoad {
  readonly acknowledged: string[] = [];
  /** Last acknowledged and last attempted value of the counted config. */
  acknowledgedValue = 0;
  attemptedValue = 0;
  readonly #bootstrapServers: string;
  readonly #topic: string;
  readonly #done: Promise<unknown>;
  readonly #pauseMs: number;
  readonly #complaints: string[] = [];
  #isStopped = false;

  /** @param topic the one whose config is altered. */
  constructor(bootstrapServers: string, topic: string, pauseMs: number) {
    this.#bootstrapServers = bootstrapServers;
    this.#topic = topic;
    this.#pauseMs = pauseMs;
    this.#done = Promise.all([this.#create(), this.#alter()]);
  }

  #admin(): Admin {
    return new Admin({ bootstrapServers: this.#bootstrapServers, requestTimeoutMs: 5_000 });
  }

  async #repeat(work: (admin: Admin, round: number) => Promise<void>): Promise<void> {
    const admin = this.#admin();
    for (let round = 1; !this.#isStopped; round++) {
      // A failure leaves unknown what happened: nothing is asserted of that round.
      await work(admin, round).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, this.#pauseMs));
    }
    admin.close();
  }

  #create(): Promise<void> {
    return this.#repeat(async (admin, round) => {
      const name = `made-${round}`;
      await admin.createTopics([
        { name, partitionCount: 2, replicationFactor: 1, configs: { 'segment.bytes': '1048576' } },
      ]);
      this.acknowledged.push(name);
    });
  }

  /** Reads the last value back before it sets the next one: after a fault it must still be there. */
  #alter(): Promise<void> {
    return this.#repeat(async (admin, round) => {
      await this.#checkValue(admin);
      this.attemptedValue = COUNTED_FROM + round;
      const changes = { [COUNTED_CONFIG]: String(this.attemptedValue) };
      await admin.alterConfigs(ConfigResource.topic, this.#topic, changes);
      this.acknowledgedValue = this.attemptedValue;
    });
  }

  async #checkValue(admin: Admin): Promise<void> {
    if (this.acknowledgedValue === 0) return;
    const configs = await admin.describeConfigs(ConfigResource.topic, this.#topic);
    const value = Number(configs.get(COUNTED_CONFIG)?.value);
    if (value >= this.acknowledgedValue && value <= this.attemptedValue) return;
    const sentence = `${COUNTED_CONFIG} is ${value}, acknowledged was ${this.acknowledgedValue}`;
    this.#complaints.push(sentence);
    this.acknowledgedValue = 0;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#done;
  }

  /** One sentence for everything acknowledged that is not there. */
  async complaints(): Promise<string[]> {
    const admin = this.#admin();
    const found = this.#complaints;
    const present = new Map((await admin.listTopics()).map((topic) => [topic.name, topic]));
    for (const name of this.acknowledged) {
      if (present.get(name)?.partitions.length !== 2) found.push(`topic ${name} is gone`);
    }
    await this.#checkValue(admin);
    const [last] = this.acknowledged.slice(-1);
    if (last !== undefined) {
      const made = await admin.describeConfigs(ConfigResource.topic, last);
      if (made.get('segment.bytes')?.value !== '1048576') found.push(`${last} lost its config`);
    }
    admin.close();
    return found;
  }
}
