import { BatchBuilder, type Codec, type NewRecord } from '@millrace/records';

/** Where a record landed. */
export interface RecordMetadata {
  readonly topic: string;
  readonly partition: number;
  /** -1 with acks 0. */
  readonly offset: number;
  /** The broker's append time where the topic stamps it, else the record's own. Milliseconds. */
  readonly timestampMs: number;
}

export interface BatchIdentity {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
}

/** Not idempotent. */
export const NO_IDENTITY: BatchIdentity = { producerId: -1, producerEpoch: -1, baseSequence: -1 };

interface Settler {
  readonly timestampMs: number;
  readonly resolve: (metadata: RecordMetadata) => void;
  readonly reject: (error: Error) => void;
}

/** Records that travel together, and the promises of those who sent them. */
export class PendingBatch {
  readonly topic: string;
  readonly partition: number;
  /** Monotonic ms of its first record. */
  readonly createdAt: number;
  /** Bytes taken from the producer's memory gate. */
  heldBytes = 0;
  /** How often it was sent and came back. */
  failures = 0;
  /** Monotonic ms before which it is not sent again. */
  notBefore = 0;
  identity: BatchIdentity = NO_IDENTITY;
  readonly #settlers: Settler[] = [];
  #builder: BatchBuilder | undefined = new BatchBuilder();
  #bytes: Uint8Array | undefined;

  constructor(topic: string, partition: number, createdAt: number) {
    this.topic = topic;
    this.partition = partition;
    this.createdAt = createdAt;
  }

  get recordCount(): number {
    return this.#settlers.length;
  }

  /** Bytes so far, uncompressed until it is sealed. */
  get sizeBytes(): number {
    return this.#bytes?.length ?? this.#builder?.sizeBytes ?? 0;
  }

  /** It was sent with a sequence and may be in the log although nobody told us. */
  get isIndeterminate(): boolean {
    return this.failures > 0 && this.identity !== NO_IDENTITY;
  }

  append(record: NewRecord): Promise<RecordMetadata> {
    this.#builder?.append(record);
    return new Promise((resolve, reject) => {
      this.#settlers.push({ timestampMs: record.timestampMs, resolve, reject });
    });
  }

  /** The batch's bytes, made on the first call and kept for retries. */
  seal(
    identity: BatchIdentity,
    codec: Codec,
    deflate: (codec: Codec, body: Uint8Array) => Uint8Array,
  ): Uint8Array {
    if (this.#bytes !== undefined) return this.#bytes;
    this.identity = identity;
    this.#bytes = (this.#builder as BatchBuilder).build(identity, codec, deflate);
    this.#builder = undefined;
    return this.#bytes;
  }

  /** @param appendTimeMs -1 unless the topic stamps LogAppendTime. */
  succeed(baseOffset: number, appendTimeMs: number): void {
    this.#settlers.forEach((settler, index) => {
      settler.resolve({
        topic: this.topic,
        partition: this.partition,
        offset: baseOffset < 0 ? -1 : baseOffset + index,
        timestampMs: appendTimeMs >= 0 ? appendTimeMs : settler.timestampMs,
      });
    });
  }

  fail(error: Error): void {
    for (const settler of this.#settlers) settler.reject(error);
  }
}
