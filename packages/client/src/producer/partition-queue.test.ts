import { Codec } from '@millrace/records';
import { expect, test } from 'vitest';
import { PartitionQueue } from './partition-queue.ts';

/** A batch of two. */
const RECORD_BYTES = 8;
const BATCH_BYTES = 61 + 2 * RECORD_BYTES;

test('what is not sealed stands behind a refused batch as it is', () => {
  const queue = new PartitionQueue('t', 0);
  for (let value = 0; value < 6; value++) {
    const record = { timestampMs: 1, key: null, value: new Uint8Array([value]), headers: [] };
    queue.append(record, RECORD_BYTES, BATCH_BYTES, 0);
  }
  const batches = [queue.take(), queue.take(), queue.take()] as const;
  const [first, second, third] = batches;
  expect(batches.map((batch) => batch.recordCount)).toEqual([2, 2, 2]);
  batches.forEach((batch, index) => {
    const identity = { producerId: 1, producerEpoch: 0, baseSequence: 2 * index };
    batch.seal(identity, Codec.none, (_, body) => body);
  });
  // The answers come over two connections, those of the later batches first.
  queue.refused(second, second.split(new Set(), new Error('refused')));
  third.unseal();
  queue.failed(third);
  queue.refused(first, []);
  expect(queue.nextSequence).toBe(0);
  const again = [queue.take(), queue.take(), queue.take()];
  expect(again.map((batch) => [batch.recordCount, batch.isNumbered])).toEqual([
    [1, false],
    [1, false],
    [2, false],
  ]);
});
