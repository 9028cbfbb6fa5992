import type { Logger } from '@millrace/base';
import { decompress } from '@millrace/compression';
import { ErrorCode } from '@millrace/protocol';
import {
  BatchCursor,
  BatchProblem,
  type BatchView,
  ControlType,
  decodeControlRecord,
  RecordCursor,
} from '@millrace/records';
import { coordinatorLimits } from './limits.ts';

/** Takes the records of one partition in order of their effect. Bytes are borrowed: copy what is kept. */
export interface Replay {
  /** `logOffset` does not ascend where a transaction ended after later records. */
  record(key: Uint8Array | null, value: Uint8Array | null, logOffset: number): void;
  /** Everything has been read. */
  finish(): void;
}

/** What the loader needs of a partition; `replica/partition.ts` has it. */
export interface ReadablePartition {
  readonly logStartOffset: number;
  readonly logEndOffset: number;
  read(offset: number, maxBytes: number): Promise<Uint8Array>;
}

export interface PartitionLoaderParts {
  readonly topicName: string;
  /** Null while the topic does not exist. */
  readonly topicPartitionCount: () => number | null;
  readonly partition: (index: number) => ReadablePartition | undefined;
  /** `offsets.load.buffer.size` */
  readonly bufferBytes: number;
  readonly logger: Logger;
}

type LoadState = 'waiting' | 'loading' | 'ready' | 'failed';

/** A record of a transaction whose end has not been read yet. */
interface HeldRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly logOffset: number;
}

/**
 * Reads the partitions of a coordinator's topic at start, a few at a time and each as a stream of batches:
 * memory holds what the replay keeps, and one buffer per partition being read.
 */
export class PartitionLoader {
  readonly #parts: PartitionLoaderParts;
  #states: LoadState[] = [];
  #queue: number[] = [];
  #begin: ((index: number) => Replay) | null = null;
  #loadingCount = 0;
  #isClosed = false;

  constructor(parts: PartitionLoaderParts) {
    this.#parts = parts;
  }

  /** Begins to load every partition there is. Partitions that come later load at their first use. */
  start(begin: (index: number) => Replay): void {
    this.#begin = begin;
    const count = this.#parts.topicPartitionCount() ?? 0;
    for (let index = 0; index < count; index++) this.#take(index);
    this.#pump();
  }

  close(): void {
    this.#isClosed = true;
  }

  /** The topic is gone: nothing is loaded any more, and what is being read counts for nothing. */
  reset(): void {
    this.#states = [];
    this.#queue = [];
  }

  get isLoading(): boolean {
    return this.#loadingCount > 0 || this.#queue.length > 0;
  }

  /** 0 when the partition is loaded, else what to answer: 14 while it loads, 15 when it cannot be had. */
  ready(index: number): number {
    const state = this.#states[index];
    if (state === 'ready') return ErrorCode.NONE;
    if (state === 'failed') return ErrorCode.COORDINATOR_NOT_AVAILABLE;
    if (state !== undefined) return ErrorCode.COORDINATOR_LOAD_IN_PROGRESS;
    this.#take(index);
    if (this.#states[index] === undefined) return ErrorCode.COORDINATOR_NOT_AVAILABLE;
    this.#pump();
    return this.ready(index);
  }

  /** Queues a partition that exists and has not been looked at yet. */
  #take(index: number): void {
    if (this.#begin === null || this.#isClosed || this.#states[index] !== undefined) return;
    const partition = this.#parts.partition(index);
    if (partition === undefined) return;
    // A new partition has nothing to read: no client need wait for it.
    const isEmpty = partition.logEndOffset === partition.logStartOffset;
    this.#states[index] = isEmpty ? 'ready' : 'waiting';
    if (!isEmpty) this.#queue.push(index);
  }

  #pump(): void {
    while (this.#loadingCount < coordinatorLimits.loadConcurrency && !this.#isClosed) {
      const index = this.#queue.shift();
      if (index === undefined) return;
      const states = this.#states;
      this.#loadingCount++;
      states[index] = 'loading';
      void this.#load(index, () => this.#isClosed || states !== this.#states).then((isLoaded) => {
        this.#loadingCount--;
        states[index] = isLoaded ? 'ready' : 'failed';
        this.#pump();
      });
    }
  }

  async #load(index: number, isCancelled: () => boolean): Promise<boolean> {
    const { topicName, logger } = this.#parts;
    try {
      const partition = this.#parts.partition(index);
      if (partition === undefined || this.#begin === null) return false;
      const replay = this.#begin(index);
      const reader = new BatchReplay(replay);
      const end = partition.logEndOffset;
      const bytesMax = Math.min(this.#parts.bufferBytes, coordinatorLimits.loadChunkBytesMax);
      let offset = partition.logStartOffset;
      while (offset < end && !isCancelled()) {
        const bytes = await partition.read(offset, bytesMax);
        const next = reader.take(bytes);
        if (next <= offset) break;
        offset = next;
      }
      if (isCancelled()) return false;
      if (reader.heldCount > 0) {
        logger.warn('records of transactions that never ended were left out', {
          topic: topicName,
          partition: index,
          count: reader.heldCount,
        });
      }
      replay.finish();
      return true;
    } catch (error) {
      logger.error('a coordinator partition could not be loaded', {
        topic: topicName,
        partition: index,
        error: error instanceof Error ? error : String(error),
      });
      return false;
    }
  }
}

/** Cuts bytes of the log into records, holding back those of open transactions. */
class BatchReplay {
  readonly #replay: Replay;
  readonly #batches = new BatchCursor();
  readonly #records = new RecordCursor();
  readonly #held = new Map<number, HeldRecord[]>();
  heldCount = 0;

  constructor(replay: Replay) {
    this.#replay = replay;
  }

  /** @returns the offset after the last batch; -1 when there was none. */
  take(bytes: Uint8Array): number {
    const batches = this.#batches.reset(bytes);
    let next = -1;
    while (batches.next()) {
      this.#batch(batches.view);
      next = batches.view.lastOffset + 1;
    }
    if (batches.problem !== BatchProblem.none) {
      throw new Error(`not a record batch after offset ${next} (problem ${batches.problem})`);
    }
    return next;
  }

  #batch(view: BatchView): void {
    const body =
      view.codec === 0
        ? undefined
        : decompress(view.codec, view.body, coordinatorLimits.loadedBatchBytesMax);
    const records = this.#records.reset(view, body);
    if (view.isControl) {
      if (!records.next()) return;
      const { type } = decodeControlRecord(records.key, records.value);
      this.#endTransaction(view.producerId, type === ControlType.commit);
      return;
    }
    while (records.next()) {
      if (view.isTransactional) this.#hold(view.producerId, records);
      else this.#replay.record(records.key, records.value, records.offset);
    }
  }

  #hold(producerId: number, { key, value, offset }: RecordCursor): void {
    if (this.heldCount >= coordinatorLimits.loadedTransactionRecordCountMax) {
      throw new Error('too many records of open transactions');
    }
    let held = this.#held.get(producerId);
    if (held === undefined) {
      held = [];
      this.#held.set(producerId, held);
    }
    this.heldCount++;
    held.push({ key: key?.slice() ?? null, value: value?.slice() ?? null, logOffset: offset });
  }

  #endTransaction(producerId: number, isCommitted: boolean): void {
    const held = this.#held.get(producerId) ?? [];
    this.#held.delete(producerId);
    this.heldCount -= held.length;
    if (!isCommitted) return;
    for (const { key, value, logOffset } of held) this.#replay.record(key, value, logOffset);
  }
}
