import { BatchBuilder, BatchView, verifyCrc } from '@millrace/records';
import { eventually } from '@millrace/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BODIES, LOG_OPTIONS, logRequest, produced, type World } from './contract/bodies.ts';
import type { Engine } from './engine.ts';
import { EngineErrorCode } from './engine-error.ts';
import { EVENT_STRIDE, EventKind } from './reactor.ts';
import { LocateStatus, ProducerRowColumn, ResultColumn } from './segment-store.ts';

const { found, empty, outOfRange } = LocateStatus;
const NO_BOUND = Number.MAX_SAFE_INTEGER;

describe.each(BODIES)('segment store, $name body', (body) => {
  let world: World;
  let engine: Engine;

  beforeEach(() => {
    world = body.world();
    engine = world.open();
  });

  afterEach(async () => {
    await engine.close();
    world.remove();
  });

  async function open(options = LOG_OPTIONS) {
    const dirId = await engine.store.openDir(world.dir);
    const opened = await engine.store.openLog(logRequest(dirId, 'topic-0', options));
    return { dirId, ...opened };
  }

  function append(logId: number, batch: Uint8Array, leaderEpoch = 3, appendTimeMs = -1): number[] {
    engine.store.stageOwned(logId, batch, leaderEpoch, appendTimeMs);
    return [...engine.store.results.subarray(0, 4)];
  }

  test('offsets, epoch and CRC are those of the log', async () => {
    const { logId } = await open();
    expect(append(logId, produced(3))).toEqual([0, 0, -1, 3]);
    expect(append(logId, produced(2))).toEqual([0, 3, -1, 5]);
    expect(engine.store.hasStaged).toBe(true);
    expect(engine.store.commit()).toBe(0);
    expect(engine.store.hasStaged).toBe(false);
    const bytes = await engine.store.read(logId, 0, NO_BOUND, 1 << 20, false);
    const first = new BatchView(bytes, 0);
    expect([first.baseOffset, first.leaderEpoch, first.recordCount]).toEqual([0, 3, 3]);
    const second = new BatchView(bytes, first.lengthBytes);
    expect(second.baseOffset).toBe(3);
    expect(verifyCrc(bytes, first.lengthBytes)).toBe(true);
  });

  test('an append time is stamped and the CRC stays true', async () => {
    const { logId } = await open();
    append(logId, produced(3), 0, 777_777);
    engine.store.commit();
    const bytes = await engine.store.read(logId, 0, NO_BOUND, 1 << 20, false);
    const view = new BatchView(bytes);
    expect([view.timestampType, view.maxTimestamp]).toEqual(['LogAppendTime', 777_777]);
    expect(verifyCrc(bytes)).toBe(true);
  });

  test('a bad batch is refused and leaves no trace', async () => {
    const { logId } = await open();
    const corrupt = produced(3);
    corrupt[corrupt.length - 1] = (corrupt.at(-1) as number) ^ 1;
    expect(append(logId, corrupt)[ResultColumn.status]).toBe(EngineErrorCode.corruptBatch);
    expect(append(logId, produced(3).subarray(0, 50))[ResultColumn.status]).toBe(
      EngineErrorCode.invalidBatch,
    );
    expect(append(logId, produced(1, 1000, 2 << 20))[ResultColumn.status]).toBe(
      EngineErrorCode.batchLargerThanSegment,
    );
    expect(append(logId + 1, produced(3))[ResultColumn.status]).toBe(EngineErrorCode.unknownHandle);
    expect(append(logId, produced(1))).toEqual([0, 0, -1, 1]);
  });

  test('nothing is readable before the commit', async () => {
    const { logId } = await open();
    append(logId, produced(3));
    expect(engine.store.locate(logId, 0, NO_BOUND, 1000, true)).toBe(empty);
    engine.store.commit();
    expect(engine.store.locate(logId, 0, NO_BOUND, 1000, true)).toBe(found);
  });

  test('locate finds whole batches within its bounds', async () => {
    const { logId } = await open();
    const size = produced(2).length;
    for (let i = 0; i < 5; i++) append(logId, produced(2));
    engine.store.commit();
    const locate = (offset: number, upTo: number, maxBytes: number, atLeastOne: boolean) => {
      const status = engine.store.locate(logId, offset, upTo, maxBytes, atLeastOne);
      return status === found ? [...engine.store.located] : status;
    };
    expect(locate(0, NO_BOUND, 10_000, false)).toEqual([0, 0, 5 * size, 0, 10]);
    expect(locate(3, NO_BOUND, 10_000, false)).toEqual([0, size, 4 * size, 2, 10]);
    expect(locate(3, NO_BOUND, 2 * size + 5, false)).toEqual([0, size, 2 * size, 2, 6]);
    expect(locate(0, 6, 10_000, false)).toEqual([0, 0, 3 * size, 0, 6]);
    expect(locate(2, NO_BOUND, 5, true)).toEqual([0, size, size, 2, 4]);
    expect(locate(2, NO_BOUND, 5, false)).toBe(empty);
    expect(locate(10, NO_BOUND, 10_000, true)).toBe(empty);
    expect(locate(6, 6, 10_000, true)).toBe(empty);
    expect(locate(11, NO_BOUND, 10_000, true)).toBe(outOfRange);
    expect(await engine.store.read(logId, 3, 6, 10_000, false)).toHaveLength(2 * size);
    expect(await engine.store.read(logId, 10, NO_BOUND, 10_000, true)).toHaveLength(0);
  });

  test('a full segment rolls and slices name one segment each', async () => {
    const { logId } = await open({ ...LOG_OPTIONS, segmentBytes: 500 });
    const size = produced(2, 1000, 60).length;
    expect(size).toBeGreaterThan(170);
    const rolled = [0, 1, 2, 3, 4].map(() => append(logId, produced(2, 1000, 60))[2]);
    engine.store.commit();
    expect(rolled).toEqual([-1, -1, 4, -1, 8]);
    expect(engine.store.segments(logId).map((segment) => segment.baseOffset)).toEqual([0, 4, 8]);
    expect(engine.store.segments(logId).map((segment) => segment.nextOffset)).toEqual([4, 8, 10]);
    expect(engine.store.locate(logId, 0, NO_BOUND, 1 << 20, false)).toBe(found);
    expect(engine.store.located[4]).toBe(4);
    expect(engine.store.sizeBytes(logId)).toBe(5 * size);
    expect(engine.store.roll(logId)).toBe(10);
    expect(engine.store.roll(logId)).toBe(10);
  });

  test('times find batches', async () => {
    const { logId } = await open();
    for (const time of [100, 300, 200, 400]) append(logId, produced(2, time));
    engine.store.commit();
    const find = (time: number, from = 0) => engine.store.findBatchByTimestamp(logId, time, from);
    expect([await find(0), await find(150), await find(300, 3), await find(401)]).toEqual([
      0, 2, 2, -1,
    ]);
    expect(await engine.store.findLargestTimestamp(logId)).toBe(6);
  });

  test('trim and truncate move the ends', async () => {
    const { logId } = await open({ ...LOG_OPTIONS, segmentBytes: 500 });
    for (let i = 0; i < 6; i++) append(logId, produced(2, 1000, 60));
    engine.store.commit();
    expect(await engine.store.trimTo(logId, 5)).toBe(1);
    expect(engine.store.locate(logId, 4, NO_BOUND, 100, true)).toBe(outOfRange);
    expect(engine.store.locate(logId, 5, NO_BOUND, 100, true)).toBe(found);
    await expect(engine.store.trimTo(logId, 99)).rejects.toMatchObject({
      code: EngineErrorCode.offsetOutOfRange,
    });
    await engine.store.truncateTo(logId, 8);
    expect(engine.store.locate(logId, 8, NO_BOUND, 100, true)).toBe(empty);
    expect(append(logId, produced(1)).slice(1)).toEqual([8, -1, 9]);
    engine.store.commit();
  });

  test('a closed log opens with everything in it', async () => {
    const { dirId, logId } = await open();
    append(logId, produced(5));
    engine.store.commit();
    await engine.store.assignLeaderEpoch(logId, 7);
    await engine.store.writeSnapshot(logId, 5, Uint8Array.of(1, 2, 3));
    await engine.store.writeFile(dirId, 'some-checkpoint', Uint8Array.of(9));
    await engine.store.closeLog(logId);
    await engine.store.closeDir(dirId);
    await engine.close();

    engine = world.open();
    const again = await open();
    expect(again).toMatchObject({ logStartOffset: 0, logEndOffset: 5, flushedOffset: 5 });
    expect(again.epochs).toEqual([{ epoch: 7, startOffset: 5 }]);
    expect(again.snapshotOffsets).toEqual([5]);
    expect(await engine.store.readSnapshot(again.logId, 5)).toEqual(Uint8Array.of(1, 2, 3));
    expect(await engine.store.readSnapshot(again.logId, 6)).toBeNull();
    expect(await engine.store.readFile(again.dirId, 'some-checkpoint')).toEqual(Uint8Array.of(9));
    expect(await engine.store.readFile(again.dirId, 'no-checkpoint')).toBeNull();
    expect(await engine.store.listLogs(again.dirId)).toEqual(['topic-0']);
    await engine.store.deleteLog(again.logId);
    expect(await engine.store.listLogs(again.dirId)).toEqual([]);
  });

  test('a commit that may be deferred is written now, or named and reported later', async () => {
    const { logId } = await open({ ...LOG_OPTIONS, segmentBytes: 64 << 20 });
    const written: number[] = [];
    const { store, reactor } = engine;
    reactor.run((count) => {
      for (let row = 0; row < count; row++) {
        const [kind, id, end] = reactor.events.subarray(row * EVENT_STRIDE, row * EVENT_STRIDE + 3);
        if (kind === EventKind.written && id === logId) written.push(end as number);
      }
    });
    store.setDeferral(true);
    const deferredEnds: number[] = [];
    for (let end = 1; end <= 40; end++) {
      append(logId, produced(1, 1000, 256 << 10));
      expect(store.commit()).toBe(0);
      if (store.deferredCount === 0) continue;
      expect([...store.deferredLogs.subarray(0, store.deferredCount)]).toEqual([logId]);
      deferredEnds.push(end);
    }
    await eventually('all of it is readable', 60_000, async () => {
      const last = await store.read(logId, 39, NO_BOUND, 1, true);
      return last.length > 0 && new BatchView(last).baseOffset === 39;
    });
    await eventually('every deferral is reported', 60_000, () =>
      deferredEnds.every((end) => written.includes(end)),
    );
  });

  test('a log that is not open can be discarded, one that is cannot', async () => {
    const { dirId, logId } = await open();
    await expect(engine.store.discardLog(dirId, 'topic-0')).rejects.toMatchObject({
      code: EngineErrorCode.invalidName,
    });
    await engine.store.closeLog(logId);
    await engine.store.discardLog(dirId, 'topic-0');
    await engine.store.discardLog(dirId, 'topic-0');
    expect(await engine.store.listLogs(dirId)).toEqual([]);
  });

  test('a topic id is written once and kept', async () => {
    const dirId = await engine.store.openDir(world.dir);
    const topicId = 'AAAAAAAAAAAAAAAAAAAAAQ';
    const first = await engine.store.openLog({ ...logRequest(dirId, 'topic-1'), topicId });
    expect(first.topicId).toBe(topicId);
    await engine.store.closeLog(first.logId);
    const second = await engine.store.openLog(logRequest(dirId, 'topic-1'));
    expect(second.topicId).toBe(topicId);
  });

  test('names and locks are checked', async () => {
    const { dirId } = await open();
    for (const name of ['../up', '..', '.', 'a/b']) {
      await expect(engine.store.openLog(logRequest(dirId, name))).rejects.toMatchObject({
        code: EngineErrorCode.invalidName,
      });
    }
    const other = world.open();
    await expect(other.store.openDir(world.dir)).rejects.toMatchObject({
      code: EngineErrorCode.dirLocked,
    });
    await other.close();
    const missing = { ...logRequest(dirId, 'topic-9'), create: false };
    await expect(engine.store.openLog(missing)).rejects.toMatchObject({ name: 'EngineError' });
  });

  test('batches of producers come as rows', async () => {
    const { logId } = await open();
    append(logId, produced(4));
    const builder = new BatchBuilder();
    for (let i = 0; i < 3; i++) builder.append({ timestampMs: 50, key: null, value: null });
    append(logId, builder.build({ producerId: 12, producerEpoch: 1, baseSequence: 5 }));
    engine.store.commit();
    const rows = await engine.store.scanProducers(logId, 0);
    expect([...rows]).toEqual([4, 6, 12, 1, 5, 7, 50, 0, -1]);
    expect(rows[ProducerRowColumn.producerId]).toBe(12);
    expect([...(await engine.store.scanProducers(logId, 7))]).toEqual([]);
  });

  test('aborted transactions overlap what is asked for', async () => {
    const { logId } = await open();
    for (let i = 0; i < 10; i++) append(logId, produced(10));
    engine.store.commit();
    const entry = { producerId: 5, firstOffset: 20, lastOffset: 30, lastStableOffset: 31 };
    await engine.store.appendAbortedTransaction(logId, entry);
    expect(await engine.store.abortedTransactions(logId, 0, 50)).toEqual([entry]);
    expect(await engine.store.abortedTransactions(logId, 31, 50)).toEqual([]);
    expect(await engine.store.abortedTransactions(logId, 0, 20)).toEqual([]);
  });

  test('in group mode a flushed event follows a commit', async () => {
    const { logId } = await open({ ...LOG_OPTIONS, flushMode: 'group' });
    const flushed = new Promise<number[]>((resolve) => {
      engine.reactor.run((count) => {
        for (let row = 0; row < count; row++) {
          const at = row * EVENT_STRIDE;
          const [kind, subject = -1, offset = -1] = engine.reactor.events.subarray(at, at + 3);
          if (kind === EventKind.flushed) resolve([subject, offset]);
        }
      });
    });
    append(logId, produced(4));
    engine.store.commit();
    expect(await flushed).toEqual([logId, 4]);
    expect(await engine.store.flushLog(logId)).toBe(4);
  });
});
