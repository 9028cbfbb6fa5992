import { expect, test } from 'vitest';
import { BatchBuilder, type BatchOptions } from './batch-builder.ts';
import { BatchView } from './batch-view.ts';
import {
  BatchProblem,
  batchProblemErrorCode,
  batchProblemText,
  checkBatch,
  checkProducedBatch,
  verifyCrc,
} from './check-batch.ts';
import { BatchCursor } from './read-records.ts';
import { stampBatch } from './rewrite-batch.ts';

function batchOf(count: number, options: BatchOptions = {}): Uint8Array {
  const builder = new BatchBuilder();
  for (let i = 0; i < count; i++) {
    builder.append({ timestampMs: 1000 + i, key: null, value: new Uint8Array([i]) });
  }
  return builder.build(options);
}

/** A sound batch of three records with some bytes overwritten. */
function spoiled(...patches: readonly [at: number, ...bytes: number[]][]): Uint8Array {
  const batch = batchOf(3);
  for (const [at, ...bytes] of patches) batch.set(bytes, at);
  return batch;
}

const produced = (batch: Uint8Array) => checkProducedBatch(batch, 0, batch.length);

test('a sound batch passes, alone and among other bytes', () => {
  const batch = batchOf(3);
  expect(produced(batch)).toBe(BatchProblem.none);
  const around = new Uint8Array(batch.length + 20);
  around.set(batch, 10);
  expect(checkProducedBatch(around, 10, batch.length)).toBe(BatchProblem.none);
  expect(verifyCrc(around, 10)).toBe(true);
});

test.each<[string, Uint8Array, BatchProblem, number]>([
  ['nothing', new Uint8Array(0), BatchProblem.noBatch, 87],
  ['a few bytes', new Uint8Array(16), BatchProblem.truncated, 2],
  ['magic 0', spoiled([16, 0]), BatchProblem.legacyMagic, 87],
  ['magic 1', spoiled([16, 1]), BatchProblem.legacyMagic, 87],
  ['magic 3', spoiled([16, 3]), BatchProblem.unknownMagic, 87],
  ['magic -1', spoiled([16, 0xff]), BatchProblem.unknownMagic, 87],
  ['a length of 48', spoiled([8, 0, 0, 0, 48]), BatchProblem.badLength, 2],
  ['a negative length', spoiled([8, 0x80, 0, 0, 0]), BatchProblem.badLength, 2],
  ['a length beyond the bytes', spoiled([8, 0x7f, 0xff, 0xff, 0xff]), BatchProblem.truncated, 2],
  ['codec 5', spoiled([22, 5]), BatchProblem.unknownCodec, 76],
  ['a negative count', spoiled([57, 0xff, 0xff, 0xff, 0xff]), BatchProblem.badRecordCount, 87],
  ['a count beyond the body', spoiled([57, 0, 0, 0, 99]), BatchProblem.badRecordCount, 87],
  ['count 0', batchOf(0), BatchProblem.badRecordCount, 87],
  ['count below the delta', spoiled([60, 2]), BatchProblem.badOffsetDelta, 87],
  ['count above the delta', spoiled([26, 1]), BatchProblem.badOffsetDelta, 87],
  ['a negative delta', spoiled([23, 0xff]), BatchProblem.badOffsetDelta, 87],
  ['max timestamp 2^62', spoiled([35, 0x40]), BatchProblem.unsafeNumber, 32],
  ['a control bit', spoiled([22, 0x20]), BatchProblem.controlBatch, 87],
  ['LogAppendTime', spoiled([22, 0x08]), BatchProblem.logAppendTimeFromProducer, 32],
  ['a delete horizon', spoiled([22, 0x40]), BatchProblem.deleteHorizonFromProducer, 87],
  ['a producer id alone', batchOf(1, { producerId: 5 }), BatchProblem.badSequence, 87],
  [
    'a producer without a sequence',
    batchOf(1, { producerId: 5, producerEpoch: 0 }),
    BatchProblem.badSequence,
    87,
  ],
  [
    'transactional without a producer',
    batchOf(1, { isTransactional: true }),
    BatchProblem.badSequence,
    87,
  ],
])('%s is refused', (_, batch, problem, errorCode) => {
  expect(produced(batch)).toBe(problem);
  expect(batchProblemErrorCode(problem)).toBe(errorCode);
  expect(batchProblemText(problem)).toMatch(/\.$/);
});

test('two batches in one partition are refused', () => {
  const batch = batchOf(2);
  const twice = new Uint8Array(batch.length * 2);
  twice.set(batch);
  twice.set(batch, batch.length);
  expect(produced(twice)).toBe(BatchProblem.severalBatches);
  expect(checkBatch(twice, 0, twice.length)).toBe(BatchProblem.none);
});

test('a flipped bit breaks the CRC; stamping offset and epoch does not', () => {
  const batch = batchOf(2);
  stampBatch(batch, 0, 123_456_789_012, 7);
  const view = new BatchView(batch);
  expect([view.baseOffset, view.lastOffset, view.leaderEpoch]).toEqual([
    123_456_789_012, 123_456_789_013, 7,
  ]);
  expect(verifyCrc(batch)).toBe(true);
  batch[batch.length - 1] = (batch.at(-1) ?? 0) ^ 1;
  expect(verifyCrc(batch)).toBe(false);
});

test('a walk over batches ends quietly at one that was cut, and loudly at damage', () => {
  const first = batchOf(2);
  const second = batchOf(3);
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  const countsOf = (bytes: Uint8Array) => {
    const cursor = new BatchCursor(bytes);
    const counts: number[] = [];
    while (cursor.next()) counts.push(cursor.view.recordCount);
    return { counts, problem: cursor.problem, left: cursor.remainingBytes };
  };
  expect(countsOf(both)).toEqual({ counts: [2, 3], problem: 0, left: 0 });
  expect(countsOf(both.subarray(0, both.length - 1))).toEqual({
    counts: [2],
    problem: 0,
    left: second.length - 1,
  });
  both[first.length + 16] = 9;
  expect(countsOf(both)).toMatchObject({ counts: [2], problem: BatchProblem.unknownMagic });
});
