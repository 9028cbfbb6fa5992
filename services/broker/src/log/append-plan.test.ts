import { EngineErrorCode, PLAN_STRIDE, RESULT_STRIDE, type SegmentStore } from '@millrace/engine';
import { describe, expect, it } from 'vitest';
import { topicConfigOf } from '../config/topic-config.ts';
import { AppendError } from './append-error.ts';
import { AppendPlan } from './append-plan.ts';
import { PartitionLog } from './partition-log.ts';
import { PendingAppend } from './pending-append.ts';

const ROWS = 4;

/** Gives offsets and fails, defers or refuses as the test says. */
class ScriptedStore {
  readonly plan = new Float64Array(ROWS * PLAN_STRIDE);
  readonly results = new Float64Array(ROWS * RESULT_STRIDE);
  readonly failedLogs = new Float64Array(ROWS);
  readonly deferredLogs = new Float64Array(ROWS);
  deferredCount = 0;
  failedCount = 0;
  readonly ends = new Map<number, number>();
  readonly stages: number[] = [];
  commits = 0;
  failsAll = false;
  panics = false;
  /** Status of rows of this log. */
  refusedLog = -1;

  stage(rowCount: number): void {
    this.stages.push(rowCount);
    for (let row = 0; row < rowCount; row++) {
      const logId = this.plan[row * PLAN_STRIDE] as number;
      const end = this.ends.get(logId) ?? 0;
      const isRefused = logId === this.refusedLog;
      if (!isRefused) this.ends.set(logId, end + 1);
      const status = isRefused ? EngineErrorCode.corruptBatch : 0;
      this.results.set([status, isRefused ? -1 : end, -1, end + 1], row * RESULT_STRIDE);
    }
  }

  commit(): number {
    this.commits++;
    if (this.panics) throw new Error('panic');
    if (this.failsAll) {
      const touched = [...this.ends.keys()];
      this.ends.clear();
      // As the engine: what its table has no room for is not named.
      this.failedLogs.set(touched.slice(0, ROWS));
      return Math.min(touched.length, ROWS);
    }
    return this.failedCount;
  }
}

function setUp(logCount = 2) {
  const store = new ScriptedStore();
  const plan = new AppendPlan(store as unknown as SegmentStore);
  const told: string[] = [];
  const logs = Array.from(
    { length: logCount },
    (_, logId) =>
      new PartitionLog(
        store as unknown as SegmentStore,
        0,
        `t-${logId}`,
        {
          logId,
          logStartOffset: 0,
          logEndOffset: 0,
          flushedOffset: 0,
          topicId: null,
          epochs: [],
          truncatedBytes: 0,
          snapshotOffsets: [],
        },
        topicConfigOf(new Map(), []),
      ),
  );
  const target = {
    appendCommitted: (append: PendingAppend) => {
      if (append.error === AppendError.none && !append.isDuplicate)
        append.log?.batchCommitted(append);
      append.done();
    },
  };
  const add = (name: string, logId: number) => {
    const append = new PendingAppend({
      appendDone: (done) => told.push(`${name}:${done.error}@${done.baseOffset}`),
    });
    append.target = target;
    plan.add(append, logs[logId] as PartitionLog, 0, 0);
    return append;
  };
  return { store, plan, told, logs, target, add };
}

