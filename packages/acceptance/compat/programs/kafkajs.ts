// kafkajs behind the line protocol, with the codecs that it leaves to its users.
import { createRequire } from 'node:module';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import kafkajs, { type Consumer, type EachMessagePayload, type Kafka } from 'kafkajs';
import { compressFrameSync, decompressFrameSync } from 'lz4-napi';
import type { Codec, StoredRecord, WireRecord } from '../client.ts';
import { serve } from './line-server.ts';

interface Snappy {
  compress(data: Buffer): Buffer;
  uncompress(data: Buffer): Buffer;
}

const { CompressionCodecs, CompressionTypes, logLevel } = kafkajs;
const snappy = createRequire(import.meta.url)('snappyjs') as Snappy;
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const XERIAL_HEADER_BYTES = 16;

CompressionCodecs[CompressionTypes.Snappy] = () => ({
  compress: async (encoder: { buffer: Buffer }) => snappy.compress(encoder.buffer),
  decompress: async (bytes: Buffer) => uncompressSnappy(bytes),
});
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async (encoder: { buffer: Buffer }) => compressFrameSync(encoder.buffer),
  decompress: async (bytes: Buffer) => decompressFrameSync(bytes),
});
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async (encoder: { buffer: Buffer }) => zstdCompressSync(encoder.buffer),
  decompress: async (bytes: Buffer) => zstdDecompressSync(bytes),
});

const TYPES: Readonly<Record<Codec, number>> = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
};

/** Java frames its snappy blocks (xerial); others do not. */
function uncompressSnappy(bytes: Buffer): Buffer {
  if (!bytes.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return snappy.uncompress(bytes);
  const blocks: Buffer[] = [];
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length; ) {
    const lengthBytes = bytes.readInt32BE(at);
    blocks.push(snappy.uncompress(bytes.subarray(at + 4, at + 4 + lengthBytes)));
    at += 4 + lengthBytes;
  }
  return Buffer.concat(blocks);
}

let kafka: Kafka;
let member: Consumer | undefined;
let assigned: readonly number[] | undefined;
let seen: StoredRecord[] = [];

serve({
  async open({ bootstrap }: { bootstrap: string }) {
    kafka = new kafkajs.Kafka({
      clientId: 'compat-kafkajs',
      brokers: [bootstrap],
      logLevel: logLevel.NOTHING,
    });
  },
  async createTopic({ topic, partitionCount }: { topic: string; partitionCount: number }) {
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({
      topics: [{ topic, numPartitions: partitionCount }],
      waitForLeaders: true,
    });
    await admin.disconnect();
  },
  async produce(argument: {
    topic: string;
    records: WireRecord[];
    codec: Codec;
    idempotent: boolean;
  }) {
    const producer = kafka.producer({ idempotent: argument.idempotent, maxInFlightRequests: 1 });
    await producer.connect();
    await producer.send({
      topic: argument.topic,
      acks: -1,
      compression: TYPES[argument.codec],
      messages: argument.records.map(({ key, value, headers }) => ({
        key,
        value,
        headers: Object.fromEntries(headers),
      })),
    });
    await producer.disconnect();
  },
  async consume({ topic, count }: { topic: string; count: number }) {
    const consumer = kafka.consumer({
      groupId: `reader-${crypto.randomUUID()}`,
    });
    const records: StoredRecord[] = [];
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      const run = consumer.run({
        autoCommit: false,
        eachMessage: async (payload) => {
          records.push(stored(payload));
          if (records.length >= count) resolve();
        },
      });
      run.catch(reject);
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
    });
    await consumer.disconnect();
    return records;
  },
  async join({ group, topic }: { group: string; topic: string }) {
    const consumer = kafka.consumer({
      groupId: group,
      sessionTimeout: 6000,
      heartbeatInterval: 500,
    });
    seen = [];
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      assigned = payload.memberAssignment[topic] ?? [];
    });
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachMessage: async (payload) => {
        seen.push(stored(payload));
      },
    });
    member = consumer;
  },
  async assigned() {
    return assigned ?? null;
  },
  async consumed() {
    return seen;
  },
  async commit({ topic }: { topic: string }) {
    const next = new Map<number, number>();
    for (const { partition, offset } of seen)
      next.set(partition, Math.max(next.get(partition) ?? 0, offset + 1));
    await member?.commitOffsets(
      [...next].map(([partition, offset]) => ({ topic, partition, offset: String(offset) })),
    );
  },
  async leave() {
    await member?.disconnect();
  },
});

function stored({ partition, message }: EachMessagePayload): StoredRecord {
  const headers = Object.entries(message.headers ?? {}).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) => [name, String(one)] as const),
  );
  return {
    partition,
    offset: Number(message.offset),
    key: message.key?.toString() ?? null,
    value: message.value?.toString() ?? null,
    headers,
  };
}
