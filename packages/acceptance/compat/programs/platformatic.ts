// @platformatic/kafka behind the line protocol.
import {
  Admin,
  Consumer,
  compatibilityPartitioner,
  type MessagesStream,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka';
import type { Codec, StoredRecord, WireRecord } from '../client.ts';
import { serve } from './line-server.ts';

type Strings = Consumer<string, string, string, string>;
type Message = {
  readonly key: string;
  readonly value: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly headers: Map<string, string>;
};

let base: { clientId: string; bootstrapBrokers: string[] };
let member: Strings | undefined;
let stream: MessagesStream<string, string, string, string> | undefined;
let seen: StoredRecord[] = [];

serve({
  async open({ bootstrap }: { bootstrap: string }) {
    base = { clientId: 'compat-platformatic', bootstrapBrokers: [bootstrap] };
  },
  async createTopic({ topic, partitionCount }: { topic: string; partitionCount: number }) {
    const admin = new Admin(base);
    await admin.createTopics({ topics: [topic], partitions: partitionCount, replicas: 1 });
    await admin.close();
  },
  async produce(argument: {
    topic: string;
    records: WireRecord[];
    codec: Codec;
    idempotent: boolean;
  }) {
    const producer = new Producer({
      ...base,
      serializers: stringSerializers,
      // Its default takes the hash as unsigned where Java drops the sign.
      partitioner: compatibilityPartitioner,
    });
    await producer.send({
      acks: -1,
      idempotent: argument.idempotent,
      compression: argument.codec,
      messages: argument.records.map(({ key, value, headers }) => ({
        topic: argument.topic,
        ...(key === null ? {} : { key }),
        ...(value === null ? {} : { value }),
        headers: new Map(headers),
      })),
    });
    await producer.close();
  },
  async consume({ topic, count }: { topic: string; count: number }) {
    const consumer = newConsumer(`reader-${crypto.randomUUID()}`);
    const messages = await consumer.consume({
      topics: [topic],
      mode: 'earliest',
      autocommit: false,
    });
    const records: StoredRecord[] = [];
    for await (const message of messages) {
      records.push(stored(message as Message));
      if (records.length >= count) break;
    }
    await consumer.close(true);
    return records;
  },
  async join({ group, topic }: { group: string; topic: string }) {
    const consumer = newConsumer(group);
    member = consumer;
    seen = [];
    stream = await consumer.consume({
      topics: [topic],
      mode: 'committed',
      fallbackMode: 'earliest',
      autocommit: false,
      maxWaitTime: 500,
    });
    stream.on('data', (message) => seen.push(stored(message as Message)));
    stream.on('error', () => undefined);
  },
  async assigned() {
    const all = member?.assignments;
    return all === null || all === undefined ? null : all.flatMap(({ partitions }) => partitions);
  },
  async consumed() {
    return seen;
  },
  async commit({ topic }: { topic: string }) {
    const next = new Map<number, number>();
    for (const { partition, offset } of seen)
      next.set(partition, Math.max(next.get(partition) ?? 0, offset + 1));
    await member?.commit({
      offsets: [...next].map(([partition, offset]) => ({
        topic,
        partition,
        offset: BigInt(offset),
        leaderEpoch: 0,
      })),
    });
  },
  async leave() {
    await member?.close(true);
  },
});

function newConsumer(groupId: string): Strings {
  return new Consumer({
    ...base,
    groupId,
    deserializers: stringDeserializers,
    sessionTimeout: 6000,
    heartbeatInterval: 500,
    rebalanceTimeout: 10_000,
  });
}

function stored(message: Message): StoredRecord {
  return {
    partition: message.partition,
    offset: Number(message.offset),
    key: message.key ?? null,
    value: message.value ?? null,
    headers: [...message.headers],
  };
}