describe('append plan', () => {
  it('stages all rows in one call and writes them in one', () => {
    const { store, plan, told, add } = setUp();
    add('a', 0);
    add('b', 1);
    add('c', 0);
    expect(told).toEqual([]);
    plan.commit();
    expect(store.stages).toEqual([3]);
    expect(store.commits).toBe(1);
    expect(told).toEqual(['a:0@0', 'b:0@0', 'c:0@1']);
    expect(plan.isEmpty).toBe(true);
    plan.commit();
    expect(store.commits).toBe(1);
  });

  it('goes on when its table is full', () => {
    const { store, plan, told, add } = setUp();
    for (let i = 0; i < ROWS + 1; i++) add(`${i}`, 0);
    plan.commit();
    expect(store.stages).toEqual([ROWS, 1]);
    expect(told).toHaveLength(ROWS + 1);
  });

  it('commits no more logs at a time than the engine can name when they fail', () => {
    const { store, plan, told, add } = setUp(ROWS + 2);
    store.failsAll = true;
    for (let i = 0; i < ROWS + 2; i++) add(`${i}`, i);
    plan.commit();
    expect(store.commits).toBe(2);
    expect(told).toEqual(['0:56@0', '1:56@0', '2:56@0', '3:56@0', '4:56@0', '5:56@0']);
  });

  it('tells the others when a target throws, and nobody twice', () => {
    const { plan, told, add } = setUp();
    const failures: unknown[] = [];
    plan.onFailure = (error) => failures.push(error);
    const broken = add('a', 0);
    const bug = new Error('a bug');
    broken.target = {
      appendCommitted: () => {
        throw bug;
      },
    };
    add('b', 1);
    plan.commit();
    add('c', 1);
    plan.commit();
    expect(told).toEqual(['b:0@0', 'c:0@1']);
    expect(failures).toEqual([bug]);
  });

  it('acknowledges nothing of a commit that panicked', () => {
    const { store, plan, told, logs, add } = setUp();
    plan.onFailure = () => {};
    store.panics = true;
    add('a', 0);
    plan.commit();
    store.panics = false;
    add('b', 1);
    plan.commit();
    expect(told).toEqual(['a:56@0', 'b:0@0']);
    expect(logs.map((log) => log.isFailed)).toEqual([true, false]);
  });

  it('tells a refused batch its error and the others theirs', () => {
    const { store, plan, told, add } = setUp();
    store.refusedLog = 1;
    add('a', 0);
    add('b', 1);
    plan.commit();
    expect(told).toEqual(['a:0@0', 'b:2@-1']);
  });

  it('fails what a failed commit left out', () => {
    const { store, plan, told, add } = setUp();
    add('a', 0);
    add('b', 1);
    store.failedCount = 1;
    store.failedLogs[0] = 1;
    plan.commit();
    expect(told).toEqual(['a:0@0', 'b:56@0']);
  });

  describe('on a slow disk', () => {
    it('tells nobody before the writer thread has written', () => {
      const { store, plan, told, logs, add } = setUp();
      store.deferredCount = 1;
      store.deferredLogs[0] = 1;
      add('a', 0);
      add('b', 1);
      add('c', 1);
      plan.commit();
      expect(told).toEqual(['a:0@0']);
      expect(logs[1]?.logEndOffset).toBe(0);
      plan.written(1, 1);
      expect(told).toEqual(['a:0@0', 'b:0@0']);
      add('d', 1);
      plan.commit();
      expect(told).toHaveLength(2);
      plan.written(1, 3);
      store.deferredCount = 0;
      expect(told).toEqual(['a:0@0', 'b:0@0', 'c:0@1', 'd:0@2']);
      add('e', 1);
      plan.commit();
      expect(told.at(-1)).toBe('e:0@3');
    });

    it('goes on when the disk is quick again before the report of the writer thread came', () => {
      const { store, plan, told, add } = setUp();
      store.deferredCount = 1;
      store.deferredLogs[0] = 1;
      add('a', 1);
      plan.commit();
      store.deferredCount = 0;
      add('b', 1);
      plan.commit();
      expect(told).toEqual(['a:0@0', 'b:0@1']);
      plan.written(1, 1);
      expect(told).toHaveLength(2);
    });

    it('fails everything that waits when the writer thread is refused', () => {
      const { store, plan, told, logs, target, add } = setUp();
      store.deferredCount = 1;
      store.deferredLogs[0] = 1;
      const first = add('a', 1);
      plan.commit();
      const again = new PendingAppend({ appendDone: (done) => told.push(`again:${done.error}`) });
      again.target = target;
      again.log = logs[1] as PartitionLog;
      again.isDuplicate = true;
      again.lastOffset = first.lastOffset;
      plan.addRider(again);
      plan.commit();
      expect(told).toEqual([]);
      plan.refused(1);
      expect(told).toEqual(['a:56@0', 'again:56']);
    });
  });
});
