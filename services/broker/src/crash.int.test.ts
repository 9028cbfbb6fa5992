import { createTopicsApi, produceApi } from '@millrace/protocol';
import { BatchCursor, readRecords } from '@millrace/records';
import { eventually, tempFolder } from '@millrace/testing';
import { expect, it } from 'vitest';
import { KillableBroker } from './testing/killable-broker.ts';
import { batchOf, fetch, produceOf, RawClient } from './testing/raw-client.ts';

const PARTITIONS = [0, 1, 2];
const PIPELINED = 4;
/** Batches of each producer that are acknowledged before the broker is killed. */
const ROUND_ACKS = 50;

/** An idempotent producer on one partition that remembers what was acknowledged. */
class Producer {
  readonly partition: number;
  readonly acknowledged: string[] = [];
  /** Batches sent and not answered, oldest first. */
  readonly open: { readonly sequence: number; readonly value: string }[] = [];
  sequence = 0;

  constructor(partition: number) {
    this.partition = partition;
  }

  batch(sequence: number, value: string): Uint8Array {
    const identity = { producerId: 500 + this.partition, producerEpoch: 0, baseSequence: sequence };
    return batchOf([value], identity);
  }

  /** Sends until the connection breaks; first what the last connection left unanswered. */
  async run(port: number): Promise<void> {
    const client = await RawClient.connect(port);
    const send = (each: { sequence: number; value: string }) => {
      const batch = this.batch(each.sequence, each.value);
      return client.send(produceApi, 8, produceOf('t', this.partition, batch) as never);
    };
    const ids = this.open.map(send);
    for (;;) {
      while (ids.length < PIPELINED) {
        const next = { sequence: this.sequence, value: `${this.partition}:${this.sequence}` };
        this.sequence++;
        this.open.push(next);
        ids.push(send(next));
      }
      const id = ids.shift();
      if (id === undefined || !(await this.answered(client, id))) return;
    }
  }

  async answered(client: RawClient, id: number): Promise<boolean> {
    try {
      const response = await client.receive(produceApi, 8, id);
      const answer = response.responses[0]?.partitionResponses[0];
      expect(answer?.errorCode).toBe(0);
    } catch (error) {
      if (client.isClosed) return false;
      throw error;
    }
    const done = this.open.shift();
    if (done !== undefined) this.acknowledged.push(done.value);
    return true;
  }
}

async function readAll(port: number, partition: number): Promise<string[]> {
  const client = await RawClient.connect(port);
  const values: string[] = [];
  for (let offset = 0; ; ) {
    const response = await fetch(client, 't', { partition, offset });
    const answer = response.responses[0]?.partitions[0];
    expect(answer?.errorCode).toBe(0);
    const cursor = new BatchCursor(answer?.records ?? undefined);
    while (cursor.next()) {
      for (const record of readRecords(cursor.view)) {
        values.push(Buffer.from(record.value ?? []).toString());
      }
      offset = cursor.view.lastOffset + 1;
    }
    if (offset >= (answer?.highWatermark ?? 0)) break;
  }
  client.close();
  return values;
}

it('loses nothing acknowledged and repeats nothing across kill -9', async () => {
  const folder = tempFolder('crash');
  const overrides = [`log.dirs=${folder.path}`, 'log.segment.bytes=20000'];
  let broker = await KillableBroker.start(...overrides);
  try {
    const admin = await RawClient.connect(broker.port);
    await admin.call(createTopicsApi, 5, {
      topics: [{ name: 't', numPartitions: 3, replicationFactor: 1, assignments: [], configs: [] }],
      timeoutMs: 10_000,
      validateOnly: false,
    });
    admin.close();
    const producers = PARTITIONS.map((partition) => new Producer(partition));
    for (let round = 0; round < 4; round++) {
      const running = Promise.all(producers.map((producer) => producer.run(broker.port)));
      const goals = producers.map(({ acknowledged }) => acknowledged.length + ROUND_ACKS);
      await eventually('every producer got further', 60_000, () =>
        producers.every(({ acknowledged }, i) => acknowledged.length >= (goals[i] ?? 0)),
      );
      await broker.end('SIGKILL');
      await running;
      broker = await KillableBroker.start(...overrides);
    }
    for (const producer of producers) {
      const values = await readAll(broker.port, producer.partition);
      const { acknowledged } = producer;
      expect(values.slice(0, acknowledged.length)).toEqual(acknowledged);
      expect(new Set(values).size).toBe(values.length);
    }
  } finally {
    await broker.end('SIGTERM');
    folder.remove();
  }
});
