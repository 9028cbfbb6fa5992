import { MillraceProcess } from '@millrace/testing';
import { CommitLoad } from '../load/commit-load.ts';
import { RecordLoad } from '../load/record-load.ts';
import { readAll, type Verdict, verdictOf } from '../load/verdict.ts';
import { Watcher } from '../load/watcher.ts';

/** What a run of kill -9 under load has shown. */
export interface CrashReport extends Verdict {
  readonly cycles: number;
  readonly commits: number;
  /** Groups whose committed offset is older than an acknowledged one. */
  readonly lostCommits: readonly string[];
  /** Slowest restart: from spawn until the broker listens, ms. */
  readonly restartMsMax: number;
}

export interface CrashOptions {
  readonly cycles: number;
  /** From a restart until the next kill: a time between 0 and this one, at random. */
  readonly pauseMs: number;
  readonly random: () => number;
  /** Records in flight of each producer. */
  readonly inFlight?: number;
  readonly note?: (text: string) => void;
  /** Once aborted there is no further kill, and the verdict comes. */
  readonly signal?: AbortSignal;
}

const TOPIC = 'crash';
const PARTITIONS = 3;
/** Worth a line. */
const SLOW_RESTART_MS = 5_000;
const GROUPS = 12;
/** One producer each. */
const CODECS = ['none', 'lz4', 'zstd'] as const;

/** Kills a broker under load again and again, then reads everything back and compares. */
export async function crashCycles(options: CrashOptions): Promise<CrashReport> {
  const { note, signal } = options;
  const broker = await MillraceProcess.start({
    // Small segments and indexes, so that kills meet rolls.
    overrides: { 'num.partitions': String(PARTITIONS), 'log.segment.bytes': '1048576' },
  });
  const bootstrapServers = broker.bootstrap;
  let restartMsMax = 0;
  let cycles = 0;
  try {
    const loads = CODECS.map(
      (compressionType, index) =>
        new RecordLoad({
          ...{ bootstrapServers, compressionType, topic: TOPIC, name: `p${index}` },
          ...(options.inFlight === undefined ? {} : { inFlight: options.inFlight }),
        }),
    );
    const commits = new CommitLoad(bootstrapServers, TOPIC, GROUPS);
    const watcher = new Watcher(bootstrapServers, TOPIC, PARTITIONS);
    while (cycles < options.cycles && signal?.aborted !== true) {
      cycles++;
      await new Promise((resolve) => setTimeout(resolve, options.random() * options.pauseMs));
      await broker.kill();
      const since = performance.now();
      await broker.resume();
      const restartMs = performance.now() - since;
      restartMsMax = Math.max(restartMsMax, restartMs);
      if (restartMs > SLOW_RESTART_MS) {
        note?.(`restart ${cycles} took ${Math.round(restartMs)} ms: ${broker.output}`);
      }
      if (cycles % 10 === 0) note?.(`${cycles} of ${options.cycles} kills`);
    }
    await Promise.all([...loads, commits, watcher].map((load) => load.stop()));
    for (const [why, count] of loads.flatMap((load) => [...load.errors])) {
      note?.(`${count} not acknowledged: ${why}`);
    }
    const verdict = verdictOf(
      loads,
      await readAll(bootstrapServers, TOPIC, PARTITIONS),
      watcher.shown,
    );
    const lostCommits = await commits.complaints();
    await broker.stop();
    return { cycles, ...verdict, commits: commits.acknowledgedCount, lostCommits, restartMsMax };
  } catch (error) {
    await broker.kill();
    throw error;
  }
}
