import assert from 'node:assert/strict';
import { Admin, Consumer, type ConsumerRecord } from '@millrace/client';

/** What a check is given. */
export interface Bench {
  readonly bootstrapServers: string;
  /** A topic nobody else uses. */
  readonly topic: string;
  /** Shuts the broker down in order and starts it again on the same port and data. */
  restart(): Promise<void>;
}

/** One thing @millrace/client must do, on any Kafka cluster. Throws when it does not. */
export type ClientCheck = (bench: Bench) => Promise<void>;

/** A record that does not come within this will not come. */
const PATIENCE_MS = 45_000;

const decoder = new TextDecoder();

export function text(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : decoder.decode(bytes);
}

export async function createTopic(bench: Bench, partitionCount: number): Promise<void> {
  const admin = new Admin(bench);
  await admin.createTopics([{ name: bench.topic, partitionCount }]);
  await admin.describeTopics([bench.topic]);
  admin.close();
}

/** The first `count` records of the partitions. */
export async function readAll(
  bench: Bench,
  partitions: readonly number[],
  count: number,
): Promise<ConsumerRecord[]> {
  const consumer = new Consumer({ ...bench, autoOffsetReset: 'earliest' });
  await consumer.assign([{ topic: bench.topic, partitions: [...partitions] }]);
  const records = await pollUntil(consumer, count);
  await consumer.close();
  return records;
}

export async function pollUntil(consumer: Consumer, count: number): Promise<ConsumerRecord[]> {
  const records: ConsumerRecord[] = [];
  while (records.length < count) {
    const polled = await consumer.poll(PATIENCE_MS);
    assert.ok(polled.length > 0, `${records.length} of ${count} records came, then none more`);
    records.push(...polled);
  }
  return records;
}
