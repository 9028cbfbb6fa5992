import type { SegmentStore } from '@millrace/engine';
import type { TopicConfig } from '../config/topic-config.ts';
import type { PartitionLog } from './partition-log.ts';

/** A partition directory found at start. */
export interface FoundLog {
  readonly dirId: number;
  readonly topic: string;
  readonly partition: number;
  /** Text of its `partition.metadata`'s topic id; null when the file is absent. */
  readonly topicId: string | null;
}

/** An opened log directory. */
export interface LogDir {
  readonly dirId: number;
  readonly path: string;
  /** The last stop was clean (`.kafka_cleanshutdown` was there). */
  readonly wasClean: boolean;
  isFailed: boolean;
}

/** Signatures of the log manager; see the class for the body. */
export interface LogManager {
  readonly store: SegmentStore;
  /** Log dirs in the order of `log.dirs`. */
  readonly dirs: readonly LogDir[];
  /** Partition directories found by `start`. */
  readonly found: readonly FoundLog[];
  /** Locks and reads the log dirs and their checkpoints; opens no log. */
  start(): Promise<void>;
  openLog(topic: string, index: number, topicId: string, config: TopicConfig): Promise<PartitionLog>;
  createLog(topic: string, index: number, topicId: string, config: TopicConfig): Promise<PartitionLog>;
  deleteLog(log: PartitionLog): Promise<void>;
  /** Sizes for DescribeLogDirs: every open log of a dir. */
  logsOf(dirId: number): Iterable<PartitionLog>;
}
