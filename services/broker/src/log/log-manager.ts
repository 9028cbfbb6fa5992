import { asError, eachLimited, type Logger } from '@millrace/base';
import { EngineError, EngineErrorCode, type SegmentStore } from '@millrace/engine';
import type { TopicConfig } from '../config/topic-config.ts';
import { logNameOf, type OffsetMap, parseLogName } from './checkpoint.ts';
import { CheckpointFile, LogDir, PoisonedDirError } from './log-dir.ts';
import { logOptionsOf, PartitionLog } from './partition-log.ts';
import { restoreProducers } from './producer-recovery.ts';

export type { LogDir } from './log-dir.ts';

/** Directories looked into at a time. */
const FOUND_AT_A_TIME = 32;
/** Logs closed at a time; each is a few flushes of the disk. */
const CLOSED_AT_A_TIME = 16;

/** A partition directory found at start. */
export interface FoundLog {
  readonly dirId: number;
  readonly topic: string;
  readonly partition: number;
  /** Topic id of its `partition.metadata`; null when the file is absent. */
  readonly topicId: string | null;
}

export interface LogManagerParts {
  readonly store: SegmentStore;
  /** `log.dirs`. */
  readonly paths: readonly string[];
  readonly isDurable: boolean;
  readonly log: Logger;
}

/** All log dirs and all logs in them. */
export class LogManager {
  readonly store: SegmentStore;
  readonly #parts: LogManagerParts;
  readonly #dirs: LogDir[] = [];
  readonly #offlinePaths: string[] = [];
  /** By directory name. */
  readonly #found = new Map<string, FoundLog>();
  readonly #logs = new Map<string, PartitionLog>();
  /**
   * Every log that can be opened was, so recovered. A start that fails before must not leave the mark of a
   * clean stop on logs that a crash left as they are.
   */
  isLoaded = false;

  constructor(parts: LogManagerParts) {
    this.#parts = parts;
    this.store = parts.store;
  }

  /** Those that could be used at start, in the order of `log.dirs`; the first holds the metadata. */
  get dirs(): readonly LogDir[] {
    return this.#dirs;
  }

  /** Paths of log dirs that could not be used at start: what lies there is unknown until a start can. */
  get offlinePaths(): readonly string[] {
    return this.#offlinePaths;
  }

