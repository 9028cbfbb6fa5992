import { EngineError, EngineErrorCode, type SegmentStore } from '@millrace/engine';
import { formatCheckpoint, type OffsetMap, parseCheckpoint } from './checkpoint.ts';

const CLEAN_SHUTDOWN = '.kafka_cleanshutdown';

/** Names of the checkpoint files of a log directory. */
export const CheckpointFile = {
  recoveryPoint: 'recovery-point-offset-checkpoint',
  logStart: 'log-start-offset-checkpoint',
  highWatermark: 'replication-offset-checkpoint',
  cleaner: 'cleaner-offset-checkpoint',
} as const;

export type CheckpointFile = (typeof CheckpointFile)[keyof typeof CheckpointFile];

/** A log could not be made, because the dir chosen for it was poisoned before. */
export class PoisonedDirError extends EngineError {
  override readonly name = 'PoisonedDirError';
  readonly dirId: number;

  constructor({ dirId, path }: Pick<LogDir, 'dirId' | 'path'>, options?: ErrorOptions) {
    super(EngineErrorCode.poisoned, `log dir ${path} is poisoned`, options);
    this.dirId = dirId;
  }
}

/** One log directory: its lock, its checkpoints, and whether its last stop was clean. */
export class LogDir {
  readonly #store: SegmentStore;
  readonly dirId: number;
  readonly path: string;
  /** The last stop was clean: no log needs a scan. */
  readonly wasClean: boolean;
  /** Poisoned by a failed write or flush. */
  isFailed = false;
  /** Logs that are being created in it. */
  creatingCount = 0;
  /** A log of it could not be opened, so a crash may have left it as it is. */
  hasUnopened = false;
  readonly recoveryPoints: OffsetMap;
  readonly logStarts: OffsetMap;
  readonly cleanerOffsets: OffsetMap;
  /** What each checkpoint file holds now, so that an unchanged one is not written again. */
  readonly #written = new Map<string, string>();
  #writing: Promise<void> = Promise.resolve();
  /** A checkpoint on disk may name a log that is gone. */
  #hasForgotten = false;
  #dropping: Promise<void> = Promise.resolve();

  private constructor(
    store: SegmentStore,
    dirId: number,
    path: string,
    wasClean: boolean,
    checkpoints: readonly [OffsetMap, OffsetMap, OffsetMap],
  ) {
    this.#store = store;
    this.dirId = dirId;
    this.path = path;
    this.wasClean = wasClean;
    [this.recoveryPoints, this.logStarts, this.cleanerOffsets] = checkpoints;
  }

  /**
   * Locks the directory (made when missing) and reads what the last run left.
   * @throws EngineError `dirLocked` and the like, CheckpointError
   */
  static async open(store: SegmentStore, path: string): Promise<LogDir> {
    const dirId = await store.openDir(path);
    try {
      const clean = await store.readFile(dirId, CLEAN_SHUTDOWN);
      if (clean !== null) await store.removeFile(dirId, CLEAN_SHUTDOWN);
      return new LogDir(store, dirId, path, clean !== null, [
        await readCheckpoint(store, dirId, path, CheckpointFile.recoveryPoint),
        await readCheckpoint(store, dirId, path, CheckpointFile.logStart),
        await readCheckpoint(store, dirId, path, CheckpointFile.cleaner),
      ]);
    } catch (error) {
      await store.closeDir(dirId);
      throw error;
    }
  }

  /** A log is gone: nothing that was noted of it may hold for a later one of the same name. */
  forget(name: string): void {
    for (const offsets of [this.recoveryPoints, this.logStarts, this.cleanerOffsets]) {
      if (offsets.delete(name)) this.#hasForgotten = true;
    }
  }

  /** The same for every log that is noted and not there. */
  forgetAllBut(names: ReadonlySet<string>): void {
    for (const offsets of [this.recoveryPoints, this.logStarts, this.cleanerOffsets]) {
      for (const name of [...offsets.keys()]) if (!names.has(name)) this.forget(name);
    }
  }

  /**
   * Resolves when no checkpoint on disk names a forgotten log. To be awaited before a log is created: after
   * a crash a log start or recovery point of its predecessor would cost it its records.
   */
  dropForgotten(): Promise<void> {
    if (this.#hasForgotten) {
      this.#hasForgotten = false;
      this.#dropping = this.#writeAll().catch((error: unknown) => {
        this.#hasForgotten = true;
        throw error;
      });
    }
    return this.#dropping;
  }

  async #writeAll(): Promise<void> {
    await this.writeCheckpoint(CheckpointFile.recoveryPoint, this.recoveryPoints);
    await this.writeCheckpoint(CheckpointFile.logStart, this.logStarts);
    await this.writeCheckpoint(CheckpointFile.cleaner, this.cleanerOffsets);
  }

  /** Writes a checkpoint durably when it differs from what was written last. */
  writeCheckpoint(file: CheckpointFile, offsets: OffsetMap): Promise<void> {
    // One after the other, so that an older text never overwrites a newer one.
    const written = this.#writing.then(() => this.#write(file, offsets));
    this.#writing = written.catch(() => {});
    return written;
  }

  async #write(file: CheckpointFile, offsets: OffsetMap): Promise<void> {
    if (this.isFailed) return;
    const text = formatCheckpoint(offsets);
    if (this.#written.get(file) === text) return;
    await this.#store.writeFile(this.dirId, file, Buffer.from(text));
    this.#written.set(file, text);
  }

  /** Says that the stop was clean and lets go of the lock. All logs must be closed. */
  async close(isClean: boolean): Promise<void> {
    if (isClean && !this.isFailed) {
      const text = JSON.stringify({ version: 0, brokerEpoch: -1 });
      await this.#store.writeFile(this.dirId, CLEAN_SHUTDOWN, Buffer.from(text));
    }
    await this.#store.closeDir(this.dirId);
  }
}

async function readCheckpoint(
  store: SegmentStore,
  dirId: number,
  path: string,
  file: CheckpointFile,
): Promise<OffsetMap> {
  const bytes = await store.readFile(dirId, file);
  if (bytes === null) return new Map();
  return parseCheckpoint(`${path}/${file}`, Buffer.from(bytes).toString('utf8'));
}
