import { asError, eachLimited, type Logger } from '@millrace/base';
import { EngineError, EngineErrorCode } from '@millrace/engine';
import { PoisonedDirError } from '../log/log-dir.ts';
import type { PartitionSpec } from '../replica/partition-table.ts';
import type { PartitionKeeper } from './topic-store.ts';

/** What a start has to do for one partition. */
export interface PartitionWork {
  readonly spec: PartitionSpec;
  /** `remove`: a deletion that a crash cut short. */
  readonly deed: 'open' | 'create' | 'remove';
  /** Where its directory was found; null when it has none. */
  readonly dirId: number | null;
}

/** What becomes of a log dir that fails while partitions are opened. */
export interface FailingDirs {
  /** It holds the metadata, so that nothing goes without it. */
  isVital(dirId: number): boolean;
  /** Nothing is acknowledged from it any more. */
  failed(dirId: number, code: number): void;
}

/** Logs opened at a time. Recovery reads the disk; opening waits for it. */
const OPENED_AT_A_TIME = 16;

/**
 * Opens, creates and removes the partitions of a start. One whose log is damaged or cannot be read stays
 * offline, told in one line each; the others are served. A log dir that fails takes its partitions along.
 * @returns names of topics of which something could not be removed.
 * @throws EngineError when that is the dir with the metadata, or nobody knows which it is.
 */
export async function openPartitions(
  partitions: PartitionKeeper,
  work: readonly PartitionWork[],
  dirs: FailingDirs,
  log: Logger,
): Promise<ReadonlySet<string>> {
  const failures: unknown[] = [];
  const unremoved = new Set<string>();
  await eachLimited(work, OPENED_AT_A_TIME, async ({ spec, deed, dirId }) => {
    const { topic, index: partition } = spec;
    try {
      if (deed === 'open') await partitions.open(spec);
      else if (deed === 'create') await partitions.create(spec);
      else await partitions.remove(topic, partition);
    } catch (error) {
      // What poisoned the dir says more than what found it poisoned.
      if (isCode(error, EngineErrorCode.poisoned)) {
        const failed = error instanceof PoisonedDirError ? error.dirId : dirId;
        if (failed === null || dirs.isVital(failed)) {
          throw failures.find((failure) => isCode(failure, EngineErrorCode.ioError)) ?? error;
        }
        dirs.failed(failed, EngineErrorCode.poisoned);
      }
      if (!(error instanceof EngineError)) throw error;
      failures.push(error);
      const fields = { topic, partition, error: asError(error).message };
      if (deed === 'remove') {
        if (dirId === null || dirs.isVital(dirId)) throw error;
        unremoved.add(topic);
        log.error('partition not deleted; the next start tries again', fields);
        return;
      }
      partitions.leaveOffline(spec);
      log.error('partition stays offline: its log cannot be opened', fields);
    }
  });
  return unremoved;
}

function isCode(error: unknown, code: EngineErrorCode): boolean {
  return error instanceof EngineError && error.code === code;
}
