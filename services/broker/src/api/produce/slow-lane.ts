import { DecodeError } from '@millrace/bytes';
import { BatchView, Codec, RecordCursor, verifyCrc, withBody } from '@millrace/records';
import type { TopicConfig } from '../../config/topic-config.ts';
import { RECOMPRESSION_QUEUE_BYTES_MAX } from '../../limits.ts';
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
  readonly batch: Uint8Array;
}

/**
 * Batches whose records must be looked at (null keys on a compacted topic, T42) or compressed anew
 * (`compression.type` is not `producer`). They are copied, worked on by the pool, and appended in the order
 * of arrival; whatever comes for that partition meanwhile queues behind them. One bound for all.
 */
export class SlowLane {
  readonly #compressor: BodyCompressor;
  readonly #schedule: () => void;
  /** The end of the queue of each partition that has one. */
  readonly #tails = new Map<Partition, Promise<void>>();
  readonly #cursor = new RecordCursor();
  #queuedBytes = 0;

  constructor(compressor: BodyCompressor, schedule: () => void) {
    this.#compressor = compressor;
    this.#schedule = schedule;
  }

  /** Whether a batch must go this way. */
  takes(partition: Partition, view: BatchView): boolean {
    const config = partition.log.config;
    if (this.#tails.size > 0 && this.#tails.has(partition)) return true;
    if (config.cleanupPolicy.compact) return true;
    return config.compressionType !== 'producer' && targetCodec(config, view) !== view.codec;
  }

  /** Takes a copy of the batch; `append.done()` is called in the end, never before this returns. */
  append(partition: Partition, append: PendingAppend, view: BatchView): void {
    const length = view.lengthBytes;
    append.isInFlight = true;
    const previous = this.#tails.get(partition) ?? Promise.resolve();
    if (this.#queuedBytes + length > RECOMPRESSION_QUEUE_BYTES_MAX) {
      append.error = AppendError.timedOut;
      void Promise.resolve().then(() => append.done());
      return;
    }
    this.#queuedBytes += length;
    const job: Job = { partition, append, batch: view.batchBytes.slice() };
    const work = this.#prepare(job).catch((error: unknown) => {
      append.error =
        error instanceof DecodeError ? AppendError.invalidRecord : AppendError.corruptBatch;
      return job.batch;
    });
    const tail: Promise<void> = previous
      .then(() => work)
      .then((batch) => this.#appendNow(job, batch))
      .finally(() => {
        this.#queuedBytes -= length;
        if (this.#tails.get(partition) === tail) this.#tails.delete(partition);
      });
    this.#tails.set(partition, tail);
  }

  /** The batch to append: the same, or compressed anew. */
  async #prepare(job: Job): Promise<Uint8Array> {
    const { batch, append } = job;
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

  #appendNow(job: Job, batch: Uint8Array): void {
    const { append, partition } = job;
    append.isInFlight = false;
    if (append.error === AppendError.none) {
      partition.appendMemory(append, new BatchView(batch), batch);
      if (append.isInFlight) return;
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
    case 'lz4':
      return config.compressionLz4Level;
    case 'zstd':
      return config.compressionZstdLevel;
    default:
      return undefined;
  }
}
