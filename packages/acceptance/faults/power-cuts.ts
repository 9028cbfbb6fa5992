import { MillraceProcess } from '@millrace/testing';
import { CommitLoad } from '../load/commit-load.ts';
import { RecordLoad } from '../load/record-load.ts';
import { TopicLoad } from '../load/topic-load.ts';
import { readAll, type Verdict, verdictOf } from '../load/verdict.ts';
import { Watcher } from '../load/watcher.ts';
import { LoopDisk } from './loop-disk.ts';

/** What cutting the power under load has shown. */
export interface PowerReport extends Verdict {
  readonly rounds: number;
  readonly commits: number;
  readonly lostCommits: readonly string[];
  readonly topics: number;
  /** Topics and configs that were acknowledged and are not there. */
  readonly lostTopics: readonly string[];
}

export interface PowerOptions {
  readonly rounds: number;
  /** `fsync` must lose nothing; `page-cache` must lose something, or the cut is none. */
  readonly durability: 'fsync' | 'page-cache';
  readonly random: () => number;
  /** Longest time under load before a cut. */
  readonly loadMs?: number;
  readonly note?: (text: string) => void;
}

const TOPIC = 'power';
const PARTITIONS = 3;
const GROUPS = 12;
const CODECS = ['none', 'lz4'] as const;
const DISK_MEBIBYTES = 768;
/** Soon enough that every round meets rolls. */
const SEGMENT_BYTES = '65536';
const TOPIC_PAUSE_MS = 40;
const TOPIC_WAIT_MS = 3_000;
const LOAD_MS_MIN = 400;
/** Between the cut and the end of the broker: an acknowledgement in this time is a lie. */
const AFTER_CUT_MS = 100;

/**
 * Cuts the power of the disk below a broker under load: the file system forgets whatever was not flushed.
 * Then the broker starts on what is left, under the same load, and in the end everything is compared.
 */
export async function powerCuts(options: PowerOptions): Promise<PowerReport> {
  const disk = await LoopDisk.create(DISK_MEBIBYTES);
  let broker: MillraceProcess | undefined;
  try {
    broker = await MillraceProcess.start({
      dataFolder: `${disk.path}/data`,
      overrides: {
        'num.partitions': String(PARTITIONS),
        'log.segment.bytes': SEGMENT_BYTES,
        'offsets.topic.num.partitions': '4',
        'millrace.log.durability': options.durability,
      },
    });
    return await runRounds(disk, broker, options);
  } finally {
    await broker?.kill();
    await disk.remove();
  }
}

async function runRounds(
  disk: LoopDisk,
  broker: MillraceProcess,
  options: PowerOptions,
): Promise<PowerReport> {
  const bootstrapServers = broker.bootstrap;
  const loads = CODECS.map(
    (compressionType, index) =>
      new RecordLoad({
        ...{ bootstrapServers, compressionType, topic: TOPIC, name: `p${index}` },
        ...{ inFlight: 100, paddingLength: 100 },
      }),
  );
  const commits = new CommitLoad(bootstrapServers, TOPIC, GROUPS);
  const topics = new TopicLoad(bootstrapServers, TOPIC, TOPIC_PAUSE_MS);
  const watcher = new Watcher(bootstrapServers, TOPIC, PARTITIONS);
  for (let round = 0; round < options.rounds; round++) {
    await sleep(LOAD_MS_MIN + options.random() * (options.loadMs ?? 1_500));
    // Every other time right after a topic was created: its directories are the newest there are.
    if (round % 2 === 1) await nextTopic(topics);
    await disk.cutPower();
    await sleep(options.random() * AFTER_CUT_MS);
    await broker.kill();
    await disk.unmount();
    await disk.mount();
    await broker.resume();
    options.note?.(`${round + 1} of ${options.rounds} power cuts`);
  }
  await Promise.all([...loads, commits, topics, watcher].map((load) => load.stop()));
  const log = await readAll(bootstrapServers, TOPIC, PARTITIONS);
  const [lostCommits, lostTopics] = [await commits.complaints(), await topics.complaints()];
  return {
    rounds: options.rounds,
    ...verdictOf(loads, log, watcher.shown),
    ...{ commits: commits.acknowledgedCount, lostCommits },
    ...{ topics: topics.acknowledged.length, lostTopics },
  };
}

async function nextTopic({ acknowledged }: TopicLoad): Promise<void> {
  const before = acknowledged.length;
  const until = performance.now() + TOPIC_WAIT_MS;
  while (acknowledged.length === before && performance.now() < until) await sleep(1);
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
