import { DecodeError } from '@millrace/bytes';
import { BatchBuilder, ControlType, controlBatch } from '@millrace/records';
import { expect, test } from 'vitest';
import { decodeRead } from './decode-read.ts';
import type { AbortedTransaction, PartitionRead } from './partition-read.ts';
import { ReadCursor } from './read-cursor.ts';

function batch(baseOffset: number, values: readonly string[], producerId = -1, leaderEpoch = 3) {
  const builder = new BatchBuilder(256);
  for (const value of values) {
    builder.append({ timestampMs: 1, key: null, value: Buffer.from(value) });
  }
  return builder.build({ baseOffset, leaderEpoch, producerId, isTransactional: producerId >= 0 });
}

function marker(baseOffset: number, producerId: number, isAbort: boolean) {
  return controlBatch({
    type: isAbort ? ControlType.abort : ControlType.commit,
    producerId,
    producerEpoch: 0,
    coordinatorEpoch: 0,
    timestampMs: 1,
    baseOffset,
  });
}

function read(
  fetchOffset: number,
  batches: readonly Uint8Array[],
  abortedTransactions: readonly AbortedTransaction[] = [],
): PartitionRead {
  return {
    topic: 't',
    partition: 0,
    fetchOffset,
    errorCode: 0,
    highWatermark: 100,
    lastStableOffset: 100,
    logStartOffset: 0,
    divergingEpoch: undefined,
    abortedTransactions,
    batches: new Uint8Array(Buffer.concat(batches)),
  };
}

test('records of aborted transactions and markers are passed over, and covered', () => {
  const batches = [
    batch(0, ['a', 'b'], 7),
    batch(2, ['c'], 8),
    marker(3, 7, true),
    batch(4, ['d'], 7),
    marker(5, 8, false),
    marker(6, 7, false),
  ];
  const aborted = [{ producerId: 7, firstOffset: 0 }];
  const { records, nextOffset } = decodeRead(read(0, batches, aborted));
  expect(records.map(({ offset }) => offset)).toEqual([2, 4]);
  expect(nextOffset).toBe(7);
});

test('a read begins within a batch, and ends where the last whole batch does', () => {
  const whole = batch(10, ['a', 'b', 'c']);
  const cut = batch(13, ['d']).subarray(0, 40);
  const cursor = new ReadCursor().reset(read(11, [whole, cut]));
  const offsets: number[] = [];
  while (cursor.next()) offsets.push(cursor.record.offset);
  expect(offsets).toEqual([11, 12]);
  expect(cursor.nextOffset).toBe(13);
  expect(cursor.epoch).toBe(3);
  cursor.assertSound();
});

test('a damaged batch ends the walk, and is told', () => {
  const damaged = batch(1, ['b']);
  // The magic byte.
  damaged[16] = 9;
  const cursor = new ReadCursor().reset(read(0, [batch(0, ['a']), damaged]));
  let count = 0;
  while (cursor.next()) count++;
  expect(count).toBe(1);
  expect(cursor.nextOffset).toBe(1);
  expect(() => cursor.assertSound()).toThrow(DecodeError);
});
