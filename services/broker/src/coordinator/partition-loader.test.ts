import { silentLogger } from '@millrace/base';
import { compress } from '@millrace/compression';
import { BatchBuilder, Codec, controlBatch } from '@millrace/records';
import { describe, expect, it } from 'vitest';
import { offsetRecord, offsetTombstone } from './group/group-records.ts';
import { PartitionLoader } from './partition-loader.ts';
import { GroupHarness } from './testing/group-harness.ts';
import { MemoryPartition, MemoryTopic } from './testing/memory-topic.ts';

const committed = (offset: number) => ({
  offset,
  leaderEpoch: -1,
  metadata: '',
  committedAtMs: 1_700_000_000_000,
  expiresAtMs: -1,
});

/** A batch of commits of group g to partition 0 of topic t. */
function commits(offsets: readonly number[], producerId = -1, codec: Codec = Codec.none) {
  const builder = new BatchBuilder();
  for (const offset of offsets) {
    builder.append({ timestampMs: 1, ...offsetRecord('g', 't', 0, committed(offset)) });
  }
  const isTransactional = producerId >= 0;
  const options = { producerId, producerEpoch: 0, baseSequence: 0, isTransactional };
  return builder.build(isTransactional ? options : {}, codec, compress);
}

function marker(type: 0 | 1, producerId: number): Uint8Array {
  return controlBatch({
    type,
    producerId,
    producerEpoch: 0,
    coordinatorEpoch: 0,
    timestampMs: 1,
  });
}

async function load(...batches: Uint8Array[]): Promise<GroupHarness> {
  const topic = new MemoryTopic(1);
  for (const batch of batches) topic.partitions[0]?.put(batch);
  const harness = new GroupHarness({ topic });
  while (harness.coordinator.isLoading) await harness.settle();
  return harness;
}

describe('loading what Apache Kafka may have written', () => {
  it.each([Codec.none, Codec.gzip, Codec.snappy, Codec.lz4, Codec.zstd])(
    'reads batches of codec %i',
    async (codec) => {
      expect((await load(commits([1, 2, 3], -1, codec))).committed()).toBe(3);
    },
  );

  it('takes a committed transaction, leaves an aborted and an open one out', async () => {
    const harness = await load(commits([1]), commits([5], 100), commits([7], 200), marker(1, 100));
    expect(harness.committed()).toBe(5);
    expect((await load(commits([1]), commits([5], 100), marker(0, 100))).committed()).toBe(1);
    expect((await load(commits([1]), commits([5], 100))).committed()).toBe(1);
  });

  it('a later commit outlives a transaction that ends after it', async () => {
    expect((await load(commits([5], 100), commits([9]), marker(1, 100))).committed()).toBe(9);
  });

  it('passes over keys it does not know and records it cannot read', async () => {
    const builder = new BatchBuilder();
    const record = { timestampMs: 1, value: Uint8Array.of(0, 9, 1) };
    builder.append({ ...record, key: Uint8Array.of(0, 5, 0, 1, 103, 0, 1, 109) });
    builder.append({ ...record, key: Uint8Array.of(0, 1, 0, 9) });
    builder.append({ ...record, key: null });
    builder.append({ ...record, ...offsetRecord('g', 't', 0, committed(4)) });
    builder.append({ ...record, key: offsetRecord('g', 't', 1, committed(4)).key });
    expect((await load(builder.build())).committed()).toBe(4);
  });

  it('a tombstone removes; a group of nothing but tombstones is not there', async () => {
    const builder = new BatchBuilder();
    builder.append({ timestampMs: 1, ...offsetTombstone('g', 't', 0) });
    const harness = await load(commits([1]), builder.build());
    expect(harness.coordinator.groupCount).toBe(0);
  });

  it('reads on through many batches', async () => {
    const many = Array.from({ length: 300 }, (_, i) => commits([i, i + 1]));
    expect((await load(...many)).committed()).toBe(300);
  });
});

describe('a partition that cannot be read', () => {
  it('answers 15 for its groups; the others are served', async () => {
    const bad = new MemoryPartition();
    bad.put(commits([1]));
    bad.read = () => Promise.reject(new Error('disk'));
    const good = new MemoryPartition();
    const loader = new PartitionLoader({
      topicName: 't',
      topicPartitionCount: () => 2,
      partition: (index) => [bad, good][index],
      bufferBytes: 1000,
      logger: silentLogger,
    });
    loader.start(() => ({ record: () => {}, finish: () => {} }));
    expect([loader.ready(0), loader.ready(1), loader.ready(2)]).toEqual([14, 0, 15]);
    for (let i = 0; i < 10; i++) await Promise.resolve();
    expect([loader.ready(0), loader.isLoading]).toEqual([15, false]);
  });
});
