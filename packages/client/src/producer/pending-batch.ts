import { decompress } from '@millrace/compression';
import { BatchBuilder, type Codec, type NewRecord, readRecords } from '@millrace/records';

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
  /** An attempt ended in a way that does not rule out that the broker appended it. */
  mayBeInLog = false;
  /** Monotonic ms before which it is not sent again. */
  notBefore = 0;
  identity: BatchIdentity = NO_IDENTITY;
  /** In flight behind a batch that was refused: the broker cannot take its sequence. */
  isVoid = false;
  /** Place among the batches of its partition; what it is split into stands between it and the next. */
  readonly order: number;
  readonly #span: number;
  readonly #settlers: Settler[] = [];
  #builder: BatchBuilder | undefined = new BatchBuilder();
  #bytes: Uint8Array | undefined;
  /** Of the sealed batch before it was deflated. */
  #inflatedBytes = 0;

  constructor(topic: string, partition: number, createdAt: number, order = 0, span = 1) {
    this.topic = topic;
    this.partition = partition;
    this.createdAt = createdAt;
    this.order = order;
    this.#span = span;
  }

  get recordCount(): number {
    return this.#settlers.length;
  }

  /** Bytes so far, uncompressed until it is sealed. */
  get sizeBytes(): number {
    return this.#bytes?.length ?? this.#builder?.sizeBytes ?? 0;
  }

  /** It was sent with a sequence, which it keeps from one attempt to the next. */
  get isNumbered(): boolean {
    return this.identity !== NO_IDENTITY;
  }

  append(record: NewRecord): Promise<RecordMetadata> {
    return new Promise((resolve, reject) => {
      this.#take(record, { timestampMs: record.timestampMs, resolve, reject });
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
    this.#inflatedBytes = this.sizeBytes;
    this.#bytes = (this.#builder as BatchBuilder).build(identity, codec, deflate);
    this.#builder = undefined;
    return this.#bytes;
  }

  /** Back to before `seal`, if it ever was sealed: it was never taken, and goes again under another sequence. */
  unseal(): void {
    if (this.#bytes === undefined) return;
    const builder = new BatchBuilder();
    for (const record of this.#records()) builder.append(record);
    this.#builder = builder;
    this.#bytes = undefined;
    this.identity = NO_IDENTITY;
    this.isVoid = false;
    this.mayBeInLog = false;
    this.failures = 0;
  }

  /**
   * What goes in its place after it was refused for records that it holds: one batch without those, or halves when
   * nobody says which they are.
   *
   * @param refused places of records, which fail with `error`; not all there are.
   */
  split(refused: ReadonlySet<number>, error: Error): PendingBatch[] {
    const { topic, partition, createdAt, order, heldBytes } = this;
    const span = this.#span / 2;
    const first = new PendingBatch(topic, partition, createdAt, order, span);
    const second = new PendingBatch(topic, partition, createdAt, order + span, span);
    const middle = refused.size > 0 ? this.recordCount : this.recordCount >> 1;
    let at = 0;
    for (const record of this.#records()) {
      const settler = this.#settlers[at] as Settler;
      if (refused.has(at)) settler.reject(error);
      else (at < middle ? first : second).#take(record, settler);
      at++;
    }
    first.heldBytes = Math.ceil((heldBytes * middle) / at);
    second.heldBytes = heldBytes - first.heldBytes;
    return second.recordCount > 0 ? [first, second] : [first];
  }

  #take(record: NewRecord, settler: Settler): void {
    this.#builder?.append(record);
    this.#settlers.push(settler);
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

  /** What was sealed. */
  #records(): Iterable<NewRecord> {
    const inflate = (codec: Codec, body: Uint8Array) =>
      decompress(codec, body, this.#inflatedBytes);
    return readRecords(this.#bytes as Uint8Array, inflate);
  }
}
