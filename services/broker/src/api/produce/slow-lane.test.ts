import { silentLogger } from '@millrace/base';
import { CompressionError } from '@millrace/compression';
import { MemoryDisk, openSimulatedEngine, type ReactorOptions } from '@millrace/engine';
import { BatchBuilder, BatchView } from '@millrace/records';
import { describe, expect, it } from 'vitest';
import { topicConfigOf } from '../../config/topic-config.ts';
import { RECOMPRESSION_JOB_BYTES } from '../../limits.ts';
import { AppendError } from '../../log/append-error.ts';
import { AppendPlan } from '../../log/append-plan.ts';
import { LogManager } from '../../log/log-manager.ts';
import { PendingAppend } from '../../log/pending-append.ts';
import { PartitionTable } from '../../replica/partition-table.ts';
import { SlowLane } from './slow-lane.ts';

const GZIP = new Map([['compression.type', 'gzip']]);
const ID = 'AAAAAAAAAAAAAAAAAAAAAA';
/** Room for two small batches and not for a third. */
const QUEUE_BYTES_MAX = 2 * (RECOMPRESSION_JOB_BYTES + 100);

async function setUp(overrides: ReadonlyMap<string, string> = GZIP) {
  const { store } = openSimulatedEngine({} as ReactorOptions, {
    disk: new MemoryDisk(),
    nowMs: () => 0,
    schedule: () => {},
  });
  const logs = new LogManager({ store, paths: ['/d'], isDurable: false, log: silentLogger });
  await logs.start();
  const plan = new AppendPlan(store);
  const partitions = new PartitionTable({ logs, plan, isDurable: false, nowMs: () => 1000 });
  const partition = await partitions.create({
    topic: 't',
    index: 0,
    topicId: ID,
    isInternal: false,
    config: topicConfigOf(overrides, []),
  });
  const deflated: { codec: number; level: number | undefined }[] = [];
  const held: { release: () => void; fail: (error: Error) => void }[] = [];
  const compressor = {
    inflate: async (_codec: number, body: Uint8Array) => body,
    deflate: (codec: number, body: Uint8Array, level: number | undefined) =>
      new Promise<Uint8Array>((resolve, reject) => {
        deflated.push({ codec, level });
        held.push({ release: () => resolve(body), fail: reject });
      }),
  };
  const lane = new SlowLane(compressor, () => {}, QUEUE_BYTES_MAX);
  const told: string[] = [];
  const send = (producerId: number, sequence: number) => {
    const builder = new BatchBuilder();
    builder.append({ timestampMs: 1000, key: null, value: new Uint8Array(5) });
    const batch = builder.build({ producerId, producerEpoch: 0, baseSequence: sequence });
    const append = new PendingAppend({
      appendDone: (done) => told.push(`${producerId}/${sequence}: ${done.error}`),
    });
    lane.append(partition, append, new BatchView(batch));
  };
  /** Lets everything the lane may go on with happen, and writes. */
  const settle = async () => {
    await new Promise((resolve) => setImmediate(resolve));
    plan.commit();
  };
  const releaseAll = async () => {
    for (const { release } of held.splice(0)) release();
    await settle();
  };
  return { deflated, held, told, send, settle, releaseAll };
}

describe('slow lane', () => {
  it('keeps a producer whose first batch found no room from going on with its second', async () => {
    const { told, send, releaseAll } = await setUp();
    send(1, 0);
    send(1, 1);
    send(2, 0);
    await releaseAll();
    expect(told).toEqual([`2/0: ${AppendError.timedOut}`, '1/0: 0', '1/1: 0']);
    send(2, 1);
    await releaseAll();
    expect(told.at(-1)).toBe(`2/1: ${AppendError.outOfOrderSequence}`);
    send(2, 0);
    send(2, 1);
    await releaseAll();
    expect(told.slice(-2)).toEqual(['2/0: 0', '2/1: 0']);
  });

  it.each([
    ['gzip', '-1', -1],
    ['gzip', '1', 1],
    ['zstd', '19', 19],
    ['zstd', '-7', -7],
    // The library has one level.
    ['lz4', '12', undefined],
    ['snappy', null, undefined],
  ])('compresses with %s at level %s', async (type, text, level) => {
    const overrides = new Map([['compression.type', type]]);
    if (text !== null) overrides.set(`compression.${type}.level`, text);
    const { deflated, told, send, releaseAll } = await setUp(overrides);
    send(1, 0);
    await releaseAll();
    expect(deflated).toMatchObject([{ level }]);
    expect(told).toEqual(['1/0: 0']);
  });

  it('judges in the order of arrival', async () => {
    const { told, send, releaseAll } = await setUp();
    send(2, 0);
    send(2, 1);
    send(2, 2);
    await releaseAll();
    expect(told).toEqual([`2/2: ${AppendError.timedOut}`, '2/0: 0', '2/1: 0']);
    send(2, 3);
    await releaseAll();
    expect(told.at(-1)).toBe(`2/3: ${AppendError.outOfOrderSequence}`);
    send(2, 2);
    await releaseAll();
    expect(told.at(-1)).toBe('2/2: 0');
  });

  it('lets a batch come again that the pool had no room for', async () => {
    const { held, told, send, settle } = await setUp();
    send(2, 0);
    send(2, 1);
    held[0]?.fail(new CompressionError('queueFull', 'full'));
    held[1]?.release();
    await settle();
    expect(told).toEqual([
      `2/0: ${AppendError.timedOut}`,
      `2/1: ${AppendError.outOfOrderSequence}`,
    ]);
    send(2, 0);
    held[2]?.fail(new CompressionError('corrupt', 'not what it says'));
    await settle();
    expect(told.at(-1)).toBe(`2/0: ${AppendError.corruptBatch}`);
  });
});
