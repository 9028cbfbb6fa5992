import { setTimeout as sleep } from 'node:timers/promises';
import { type Admin, Consumer, OffsetSpec } from '@millrace/client';
import { eventually } from '@millrace/testing';
import { classOf, digestOf } from './digest.ts';
import { PartitionOracle } from './partition-oracle.ts';
import type { Topic } from './topics.ts';

const POLL_MS = 100;
const RETRY_MS = 50;
/** Generous: what is late on a busy machine is not lost. */
const TIMEOUT_MS = 180_000;
/** Named in the header of every record: its number within its partition. */
const NUMBER = 'n';
const decoder = new TextDecoder();

/** Reads one topic, in one of its lives, with the Kafka client, and keeps what the clients' ears are held against. */
export class LogReader {
  readonly topicId: string;
  readonly partitions: readonly PartitionOracle[];
  readonly #topic: Topic;
  readonly #bootstrap: string;
  readonly #complain: (text: string) => void;
  /** Number of the last record of each partition. */
  readonly #numbers: number[];
  readonly #done: Promise<void>;
  #isStopped = false;

  constructor(topic: Topic, topicId: string, bootstrap: string, complain: (text: string) => void) {
    this.topicId = topicId;
    this.#topic = topic;
    this.#bootstrap = bootstrap;
    this.#complain = complain;
    this.partitions = Array.from(
      { length: topic.partitionCount },
      () => new PartitionOracle(topic.isCompacted),
    );
    this.#numbers = this.partitions.map(() => -1);
    this.#done = this.#read();
  }

  /** Resolves when everything that is in the log now was read. */
  async caughtUp(admin: Admin): Promise<void> {
    for (const [partition, oracle] of this.partitions.entries()) {
      const end = await eventually(`${this.#topic.name} has an end`, TIMEOUT_MS, async () => {
        return await admin.listOffset(this.#topic.name, partition, OffsetSpec.latest);
      });
      await eventually('the oracle has read all', TIMEOUT_MS, () => oracle.end >= end.offset);
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#done;
  }

  async #read(): Promise<void> {
    while (!this.#isStopped) {
      try {
        await this.#readUntilItFails();
      } catch {
        // The broker was killed; what was read is known.
        await sleep(RETRY_MS);
      }
    }
  }

  async #readUntilItFails(): Promise<void> {
    const { name } = this.#topic;
    const consumer = new Consumer({
      bootstrapServers: this.#bootstrap,
      autoOffsetReset: 'earliest',
      maxPollRecords: 5_000,
      retryBackoffMs: 20,
      retryBackoffMaxMs: 200,
      requestTimeoutMs: 5_000,
    });
    try {
      await consumer.assign([{ topic: name, partitions: [...this.partitions.keys()] }]);
      for (const [partition, { end }] of this.partitions.entries())
        if (end > 0) consumer.seek(name, partition, end);
      while (!this.#isStopped) {
        for (const record of await consumer.poll(POLL_MS)) this.#take(record);
        for (const [partition, oracle] of this.partitions.entries())
          oracle.advance(consumer.position(name, partition) ?? 0);
      }
    } finally {
      await consumer.close();
    }
  }

  #take(record: Awaited<ReturnType<Consumer['poll']>>[number]): void {
    const { partition, offset, key, value, timestampMs } = record;
    const oracle = this.partitions[partition] as PartitionOracle;
    if (offset < oracle.end)
      this.#complain(`the Kafka client gave offset ${offset} after ${oracle.end}`);
    const headers = record.headers.map((header) => ({ name: header.key, value: header.value }));
    const digest = digestOf({ timestamp: timestampMs, key, value, headers });
    const text = key === null ? null : decoder.decode(key);
    oracle.append(offset, digest, classOf(key), text);
    oracle.advance(offset + 1);
    const header = headers.find(({ name }) => name === NUMBER)?.value;
    const number = Number(decoder.decode(header ?? undefined));
    const expected = (this.#numbers[partition] as number) + 1;
    if (number !== expected && !this.#topic.isCompacted)
      this.#complain(
        `the log of ${this.#topic.name}-${partition} has number ${number} at ${offset}, not ${expected}`,
      );
    this.#numbers[partition] = number;
  }
}
