import { DecodeError } from '@millrace/bytes';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BatchBuilder } from './batch-builder.ts';
import { BatchView } from './batch-view.ts';
import { BatchProblem, checkBatch, checkProducedBatch, verifyCrc } from './check-batch.ts';
import { readRecords } from './read-records.ts';
import { RecordCursor } from './record-cursor.ts';

const bytes = fc.uint8Array({ maxLength: 200 });
const record = fc.record({
  timestampMs: fc.oneof(fc.constant(-1), fc.integer({ min: 0, max: 2 ** 45 })),
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.array(
    fc.record({ key: fc.string({ unit: 'grapheme', maxLength: 30 }), value: fc.option(bytes) }),
    { maxLength: 4 },
  ),
});
const records = fc.array(record, { minLength: 1, maxLength: 20 });
const identity = fc.oneof(
  fc.constant({}),
  fc.record({
    producerId: fc.nat({ max: 2 ** 40 }),
    producerEpoch: fc.nat({ max: 32767 }),
    baseSequence: fc.nat({ max: 2 ** 31 - 1 }),
    isTransactional: fc.boolean(),
  }),
);

test('whatever is built passes the checks and is read back', () => {
  fc.assert(
    fc.property(records, identity, fc.nat({ max: 2 ** 50 }), (list, options, baseOffset) => {
      const builder = new BatchBuilder(16);
      for (const one of list) builder.append(one);
      const batch = builder.build({ ...options, baseOffset });
      expect(checkProducedBatch(batch, 0, batch.length)).toBe(BatchProblem.none);
      expect(verifyCrc(batch)).toBe(true);
      expect(batch.length).toBe(builder.sizeBytes);
      const view = new BatchView(batch);
      const read = [...readRecords(view)];
      expect(read.map(({ offset, sequence, ...rest }) => rest)).toEqual(list);
      expect(read.map((one) => one.offset)).toEqual(list.map((_, i) => baseOffset + i));
      expect(read.at(-1)?.sequence).toBe(view.lastSequence);
      expect(view.maxTimestamp).toBe(Math.max(-1, ...list.map((one) => one.timestampMs)));
    }),
  );
});

test('gaps and a delete horizon, as compaction leaves them, are read back', () => {
  const gaps = fc.array(fc.tuple(record, fc.integer({ min: 1, max: 5000 })), { maxLength: 8 });
  fc.assert(
    fc.property(gaps, fc.nat({ max: 2 ** 45 }), fc.nat({ max: 90 }), (list, horizon, tail) => {
      const builder = new BatchBuilder().reset(horizon);
      let delta = -1;
      const deltas = list.map(([one, gap]) => {
        delta += gap;
        return builder.append(one, delta);
      });
      const batch = builder.build({ lastOffsetDelta: Math.max(delta, 0) + tail });
      expect(checkBatch(batch, 0, batch.length)).toBe(BatchProblem.none);
      const view = new BatchView(batch);
      expect(view.deleteHorizonMs).toBe(horizon);
      expect(view.lastOffsetDelta).toBe(Math.max(delta, 0) + tail);
      const read = [...readRecords(view)];
      expect(read.map((one) => one.offset)).toEqual(deltas);
      expect(read.map((one) => one.timestampMs)).toEqual(list.map(([one]) => one.timestampMs));
    }),
  );
});

test('a damaged batch is read, or refused with DecodeError; nothing else happens', () => {
  const patch = fc.tuple(fc.nat(), fc.nat({ max: 255 }));
  const patches = fc.array(patch, { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(records, patches, fc.nat({ max: 40 }), (list, damage, cut) => {
      const builder = new BatchBuilder();
      for (const one of list) builder.append(one);
      const whole = builder.build();
      for (const [at, byte] of damage) whole[at % whole.length] = byte;
      const batch = whole.subarray(0, whole.length - (cut % whole.length));
      checkProducedBatch(batch, 0, batch.length);
      if (checkBatch(batch, 0, batch.length) !== BatchProblem.none) return;
      const view = new BatchView(batch);
      const cursor = new RecordCursor();
      let held = 0;
      try {
        cursor.reset(view, view.body);
        while (cursor.next()) {
          held += (cursor.key?.length ?? 0) + (cursor.value?.length ?? 0);
          for (const header of cursor.headers) held += header.value?.length ?? 0;
        }
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
      expect(held).toBeLessThanOrEqual(batch.length);
    }),
    { numRuns: 3000 },
  );
});

test('arbitrary bytes never get past the checks with a size beyond them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 17, maxLength: 120 }), (noise) => {
      noise[16] = 2;
      if (checkBatch(noise, 0, noise.length) !== BatchProblem.none) return;
      expect(new BatchView(noise).lengthBytes).toBeLessThanOrEqual(noise.length);
    }),
    { numRuns: 2000 },
  );
});
