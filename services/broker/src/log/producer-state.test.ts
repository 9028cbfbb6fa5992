import { describe, expect, it } from 'vitest';
import { AppendError } from './append-error.ts';
import { decodeSnapshot, encodeSnapshot, SnapshotError } from './producer-snapshot.ts';
import { ProducerStateTable, sequenceAfter } from './producer-state.ts';

interface Sent {
  readonly producerId?: number;
  readonly epoch?: number;
  readonly first: number;
  readonly count?: number;
}

function candidate({ producerId = 7, epoch = 0, first, count = 1 }: Sent) {
  return {
    producerId,
    producerEpoch: epoch,
    baseSequence: first,
    lastOffsetDelta: count - 1,
    isDuplicate: false,
    baseOffset: -1,
    lastOffset: -1,
  };
}

/** A partition's idempotence with a log that only counts. */
class Sequenced {
  readonly table = new ProducerStateTable();
  logEnd = 0;

  send(sent: Sent): { error: number; baseOffset: number; isDuplicate: boolean } {
    const batch = candidate(sent);
    const error = this.table.check(batch);
    if (error === AppendError.none && !batch.isDuplicate) {
      batch.baseOffset = this.logEnd;
      batch.lastOffset = this.logEnd + batch.lastOffsetDelta;
      this.logEnd = batch.lastOffset + 1;
      this.table.record({ ...batch, maxTimestamp: 1000 });
    }
    return { error, baseOffset: batch.baseOffset, isDuplicate: batch.isDuplicate };
  }

  /** The write of the batches from `baseOffset` on failed. */
  refuse(sent: Sent, baseOffset: number): void {
    const batch = candidate(sent);
    this.logEnd = baseOffset;
    this.table.takeBack({ ...batch, baseOffset, lastOffset: baseOffset, maxTimestamp: 1000 });
  }
}

describe('producer state', () => {
  it('takes any first sequence of an unknown producer', () => {
    const log = new Sequenced();
    expect(log.send({ first: 41 })).toMatchObject({ error: 0, baseOffset: 0 });
    expect(log.send({ first: 42 })).toMatchObject({ error: 0, baseOffset: 1 });
  });

  it('wants a refused batch again before later ones, and still knows older ones', () => {
    const log = new Sequenced();
    log.send({ first: 0 });
    log.send({ first: 1 });
    log.send({ first: 2 });
    log.refuse({ first: 1 }, 1);
    log.refuse({ first: 2 }, 2);
    expect(log.send({ first: 2 }).error).toBe(AppendError.outOfOrderSequence);
    expect(log.send({ first: 0 })).toMatchObject({ isDuplicate: true, baseOffset: 0 });
    log.logEnd = 1;
    expect(log.send({ first: 1 })).toMatchObject({ error: 0, baseOffset: 1, isDuplicate: false });
  });

  it('wants a producer’s very first batch again when it was refused', () => {
    const log = new Sequenced();
    log.send({ first: 0 });
    log.refuse({ first: 0 }, 0);
    expect(log.send({ first: 1 }).error).toBe(AppendError.outOfOrderSequence);
    expect(log.send({ first: 0 })).toMatchObject({ error: 0, baseOffset: 0 });
    expect(log.send({ epoch: 1, first: 0 }).error).toBe(0);
  });

  it('refuses a gap and answers a repetition with the first base offset', () => {
    const log = new Sequenced();
    log.send({ first: 0, count: 10 });
    log.send({ first: 10, count: 5 });
    expect(log.send({ first: 20 }).error).toBe(AppendError.outOfOrderSequence);
    expect(log.send({ first: 0, count: 10 })).toEqual({
      error: 0,
      baseOffset: 0,
      isDuplicate: true,
    });
    expect(log.send({ first: 10, count: 5 })).toMatchObject({ baseOffset: 10, isDuplicate: true });
    expect(log.logEnd).toBe(15);
  });

  it('remembers five batches, not six', () => {
    const log = new Sequenced();
    for (let first = 0; first < 6; first++) log.send({ first });
    expect(log.send({ first: 1 })).toMatchObject({ error: 0, isDuplicate: true, baseOffset: 1 });
    expect(log.send({ first: 0 }).error).toBe(AppendError.outOfOrderSequence);
  });

  it('does not take a batch of other length for a repetition', () => {
    const log = new Sequenced();
    log.send({ first: 0, count: 3 });
    expect(log.send({ first: 0, count: 2 }).error).toBe(AppendError.outOfOrderSequence);
  });

  it('fences an older epoch and starts a new one at sequence 0', () => {
    const log = new Sequenced();
    log.send({ first: 0, epoch: 1 });
    expect(log.send({ first: 1, epoch: 0 }).error).toBe(AppendError.invalidProducerEpoch);
    expect(log.send({ first: 1, epoch: 2 }).error).toBe(AppendError.outOfOrderSequence);
    expect(log.send({ first: 0, epoch: 2 })).toMatchObject({ error: 0, isDuplicate: false });
    expect(log.send({ first: 1, epoch: 2 }).error).toBe(0);
  });

  it('wraps sequences from 2^31-1 to 0', () => {
    const log = new Sequenced();
    log.send({ first: 0x7ffffffe, count: 4 });
    expect(log.send({ first: 2 }).error).toBe(0);
    expect(sequenceAfter(0x7fffffff, 1)).toBe(0);
    expect(sequenceAfter(0x7ffffffe, 3)).toBe(1);
  });

  it('forgets producers that were silent too long', () => {
    const log = new Sequenced();
    log.send({ first: 0 });
    log.table.expire(1999, 1000);
    expect(log.table.count).toBe(1);
    log.table.expire(2000, 1000);
    expect(log.table.count).toBe(0);
  });
});