  /** Partition directories that were there at start. */
  get found(): readonly FoundLog[] {
    return [...this.#found.values()];
  }

  /**
   * Locks the log dirs and reads their checkpoints and directory names; opens no log. A disk that fails leaves its
   * dir offline, as in Apache Kafka; the first dir, which holds the metadata, cannot be done without.
   * @throws EngineError, CheckpointError; dirs already locked are let go.
   */
  async start(): Promise<void> {
    try {
      for (const path of this.#parts.paths) {
        try {
          await this.#take(path);
        } catch (error) {
          if (this.#dirs.length === 0 || !isDiskError(error)) throw error;
          this.#leaveOffline(path, error);
        }
      }
    } catch (error) {
      await Promise.allSettled(this.#dirs.map((dir) => dir.close(false)));
      throw error;
    }
  }

  /** Opens a log found at start, recovering it after a crash. @throws EngineError */
  async openLog(
    topic: string,
    index: number,
    topicId: string,
    config: TopicConfig,
  ): Promise<PartitionLog> {
    const found = this.#found.get(logNameOf(topic, index));
    if (found === undefined) throw new Error(`no directory of ${logNameOf(topic, index)}`);
    return this.#open(this.#dirOf(found.dirId), topic, index, topicId, config, false);
  }

  /**
   * Creates a log in the dir that holds the fewest. Durable when it resolves.
   * @throws PoisonedDirError, EngineError
   */
  async createLog(
    topic: string,
    index: number,
    topicId: string,
    config: TopicConfig,
  ): Promise<PartitionLog> {
    const dir = this.#emptiestDir();
    dir.creatingCount++;
    try {
      await dir.dropForgotten();
      return await this.#open(dir, topic, index, topicId, config, true);
    } catch (error) {
      throw isPoisoned(error) ? new PoisonedDirError(dir, { cause: error }) : error;
    } finally {
      dir.creatingCount--;
    }
  }

  /** Takes a log out of its dir; its files go after `file.delete.delay.ms`. */
  async deleteLog(log: PartitionLog): Promise<void> {
    log.isClosed = true;
    this.#logs.delete(log.name);
    const dir = this.#dirOf(log.dirId);
    dir.forget(log.name);
    await this.store.deleteLog(log.logId);
  }

  /**
   * The same for a log that is not open; nothing happens when there is none. False when there may be one in a
   * dir that is offline.
   * @throws EngineError
   */
  async discardLog(topic: string, index: number): Promise<boolean> {
    const name = logNameOf(topic, index);
    for (const dir of this.#dirs) {
      dir.forget(name);
      await this.store.discardLog(dir.dirId, name);
    }
    return !this.mayBeOffline(topic, index);
  }

  /** No directory of this partition was found, and not every log dir could be looked into. */
  mayBeOffline(topic: string, index: number): boolean {
    return this.#offlinePaths.length > 0 && !this.#found.has(logNameOf(topic, index));
  }

  /** Lets go of a dir of which nothing was opened yet and whose disk fails. @throws the error for the first dir. */
  async giveUp(dir: LogDir, error: unknown): Promise<void> {
    const at = this.#dirs.indexOf(dir);
    if (at < 1 || !isDiskError(error)) throw error;
    this.#dirs.splice(at, 1);
    for (const [name, found] of this.#found) {
      if (found.dirId === dir.dirId) this.#found.delete(name);
    }
    await dir.close(false).catch(() => {});
    this.#leaveOffline(dir.path, error);
  }

  /** Every open log of a dir. */
  *logsOf(dirId: number): IterableIterator<PartitionLog> {
    for (const log of this.#logs.values()) if (log.dirId === dirId) yield log;
  }

  dir(dirId: number): LogDir | undefined {
    return this.#dirs.find((dir) => dir.dirId === dirId);
  }

  /** Writes recovery points and log starts of every dir, where they changed. */
  async checkpoint(): Promise<void> {
    for (const dir of this.#dirs) {
      for (const log of this.logsOf(dir.dirId)) {
        dir.recoveryPoints.set(log.name, log.flushedOffset);
        if (log.logStartOffset > 0) dir.logStarts.set(log.name, log.logStartOffset);
        else dir.logStarts.delete(log.name);
      }
      await dir.writeCheckpoint(CheckpointFile.recoveryPoint, dir.recoveryPoints);
      await dir.writeCheckpoint(CheckpointFile.logStart, dir.logStarts);
    }
  }

  /** Writes `replication-offset-checkpoint` of every dir, where it changed. */
  async checkpointHighWatermarks(highWatermarkOf: (log: PartitionLog) => number): Promise<void> {
    for (const dir of this.#dirs) {
      const offsets: OffsetMap = new Map();
      for (const log of this.logsOf(dir.dirId)) offsets.set(log.name, highWatermarkOf(log));
      await dir.writeCheckpoint(CheckpointFile.highWatermark, offsets);
    }
  }

  /** Closes every log and dir, leaving the mark of a clean stop. */
  async close(): Promise<void> {
    const unclean = new Set<number>();
    await eachLimited([...this.#logs.values()], CLOSED_AT_A_TIME, async (log) => {
      try {
        await this.#closeLog(log);
      } catch (error) {
        unclean.add(log.dirId);
        this.#parts.log.error('log not closed', { log: log.name, error: String(error) });
      }
    });
    await this.checkpoint().catch((error: unknown) => {
      for (const dir of this.#dirs) unclean.add(dir.dirId);
      this.#parts.log.error('checkpoint not written', { error: String(error) });
    });
    this.#logs.clear();
    for (const dir of this.#dirs) {
      const isRecovered = this.isLoaded && !dir.hasUnopened;
      await dir.close(!unclean.has(dir.dirId) && (dir.wasClean || isRecovered));
    }
  }

  async #closeLog(log: PartitionLog): Promise<void> {
    log.isClosed = true;
    // An empty log has nothing to scan at the next start either.
    const isEmpty = log.logEndOffset === log.logStartOffset && log.producers.count === 0;
    if (!log.isFailed && !isEmpty) await log.writeSnapshot(log.logEndOffset);
    await this.store.closeLog(log.logId);
    if (!log.isFailed) log.flushedOffset = log.logEndOffset;
  }

  async #open(
    dir: LogDir,
    topic: string,
    index: number,
    topicId: string,
    config: TopicConfig,
    create: boolean,
  ): Promise<PartitionLog> {
    const name = logNameOf(topic, index);
    const opening = this.store.openLog({
      dirId: dir.dirId,
      name,
      create,
      options: logOptionsOf(config, this.#parts.isDurable),
      recoveryPoint: dir.recoveryPoints.get(name) ?? 0,
      logStartOffset: dir.logStarts.get(name) ?? 0,
      clean: dir.wasClean,
      topicId,
    });
    const opened = await opening.catch((error: unknown) => {
      dir.hasUnopened = true;
      throw error;
    });
    if (create && opened.topicId !== topicId) {
      await this.store.closeLog(opened.logId);
      const what = `${dir.path}/${name} is there already, with topic id ${opened.topicId}`;
      throw new EngineError(EngineErrorCode.corruptFile, what);
    }
    const log = new PartitionLog(this.store, dir.dirId, name, opened, config);
    if (opened.truncatedBytes > 0) {
      this.#parts.log.warn('torn tail dropped', { log: name, bytes: opened.truncatedBytes });
    }
    await restoreProducers(log, this.#parts.log);
    if (!create) {
      const { logId, logStartOffset, logEndOffset } = log;
      log.aborted = await this.store.abortedTransactions(logId, logStartOffset, logEndOffset);
    }
    if (opened.epochs.length === 0) await this.store.assignLeaderEpoch(log.logId, log.leaderEpoch);
    if (log.flushedOffset < log.logEndOffset) {
      log.flushedOffset = await this.store.flushLog(log.logId);
    }
    this.#logs.set(name, log);
    return log;
  }

  /** Opens a dir and notes what lies in it: all of it, or nothing. */
  async #take(path: string): Promise<void> {
    const dir = await LogDir.open(this.store, path);
    try {
      const names = await this.store.listLogs(dir.dirId);
      dir.forgetAllBut(new Set(names));
      const found = new Map<string, FoundLog>();
      await eachLimited(names, FOUND_AT_A_TIME, async (name) => {
        const log = await this.#find(dir, name);
        if (log !== null) found.set(name, log);
      });
      for (const [name, log] of found) {
        const first = this.#found.get(name);
        if (first !== undefined) throw new Error(this.#foundTwice(name, first, dir, log));
        this.#found.set(name, log);
      }
    } catch (error) {
      await dir.close(false).catch(() => {});
      throw error;
    }
    this.#dirs.push(dir);
  }

  /** With the topic ids, which tell the operator which of the two is of a topic that was deleted. */
  #foundTwice(name: string, first: FoundLog, dir: LogDir, second: FoundLog): string {
    const places = [
      `${this.#dirOf(first.dirId).path} (topic id ${first.topicId ?? 'unknown'})`,
      `${dir.path} (topic id ${second.topicId ?? 'unknown'})`,
    ];
    return `${name} lies in two log dirs: ${places.join(' and ')}`;
  }

  #leaveOffline(path: string, error: unknown): void {
    this.#offlinePaths.push(path);
    const fields = { path, error: asError(error).message };
    this.#parts.log.error('log dir stays offline: it cannot be used', fields);
  }

  async #find(dir: LogDir, name: string): Promise<FoundLog | null> {
    const parsed = parseLogName(name);
    if (parsed === null) return null;
    const metadata = await this.store.readFile(dir.dirId, `${name}/partition.metadata`);
    const text = metadata === null ? '' : Buffer.from(metadata).toString('utf8');
    const topicId = /^topic_id: ([A-Za-z0-9_-]{22})$/m.exec(text)?.[1] ?? null;
    return { dirId: dir.dirId, topicId, ...parsed };
  }

  #dirOf(dirId: number): LogDir {
    const dir = this.dir(dirId);
    if (dir === undefined) throw new Error(`no log dir ${dirId}`);
    return dir;
  }

  #emptiestDir(): LogDir {
    const counts = new Map(this.#dirs.map(({ dirId, creatingCount }) => [dirId, creatingCount]));
    for (const log of this.#logs.values()) counts.set(log.dirId, (counts.get(log.dirId) ?? 0) + 1);
    let best: LogDir | undefined;
    for (const dir of this.#dirs) {
      if (dir.isFailed) continue;
      if (best === undefined || (counts.get(dir.dirId) ?? 0) < (counts.get(best.dirId) ?? 0)) {
        best = dir;
      }
    }
    return best ?? this.#dirOf(this.#dirs[0]?.dirId ?? -1);
  }
}

function isPoisoned(error: unknown): boolean {
  return error instanceof EngineError && error.code === EngineErrorCode.poisoned;
}

/** The disk's trouble; a lock that somebody holds and a file that says nonsense are the operator's. */
function isDiskError(error: unknown): boolean {
  if (!(error instanceof EngineError)) return false;
  const { ioError, noSpace, poisoned } = EngineErrorCode;
  return error.code === ioError || error.code === noSpace || error.code === poisoned;
}
