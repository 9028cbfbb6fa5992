import { openNativeEngine } from '@millrace/engine';
import { deleteRecordsApi, listOffsetsApi } from '@millrace/protocol';
import { BatchCursor, readRecords } from '@millrace/records';
import { eventually, tempFolder } from '@millrace/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BrokerUnderTest } from './testing/broker-under-test.ts';
import { batchOf, fetch, produce, type RawClient } from './testing/raw-client.ts';

const MAINTENANCE = [
  'log.retention.check.interval.ms=100',
  'log.cleaner.backoff.ms=100',
  'log.segment.delete.delay.ms=0',
];

const WAIT_MS = 60_000;

describe('what the clock does to logs', () => {
  let folder: ReturnType<typeof tempFolder>;
  let under: BrokerUnderTest;
  let client: RawClient;

  const start = async () => {
    under = await BrokerUnderTest.start(openNativeEngine, [
      `log.dirs=${folder.path}`,
      ...MAINTENANCE,
    ]);
    client = await under.client();
  };

  beforeEach(async () => {
    folder = tempFolder('retention');
    await start();
  });

  afterEach(async () => {
    await under.close();
    folder.remove();
    expect(under.logLines).toEqual([]);
  });

  const offsetAt = async (timestamp: number): Promise<number> => {
    const response = await client.call(listOffsetsApi, 7, {
      replicaId: -1,
      isolationLevel: 0,
      timeoutMs: 0,
      topics: [{ name: 't', partitions: [{ partitionIndex: 0, timestamp }] }],
    });
    return response.topics[0]?.partitions[0]?.offset ?? -1;
  };

  /** Keys and values that are left. */
  const survivors = async (): Promise<string[]> => {
    const left: string[] = [];
    const end = await offsetAt(-1);
    for (let offset = await offsetAt(-2); offset < end; ) {
      const response = await fetch(client, 't', { offset });
      const cursor = new BatchCursor(response.responses[0]?.partitions[0]?.records ?? undefined);
      const before = offset;
      while (cursor.next()) {
        for (const record of readRecords(cursor.view)) {
          left.push(`${Buffer.from(record.key ?? [])}=${Buffer.from(record.value ?? [])}`);
        }
        offset = cursor.view.lastOffset + 1;
      }
      if (offset === before) break;
    }
    return left;
  };

  it('removes old segments by size, and keeps the log start across a restart', async () => {
    await under.createTopic('t', {
      configs: { 'segment.bytes': '1000', 'retention.bytes': '2000', 'retention.ms': '-1' },
    });
    for (let i = 0; i < 20; i++) await produce(client, 't', batchOf([`${i}`.padEnd(500)]));
    // One batch a segment, and 2,000 bytes are four of them.
    const first = 16;
    await eventually('old segments go', WAIT_MS, async () => (await offsetAt(-2)) === first);
    expect((await fetch(client, 't', { offset: 0 })).responses[0]?.partitions[0]?.errorCode).toBe(
      1,
    );
    await under.close();
    await start();
    expect(await offsetAt(-2)).toBe(first);
    expect(await survivors()).toHaveLength(20 - first);
  });

  it('removes everything when all of it is too old', async () => {
    await under.createTopic('t', { configs: { 'retention.ms': '1000' } });
    await produce(client, 't', batchOf(['from 2023']));
    await eventually('all goes', WAIT_MS, async () => (await offsetAt(-2)) === 1);
    expect((await produce(client, 't', batchOf(['next']))).baseOffset).toBe(1);
  });

  it('deletes records up to an offset, at most to the high watermark', async () => {
    await under.createTopic('t', { configs: { 'retention.ms': '-1' } });
    for (let i = 0; i < 5; i++) await produce(client, 't', batchOf([`${i}`]));
    const deleteTo = async (offset: number) => {
      const response = await client.call(deleteRecordsApi, 2, {
        topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset }] }],
        timeoutMs: 5000,
      });
      const answer = response.topics[0]?.partitions[0];
      return [answer?.errorCode, answer?.lowWatermark];
    };
    expect(await deleteTo(3)).toEqual([0, 3]);
    expect(await deleteTo(2)).toEqual([0, 3]);
    expect(await deleteTo(6)).toEqual([1, -1]);
    expect(await survivors()).toEqual(['=3', '=4']);
    await under.close();
    await start();
    expect(await offsetAt(-2)).toBe(3);
    expect(await deleteTo(-1)).toEqual([0, 5]);
    expect(await survivors()).toEqual([]);
  });

  it('finds records by time when the log begins within a batch', async () => {
    await under.createTopic('t', { configs: { 'retention.ms': '-1' } });
    await produce(client, 't', batchOf(['0', '1', '2', '3']));
    const response = await client.call(deleteRecordsApi, 2, {
      topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset: 2 }] }],
      timeoutMs: 5000,
    });
    expect(response.topics[0]?.partitions[0]?.lowWatermark).toBe(2);
    // By any time that has passed, and the record with the largest one.
    expect(await offsetAt(0)).toBe(2);
    expect(await offsetAt(-3)).toBeGreaterThanOrEqual(2);
  });

  it('compacts to the last value of each key', async () => {
    await under.createTopic('t', {
      configs: {
        'cleanup.policy': 'compact',
        'segment.bytes': '500',
        'min.cleanable.dirty.ratio': '0.01',
      },
    });
    for (let i = 0; i < 40; i++) {
      await produce(client, 't', batchOf([`${i}`.padEnd(100, '.')], {}, `k${i % 4}`));
    }
    await eventually('compacted', WAIT_MS, async () => (await survivors()).length < 15);
    const last = new Map((await survivors()).map((each) => each.split('=') as [string, string]));
    expect([...last.keys()].sort()).toEqual(['k0', 'k1', 'k2', 'k3']);
    expect(last.get('k3')).toBe('39'.padEnd(100, '.'));
    expect(await offsetAt(-1)).toBe(40);
  });
});