describe('producer snapshot', () => {
  it('keeps the remembered batches of each producer', () => {
    const log = new Sequenced();
    log.send({ first: 0, count: 4 });
    log.send({ first: 4, count: 3 });
    log.send({ producerId: 9, epoch: 3, first: 0 });
    const restored = new Sequenced();
    decodeSnapshot(encodeSnapshot(log.table), restored.table);
    restored.logEnd = log.logEnd;
    expect(restored.send({ first: 4, count: 3 })).toMatchObject({
      isDuplicate: true,
      baseOffset: 4,
    });
    expect(restored.send({ first: 0, count: 4 })).toMatchObject({
      isDuplicate: true,
      baseOffset: 0,
    });
    expect(restored.send({ first: 7 })).toMatchObject({ error: 0, baseOffset: 8 });
    expect(restored.send({ producerId: 9, epoch: 2, first: 1 }).error).toBe(
      AppendError.invalidProducerEpoch,
    );
  });

  it('keeps a batch whose sequences wrapped', () => {
    const log = new Sequenced();
    log.send({ first: 0x7ffffffe, count: 4 });
    const restored = new Sequenced();
    decodeSnapshot(encodeSnapshot(log.table), restored.table);
    expect(restored.send({ first: 0x7ffffffe, count: 4 })).toMatchObject({ isDuplicate: true });
  });

  it('has the layout of Kafka: version 1, checksum, count, 46 bytes an entry', () => {
    const log = new Sequenced();
    log.send({ first: 5, count: 2 });
    const bytes = encodeSnapshot(log.table);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    expect(bytes.length).toBe(2 + 4 + 4 + 46);
    expect(view.getInt16(0)).toBe(1);
    expect(view.getInt32(6)).toBe(1);
    expect(view.getBigInt64(10)).toBe(7n);
    expect(view.getInt32(20)).toBe(6);
    expect(view.getBigInt64(24)).toBe(1n);
    expect(view.getInt32(32)).toBe(1);
    expect(view.getBigInt64(48)).toBe(-1n);
  });

  it('refuses a flipped bit, a cut file and another version', () => {
    const log = new Sequenced();
    log.send({ first: 0 });
    const bytes = encodeSnapshot(log.table);
    for (const damage of [
      bytes.slice(0, -1),
      bytes.with(20, 1),
      bytes.with(1, 2),
      bytes.slice(0, 4),
    ]) {
      expect(() => decodeSnapshot(damage, new ProducerStateTable())).toThrow(SnapshotError);
    }
  });
});
