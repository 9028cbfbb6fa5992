// Logs of the kinds that C09 names, made by a Kafka client.
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@millrace/testing';
import type { NewRecord } from './kafka-oracle.ts';
import { newTopic, type Stage } from './stage.ts';

/** Records are a second apart, from soon on: later than the markers of transactions, which have the broker's time. */
export const EPOCH_MS = Date.now() + 1_200_000;
const STEP_MS = 1_000;
const SEGMENT_MS = 250;
const COMPACTION_MS = 60_000;

/** One log to start in. */
export interface Log {
  readonly name: string;
  readonly topic: string;
  readonly isCompacted: boolean;
  /** Lets what is unfinished be finished; null when nothing is. */
  readonly finish: (() => Promise<void>) | null;
}

const record = (n: number, key: string | null = `k${n % 5}`): NewRecord => ({
  key,
  value: `v${n}`,
  timestampMs: EPOCH_MS + n * STEP_MS,
});

const records = (from: number, count: number): NewRecord[] =>
  Array.from({ length: count }, (_, i) => record(from + i));

/** Writes records, one after the other, to partition 0. */
export async function write(
  { producer }: Stage,
  topic: string,
  all: readonly NewRecord[],
): Promise<void> {
  await Promise.all(all.map((each) => producer.send({ topic, partition: 0, ...each })));
}

async function empty(stage: Stage): Promise<Log> {
  const topic = await newTopic(stage, 'empty');
  return { name: 'empty', topic, isCompacted: false, finish: null };
}

async function one(stage: Stage): Promise<Log> {
  const topic = await newTopic(stage, 'one');
  await write(stage, topic, records(0, 1));
  return { name: 'one record', topic, isCompacted: false, finish: null };
}

async function trimmed(stage: Stage): Promise<Log> {
  const topic = await newTopic(stage, 'trimmed');
  await write(stage, topic, records(0, 40));
  await stage.admin.deleteRecords(topic, 0, 13);
  return { name: 'after DeleteRecords', topic, isCompacted: false, finish: null };
}

export const COMPACTED_CONFIGS = {
  'cleanup.policy': 'compact',
  'segment.ms': String(SEGMENT_MS),
  'min.cleanable.dirty.ratio': '0.01',
  'min.compaction.lag.ms': '0',
};

/** Holes at the beginning, in the middle and before the tail, tombstones among what is left. */
async function compacted(stage: Stage): Promise<Log> {
  const topic = await newTopic(stage, 'compacted', { configs: COMPACTED_CONFIGS });
  const all = records(0, 120).map((each, n) => ({
    ...each,
    // A key of its own now and then stays where it is, so that holes lie between.
    key: n % 17 === 3 ? `own-${n}` : each.key,
    value: n > 100 && n % 4 === 0 ? null : each.value,
    timestampMs: Date.now(),
  }));
  await write(stage, topic, all);
  const untouched = all.length;
  // A segment that is being written is never compacted: what comes later begins another.
  await sleep(2 * SEGMENT_MS);
  await write(stage, topic, [{ ...record(200, 'tail'), timestampMs: Date.now() }]);
  await settledCompaction(stage, topic, untouched);
  return { name: 'compacted with holes', topic, isCompacted: true, finish: null };
}

/** Waits until a compacted log has fewer records than `below`, and keeps those it has. */
async function settledCompaction(stage: Stage, topic: string, below: number): Promise<void> {
  let last = -1;
  await eventually(`${topic} is compacted`, COMPACTION_MS, async () => {
    const { length } = await stage.oracle.read(topic);
    const isSettled = length < below && length === last;
    last = length;
    if (!isSettled) await sleep(2 * SEGMENT_MS);
    return isSettled;
  });
}

/** Committed, aborted, plain and committed records, and the markers between them. */
async function aborted(stage: Stage): Promise<Log> {
  const topic = await newTopic(stage, 'aborted');
  const { oracle } = stage;
  let n = 0;
  for (const outcome of ['commit', 'abort', 'commit', 'abort'] as const) {
    await oracle.begin(`${topic}-writer`, topic, records(n, 7));
    await oracle.end(`${topic}-writer`, outcome);
    n += 7;
    if (outcome === 'abort') await write(stage, topic, records(n++, 1));
  }
  return { name: 'transactions with aborts', topic, isCompacted: false, finish: null };
}

/** An aborted transaction, then an open one with others' records around it: the last stable offset stays below. */
async function open(stage: Stage): Promise<Log> {
  const topic = await newTopic(stage, 'open');
  const { oracle } = stage;
  await write(stage, topic, records(0, 6));
  await oracle.begin(`${topic}-aborter`, topic, records(6, 4));
  await oracle.end(`${topic}-aborter`, 'abort');
  await oracle.begin(`${topic}-writer`, topic, records(10, 5));
  await write(stage, topic, records(15, 6));
  await oracle.begin(`${topic}-aborter`, topic, records(21, 3));
  await oracle.end(`${topic}-aborter`, 'abort');
  const finish = () => oracle.end(`${topic}-writer`, 'commit');
  return { name: 'an open transaction', topic, isCompacted: false, finish };
}

/** Every log that any cluster can hold. */
export const PLAIN_LOGS = [empty, one, trimmed, compacted] as const;
/** Logs that need a cluster with transactions. */
export const TRANSACTIONAL_LOGS = [aborted, open] as const;
