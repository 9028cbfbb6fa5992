import { setTimeout as sleep } from 'node:timers/promises';
import type { Prng } from '@millrace/base';
import { Producer } from '@millrace/client';
import { CLASSES } from './digest.ts';
import type { Topic } from './topics.ts';

const TICK_MS = 20;
const IN_FLIGHT_MAX = 10_000;
const PADDING_MAX = 200;
/** Part of most values, and of nothing else (C51). */
export const PADDING = 'x'.repeat(16);
const TOMBSTONE_ONE_IN = 20;

export interface LoadOptions {
  readonly bootstrap: string;
  readonly topics: readonly Topic[];
  /** Records a second, over all topics. */
  readonly rate: number;
  readonly random: Prng;
}

/** Numbered records into all partitions at a steady rate; how many are in flight is bounded. */
export class Load {
  produced = 0;
  readonly errors: string[] = [];
  readonly #o: LoadOptions;
  readonly #producers = new Map<string, Producer>();
  readonly #numbers = new Map<string, number[]>();
  readonly #done: Promise<void>;
  #inFlight = 0;
  #isStopped = false;

  constructor(options: LoadOptions) {
    this.#o = options;
    for (const topic of options.topics) this.release(topic);
    this.#done = this.#run();
  }

  /** Sends nothing more to a topic; resolves when what was sent is there. Numbers begin anew after it. */
  async hold(topic: Topic): Promise<void> {
    const producer = this.#producers.get(topic.name);
    this.#producers.delete(topic.name);
    await producer?.close();
    this.#numbers.delete(topic.name);
  }

  /** Sends to it again, as a producer that the broker does not know. */
  release(topic: Topic): void {
    const producer = new Producer({
      bootstrapServers: this.#o.bootstrap,
      compressionType: 'lz4',
      retryBackoffMs: 20,
      retryBackoffMaxMs: 200,
      requestTimeoutMs: 10_000,
    });
    this.#producers.set(topic.name, producer);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#done;
    await Promise.all([...this.#producers.values()].map((producer) => producer.close()));
  }

  async #run(): Promise<void> {
    const since = performance.now();
    let due = 0;
    while (!this.#isStopped) {
      await sleep(TICK_MS);
      const sofar = ((performance.now() - since) / 1_000) * this.#o.rate;
      // What could not be sent while the broker was away is not made up for.
      if (this.#inFlight >= IN_FLIGHT_MAX) due = sofar;
      for (; due < sofar; due++) {
        const { topics, random } = this.#o;
        const topic = topics[random.below(topics.length)] as Topic;
        const producer = this.#producers.get(topic.name);
        if (producer !== undefined) this.#send(producer, topic);
      }
    }
  }

  #send(producer: Producer, topic: Topic): void {
    const { random } = this.#o;
    const numbers = this.#numbers.get(topic.name) ?? Array<number>(topic.partitionCount).fill(0);
    this.#numbers.set(topic.name, numbers);
    const partition = random.below(topic.partitionCount);
    const number = numbers[partition] as number;
    numbers[partition] = number + 1;
    const id = topic.keyCount === 0 ? -1 : random.below(topic.keyCount);
    const isTombstone = topic.isCompacted && random.below(TOMBSTONE_ONE_IN) === 0;
    this.#inFlight++;
    producer
      .send({
        topic: topic.name,
        partition,
        key: id < 0 ? null : `${id % CLASSES}-${id}`,
        value: isTombstone ? null : `${number} ${'x'.repeat(random.below(PADDING_MAX))}`,
        headers: { n: String(number), class: String(id < 0 ? 0 : id % CLASSES) },
      })
      .then(
        () => this.produced++,
        (error: unknown) => this.errors.push(String(error)),
      )
      .finally(() => this.#inFlight--);
  }
}
