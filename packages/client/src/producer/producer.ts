import type { NewRecord, RecordHeader } from '@millrace/records';
import { ClientStateError, KafkaError } from '../client-error.ts';
import { resolveClientOptions } from '../client-options.ts';
import { Cluster } from '../cluster.ts';
import type { TopicMetadata } from '../metadata-cache.ts';
import { DefaultPartitioner, type Partitioner } from '../partitioner.ts';
import { MemoryGate } from './memory-gate.ts';
import { PartitionQueue } from './partition-queue.ts';
import type { RecordMetadata } from './pending-batch.ts';
import {
  type ProducerOptions,
  type ResolvedProducerOptions,
  resolveProducerOptions,
} from './producer-options.ts';
import { Sender } from './sender.ts';

/** A record to send. Texts are encoded as UTF-8. */
export interface ProducerRecord {
  readonly topic: string;
  /** Default: the partitioner's choice. */
  readonly partition?: number;
  readonly key?: Uint8Array | string | null;
  /** null is a tombstone on a compacted topic. */
  readonly value: Uint8Array | string | null;
  readonly headers?: Readonly<Record<string, Uint8Array | string | null>> | readonly RecordHeader[];
  /** Milliseconds since 1970. Default: now. */
  readonly timestampMs?: number;
}

/** An upper bound of what a record takes beside its key, value and headers (batch header included). */
const RECORD_OVERHEAD_BYTES = 96;
const MESSAGE_TOO_LARGE = 10;
const encoder = new TextEncoder();

/**
 * Sends records in batches: idempotent, in order per partition, with bounded memory. `send` resolves when
 * the record is acknowledged as `acks` asks; it need not be awaited one by one.
 */
export class Producer {
  readonly #cluster: Cluster;
  readonly #options: ResolvedProducerOptions;
  readonly #partitioner: Partitioner;
  readonly #memory: MemoryGate;
  readonly #sender: Sender;
  readonly #queues = new Map<string, PartitionQueue[]>();
  readonly #opening = new Map<string, Promise<TopicMetadata[]>>();
  #closed = false;

  /** @throws RangeError when options contradict each other. */
  constructor(options: ProducerOptions) {
    const common = resolveClientOptions(options);
    this.#options = resolveProducerOptions(options);
    this.#cluster = new Cluster(common);
    this.#partitioner =
      options.partitioner ?? new DefaultPartitioner(common.random, this.#options.batchSize);
    this.#memory = new MemoryGate(this.#options.bufferMemory, common.clock);
    this.#sender = new Sender(this.#cluster, this.#options, this.#memory);
  }

  /**
   * Sends one record.
   *
   * Records that share a batch do not share its fate: when a broker refuses one for what is in it (INVALID_RECORD
   * for example), the others are sent again without it.
   *
   * @throws KafkaError, WireConnectionError, ClientStateError when it was not acknowledged in time; RangeError
   *   for a timestamp or partition that cannot be.
   */
  async send(record: ProducerRecord): Promise<RecordMetadata> {
    this.#assertOpen();
    const made = this.#make(record);
    const bytes = sizeOf(made);
    if (bytes > Math.min(this.#options.maxRequestSize, this.#options.bufferMemory)) {
      throw new KafkaError(MESSAGE_TOO_LARGE, `a record of ${bytes} bytes for ${record.topic}`);
    }
    const queues = this.#queues.get(record.topic) ?? (await this.#openTopic(record.topic));
    if (!this.#memory.tryAdmit(bytes)) await this.#memory.admit(bytes, this.#options.maxBlockMs);
    this.#assertOpen();
    const count = this.#cluster.metadata.get(record.topic)?.partitions.length ?? queues.length;
    while (queues.length < count) this.#addQueue(queues, record.topic);
    const partition =
      record.partition ?? this.#partitioner.partition(record.topic, made.key, queues.length, bytes);
    const queue = queues[partition];
    if (queue === undefined) {
      this.#memory.release(bytes);
      throw new RangeError(
        `${record.topic} has ${queues.length} partitions; there is no ${partition}`,
      );
    }
    const now = this.#cluster.options.clock.monotonicMs();
    const { sent } = queue.append(made, bytes, this.#options.batchSize, now);
    this.#sender.wake();
    return sent;
  }

  /** Sends everything now and waits until it is acknowledged or failed. */
  flush(): Promise<void> {
    return this.#sender.flush();
  }

  /** Flushes, then closes. Records sent afterwards are refused. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#sender.flush();
    this.abort();
  }

  /** Closes without waiting: what is not acknowledged fails. */
  abort(): void {
    this.#closed = true;
    const error = new ClientStateError('the producer was closed');
    this.#memory.close(error);
    this.#sender.close(error);
    this.#cluster.close();
  }

  /**
   * The topic's queues, once its partitions are known. Everyone waits for one look-up and goes on in the order
   * of asking, so that records keep the order in which they were sent.
   */
  async #openTopic(topic: string): Promise<PartitionQueue[]> {
    const opening = this.#opening.get(topic) ?? this.#cluster.topics([topic], true);
    this.#opening.set(topic, opening);
    try {
      const [metadata] = await opening;
      const existing = this.#queues.get(topic);
      if (existing !== undefined) return existing;
      const queues: PartitionQueue[] = [];
      this.#queues.set(topic, queues);
      for (let i = 0; i < (metadata?.partitions.length ?? 0); i++) this.#addQueue(queues, topic);
      return queues;
    } finally {
      this.#opening.delete(topic);
    }
  }

  #addQueue(queues: PartitionQueue[], topic: string): void {
    const queue = new PartitionQueue(topic, queues.length);
    queues.push(queue);
    this.#sender.add(queue);
  }

  #make(record: ProducerRecord): NewRecord {
    const timestampMs = record.timestampMs ?? this.#cluster.options.clock.nowMs();
    if (!Number.isSafeInteger(timestampMs)) throw new RangeError(`timestamp ${timestampMs}`);
    return {
      timestampMs,
      key: encode(record.key ?? null),
      value: encode(record.value),
      headers: headersOf(record.headers),
    };
  }

  #assertOpen(): void {
    if (this.#closed) throw new ClientStateError('the producer is closed');
  }
}

function encode(value: Uint8Array | string | null): Uint8Array | null {
  return typeof value === 'string' ? encoder.encode(value) : value;
}

function headersOf(headers: ProducerRecord['headers']): readonly RecordHeader[] {
  if (headers === undefined) return [];
  if (Array.isArray(headers)) return headers as readonly RecordHeader[];
  return Object.entries(headers as Record<string, Uint8Array | string | null>).map(
    ([key, value]) => ({ key, value: encode(value) }),
  );
}

function sizeOf(record: NewRecord): number {
  let bytes = RECORD_OVERHEAD_BYTES + (record.key?.length ?? 0) + (record.value?.length ?? 0);
  for (const header of record.headers ?? []) {
    bytes += header.key.length * 3 + (header.value?.length ?? 0) + 10;
  }
  return bytes;
}
