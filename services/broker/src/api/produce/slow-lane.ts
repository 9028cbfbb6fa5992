import { DecodeError } from '@millrace/bytes';
import { CompressionError } from '@millrace/compression';
import { BatchView, Codec, RecordCursor, verifyCrc, withBody } from '@millrace/records';
import type { TopicConfig } from '../../config/topic-config.ts';
import { RECOMPRESSION_JOB_BYTES, RECOMPRESSION_QUEUE_BYTES_MAX } from '../../limits.ts';
import { AppendError } from '../../log/append-error.ts';
import type { PendingAppend } from '../../log/pending-append.ts';
import type { Partition } from '../../replica/partition.ts';

/** Inflates and deflates batch bodies off the decision thread. */
export interface BodyCompressor {
  /** Rejects when the body is not what the codec says, or inflates beyond `bytesMax`. */
  inflate(codec: Codec, body: Uint8Array, bytesMax: number): Promise<Uint8Array>;
  deflate(codec: Codec, body: Uint8Array, level: number | undefined): Promise<Uint8Array>;
}

/** What a body may inflate to, as a multiple of `max.message.bytes`, and in any case (H7). */
const INFLATED_FACTOR_MAX = 64;
const INFLATED_BYTES_MAX = 128 * 1024 * 1024;

interface Job {
  readonly partition: Partition;
  readonly append: PendingAppend;
  /** A copy; null when there was no room for one. */
  readonly batch: Uint8Array | null;
}

/**
 * Batches whose records must be looked at (null keys on a compacted topic, T42) or compressed anew
 * (`compression.type` is not `producer`). They are copied, worked on by the pool, and appended in the order
 * of arrival; whatever comes for that partition meanwhile queues behind them. One bound for all.
 */
export class SlowLane {
  readonly #compressor: BodyCompressor;
  readonly #schedule: () => void;
  readonly #queueBytesMax: number;
  /** The end of the queue of each partition that has one. */
  readonly #tails = new Map<Partition, Promise<void>>();
  readonly #cursor = new RecordCursor();
  #queuedBytes = 0;

  constructor(
    compressor: BodyCompressor,
    schedule: () => void,
    queueBytesMax = RECOMPRESSION_QUEUE_BYTES_MAX,
  ) {
    this.#compressor = compressor;
    this.#schedule = schedule;
    this.#queueBytesMax = queueBytesMax;
  }

  /** Whether a batch must go this way. */
  takes(partition: Partition, view: BatchView): boolean {
    const config = partition.log.config;
    if (this.#tails.size > 0 && this.#tails.has(partition)) return true;
    if (config.cleanupPolicy.compact) return true;
    return config.compressionType !== 'producer' && targetCodec(config, view) !== view.codec;
  }

  /**
   * Takes a copy of the batch; `append.done()` is called in the end, never before this returns. A batch that
   * finds no room is refused in its turn: what the producer sent after it must not go before it.
   */
  append(partition: Partition, append: PendingAppend, view: BatchView): void {
    append.isInFlight = true;
    append.producerId = view.producerId;
    append.producerEpoch = view.producerEpoch;
    append.baseSequence = view.baseSequence;
    append.maxTimestamp = view.maxTimestamp;
    const cost = RECOMPRESSION_JOB_BYTES + view.lengthBytes;
    const hasRoom = this.#queuedBytes + cost <= this.#queueBytesMax;
    const job = { partition, append, batch: hasRoom ? view.batchBytes.slice() : null };
    const taken = hasRoom ? cost : 0;
    this.#queuedBytes += taken;
    const work = this.#prepare(job).catch((error: unknown) => {
      append.error = errorOf(error);
      return job.batch;
    });
    const previous = this.#tails.get(partition) ?? Promise.resolve();
    const tail: Promise<void> = previous
      .then(() => work)
      .then((batch) => this.#appendNow(job, batch))
      .finally(() => {
        this.#queuedBytes -= taken;
        if (this.#tails.get(partition) === tail) this.#tails.delete(partition);
      });
    this.#tails.set(partition, tail);
  }

  /** The batch to append: the same, or compressed anew. */
  async #prepare(job: Job): Promise<Uint8Array | null> {
    const { batch, append } = job;
    if (batch === null) {
      append.error = AppendError.timedOut;
      return null;
    }
    const config = job.partition.config;
    const view = new BatchView(batch);
    const codec = view.codec;
    const target = targetCodec(config, view);
    if (codec === target && !config.cleanupPolicy.compact) return batch;
    if (!verifyCrc(batch)) {
      append.error = AppendError.corruptBatch;
      return batch;
    }
    const bytesMax = Math.min(config.maxMessageBytes * INFLATED_FACTOR_MAX, INFLATED_BYTES_MAX);
    const body =
      codec === Codec.none ? view.body : await this.#compressor.inflate(codec, view.body, bytesMax);
    if (config.cleanupPolicy.compact) {
      append.offendingIndexes = this.#nullKeys(view, body);
      if (append.offendingIndexes.length > 0) {
        append.error = AppendError.invalidRecord;
        return batch;
      }
    }
    if (codec === target) return batch;
    if (target === Codec.none) return withBody(view, target, body);
    return withBody(view, target, await this.#compressor.deflate(target, body, levelOf(config)));
  }

  #appendNow(job: Job, batch: Uint8Array | null): void {
    const { append, partition } = job;
    append.isInFlight = false;
    if (append.error === AppendError.none && batch !== null) {
      partition.appendMemory(append, new BatchView(batch), batch);
      if (append.isInFlight) return;
    } else if (append.error === AppendError.timedOut && append.producerId >= 0) {
      partition.log.producers.turnedAway(append);
    }
    append.done();
    this.#schedule();
  }

  /** Places of records without a key, which a compacted topic cannot keep (T42). */
  #nullKeys(view: BatchView, body: Uint8Array): number[] {
    const indexes: number[] = [];
    const cursor = this.#cursor.reset(view, body);
    for (let index = 0; cursor.next(); index++) if (!cursor.hasKey) indexes.push(index);
    return indexes;
  }
}

/** A full queue is the broker's trouble: the batch may come again. */
function errorOf(error: unknown): AppendError {
  if (error instanceof DecodeError) return AppendError.invalidRecord;
  const isFull = error instanceof CompressionError && error.reason === 'queueFull';
  return isFull ? AppendError.timedOut : AppendError.corruptBatch;
}

const CODECS = {
  uncompressed: Codec.none,
  gzip: Codec.gzip,
  snappy: Codec.snappy,
  lz4: Codec.lz4,
  zstd: Codec.zstd,
} as const;

function targetCodec(config: TopicConfig, view: BatchView): Codec {
  const type = config.compressionType;
  return type === 'producer' ? view.codec : CODECS[type as keyof typeof CODECS];
}

function levelOf(config: TopicConfig): number | undefined {
  switch (config.compressionType) {
    case 'gzip':
      return config.compressionGzipLevel;
    case 'zstd':
      return config.compressionZstdLevel;
    default:
      return undefined;
  }
}
