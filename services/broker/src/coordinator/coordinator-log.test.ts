import { ManualClock, silentLogger } from '@millrace/base';
import { BatchView } from '@millrace/records';
import { describe, expect, it } from 'vitest';
import { CoordinatorLog } from './coordinator-log.ts';
import { MemoryPartition } from './testing/memory-topic.ts';

function open(partitions: readonly (MemoryPartition | undefined)[], batchBytesMax = 1_000_000) {
  let flush = () => {};
  const log = new CoordinatorLog({
    topicName: '__consumer_offsets',
    topicPartitionCount: () => null,
    partitionCountDefault: 50,
    partition: (index) => partitions[index],
    batchBytesMax: () => batchBytesMax,
    codec: 0,
    clock: new ManualClock(),
    logger: silentLogger,
    tick: {
      beforeFlush: (hook) => {
        flush = hook;
      },
      schedule: () => {},
    },
  });
  return {
    log,
    settle: async () => {
      flush();
      for (let i = 0; i < 10; i++) await Promise.resolve();
    },
  };
}

const record = (bytes: number) => ({ key: Uint8Array.of(1), value: new Uint8Array(bytes) });

describe('the place of a key (T73)', () => {
  it('is the absolute value of the Java hash, modulo the partitions', () => {
    const { log } = open([]);
    // What Java 21 says.
    expect(log.placeOf('')).toBe(0);
    expect(log.placeOf('a')).toBe(97 % 50);
    expect(log.placeOf('😀')).toBe(49);
    expect(log.placeOf('test-group')).toBe(12);
    expect(log.placeOf('console-consumer-12345')).toBe(6);
  });

  it('is 0 for the one hash that has no absolute value', () => {
    const { log } = open([]);
    expect(log.placeOf('polygenelubricants')).toBe(0);
  });
});

describe('appending', () => {
  it('gathers a beat into one batch per partition and answers each caller', async () => {
    const partitions = [new MemoryPartition(), new MemoryPartition()];
    const { log, settle } = open(partitions);
    const answers: number[] = [];
    for (let i = 0; i < 6; i++) log.append(i % 2, [record(10)], (code) => answers.push(code));
    expect(answers).toEqual([]);
    await settle();
    expect(answers).toEqual([0, 0, 0, 0, 0, 0]);
    expect(partitions.map(({ batches }) => batches.length)).toEqual([1, 1]);
    expect(partitions.map(({ batches }) => new BatchView(batches[0]).recordCount)).toEqual([3, 3]);
  });

  it('splits what is too much for one batch, and answers when the last part is durable', async () => {
    const partition = new MemoryPartition();
    const { log, settle } = open([partition], 1000);
    let answers = 0;
    log.append(0, Array(10).fill(record(300)), () => answers++);
    await settle();
    expect(answers).toBe(1);
    expect(partition.batches.length).toBeGreaterThan(3);
    expect(Math.max(...partition.batches.map((batch) => batch.length))).toBeLessThanOrEqual(1000);
  });

  it('refuses a record that no batch can hold, and a partition that is not there', async () => {
    const { log, settle } = open([new MemoryPartition(), undefined], 1000);
    const answers: number[] = [];
    log.append(0, [record(1001)], (code) => answers.push(code));
    log.append(1, [record(10)], (code) => answers.push(code));
    await settle();
    expect(answers).toEqual([10, 16]);
  });

  it('answers the others when one reaction is a bug', async () => {
    const { log, settle } = open([new MemoryPartition()]);
    const answers: number[] = [];
    log.append(0, [record(1)], () => {
      throw new Error('bug');
    });
    log.append(0, [record(1)], (code) => answers.push(code));
    await settle();
    expect(answers).toEqual([0]);
  });

  it('turns errors of the log into what clients of a coordinator understand', async () => {
    const partition = new MemoryPartition();
    const { log, settle } = open([partition]);
    const answers: number[] = [];
    for (const errorCode of [3, 6, 7, 19, 56, 2]) {
      partition.errorCode = errorCode;
      log.append(0, [record(1)], (code) => answers.push(code));
      await settle();
    }
    expect(answers).toEqual([15, 16, 15, 15, 16, 2]);
  });
});
