import type { Clock, Logger } from '@millrace/base';
import { javaStringHash } from '@millrace/bytes';
import { compress } from '@millrace/compression';
import { ErrorCode } from '@millrace/protocol';
import { BatchBuilder, type Codec } from '@millrace/records';
import { coordinatorLimits } from './limits.ts';

/** A record of a coordinator's topic. A null value is a tombstone. */
export interface CoordinatorRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

/** Where things live: one partition of the coordinator's topic per group or transactional id. */
export interface CoordinatorPlacement {
  readonly partitionCount: number;
  placeOf(key: string): number;
}

/** What the log needs of a partition; `replica/partition.ts` has it. */
export interface OwnedPartition {
  appendOwned(batch: Uint8Array, acks: -1): Promise<{ readonly errorCode: number }>;
}

export interface CoordinatorLogParts {
  readonly topicName: string;
  /** Null while the topic does not exist. */
  readonly topicPartitionCount: () => number | null;
  /** What the topic will have once it is created (`offsets.topic.num.partitions`). */
  readonly partitionCountDefault: number;
  readonly partition: (index: number) => OwnedPartition | undefined;
  /** Largest batch the topic takes (`max.message.bytes`). */
  readonly batchBytesMax: () => number;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Calls `flush` before the appends of this beat are written; `schedule` arranges a beat. */
  readonly tick: { beforeFlush(flush: () => void): void; schedule(): void };
}

/** Called once with 0 when durable, else with the wire error to answer. */
type Done = (errorCode: number) => void;

interface OpenBatch {
  readonly builder: BatchBuilder;
  waiting: Done[];
}

/**
 * Appends records to a coordinator's topic. All records of one beat for one partition become one batch, so
 * that a thousand commits cost one write; each caller hears when its batch is durable.
 */
export class CoordinatorLog implements CoordinatorPlacement {
  readonly #parts: CoordinatorLogParts;
  readonly #open = new Map<number, OpenBatch>();
  readonly #spare: BatchBuilder[] = [];

  constructor(parts: CoordinatorLogParts) {
    this.#parts = parts;
    parts.tick.beforeFlush(() => this.flush());
  }

  get partitionCount(): number {
    return this.#parts.topicPartitionCount() ?? this.#parts.partitionCountDefault;
  }

  /** Kafka's rule (T73): the absolute value of Java's string hash, modulo the number of partitions. */
  placeOf(key: string): number {
    const hash = javaStringHash(key);
    // Math.abs(-2^31) is no int32 in Java; Kafka takes 0 for it.
    return hash === -0x80000000 ? 0 : Math.abs(hash) % this.partitionCount;
  }

  /** Queues records in order. Records of one call stand in one batch unless they are too many for it. */
  append(index: number, records: readonly CoordinatorRecord[], done: Done): void {
    const limit = Math.min(coordinatorLimits.batchBytesMax, this.#parts.batchBytesMax());
    const timestampMs = this.#parts.clock.nowMs();
    const tooLarge = records.some((each) => recordBytes(each) > this.#parts.batchBytesMax());
    if (tooLarge) {
      done(ErrorCode.MESSAGE_TOO_LARGE);
      return;
    }
    let batch = this.#openBatch(index);
    for (const { key, value } of records) {
      const record = { timestampMs, key, value };
      if (batch.builder.recordCount > 0 && batch.builder.sizeWith(record) > limit) {
        this.#write(index, batch);
        batch = this.#openBatch(index);
      }
      batch.builder.append(record);
    }
    batch.waiting.push(done);
    this.#parts.tick.schedule();
  }

  /** Hands every open batch to its partition. */
  flush(): void {
    if (this.#open.size === 0) return;
    for (const [index, batch] of this.#open) this.#write(index, batch);
  }

  #openBatch(index: number): OpenBatch {
    let batch = this.#open.get(index);
    if (batch === undefined) {
      batch = { builder: this.#spare.pop() ?? new BatchBuilder(4096), waiting: [] };
      this.#open.set(index, batch);
    }
    return batch;
  }

  #write(index: number, batch: OpenBatch): void {
    this.#open.delete(index);
    const { builder, waiting } = batch;
    const bytes = builder.build({}, this.#parts.codec, compress);
    this.#spare.push(builder.reset());
    const partition = this.#parts.partition(index);
    if (partition === undefined) {
      this.#answer(waiting, ErrorCode.NOT_COORDINATOR);
      return;
    }
    void partition.appendOwned(bytes, -1).then((outcome) => {
      this.#answer(waiting, coordinatorError(outcome.errorCode));
    });
  }

  /** Tells everyone, also when somebody's reaction is a bug. */
  #answer(waiting: readonly Done[], errorCode: number): void {
    for (const done of waiting) {
      try {
        done(errorCode);
      } catch (error) {
        const fields = { topic: this.#parts.topicName, error: error as Error };
        this.#parts.logger.error('what follows a write failed', fields);
      }
    }
  }
}

/** Rough size of a record in a batch of its own. */
function recordBytes(record: CoordinatorRecord): number {
  return 100 + record.key.length + (record.value?.length ?? 0);
}

/** What a client of the coordinator is told when the log refuses: errors of produce mean nothing to it. */
function coordinatorError(logError: number): number {
  switch (logError) {
    case ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
    case ErrorCode.NOT_ENOUGH_REPLICAS:
    case ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case ErrorCode.REQUEST_TIMED_OUT:
      return ErrorCode.COORDINATOR_NOT_AVAILABLE;
    case ErrorCode.NOT_LEADER_OR_FOLLOWER:
    case ErrorCode.KAFKA_STORAGE_ERROR:
      return ErrorCode.NOT_COORDINATOR;
    default:
      return logError;
  }
}
