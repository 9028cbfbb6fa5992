import type { NewRecord } from '@millrace/records';
import { PendingBatch, type RecordMetadata } from './pending-batch.ts';

/**
 * The batches of one partition, in the order in which they must land. After a failure nothing new is
 * sent until everything in flight has come back; what failed then goes first, in its old order. So a
 * retry never overtakes, with up to five requests in flight.
 */
export class PartitionQueue {
  readonly topic: string;
  readonly partition: number;
  /** Sequence of the next record, for idempotence; wraps at 2^31. */
  nextSequence = 0;
  readonly #inFlight = new Set<PendingBatch>();
  readonly #waiting: PendingBatch[] = [];
  readonly #failed: PendingBatch[] = [];
  #open: PendingBatch | undefined;
  #batchesMade = 0;
  /**
   * One batch at a time, until one has succeeded: at the start and after a failure. A broker that does not
   * know the producer yet takes whatever sequence comes first, so nothing may overtake there.
   */
  #careful = true;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  get inFlightCount(): number {
    return this.#inFlight.size;
  }

  get isIdle(): boolean {
    return this.inFlightCount === 0 && this.#waiting.length === 0 && this.#failed.length === 0;
  }

  /** Adds a record to the open batch, or to a new one when it does not fit `batchSize`. */
  append(
    record: NewRecord,
    recordBytes: number,
    batchSize: number,
    nowMs: number,
  ): { batch: PendingBatch; sent: Promise<RecordMetadata> } {
    let batch = this.#open;
    if (batch === undefined || batch.sizeBytes + recordBytes > batchSize) {
      batch = new PendingBatch(this.topic, this.partition, nowMs, this.#batchesMade++);
      this.#open = batch;
      this.#waiting.push(batch);
    }
    batch.heldBytes += recordBytes;
    return { batch, sent: batch.append(record) };
  }

  /**
   * Monotonic ms at which the head may be sent; Infinity when nothing may be.
   *
   * @param lingerMs 0 when flushing.
   */
  readyAt(lingerMs: number, batchSize: number): number {
    if (this.#failed.length > 0) return Number.POSITIVE_INFINITY;
    if (this.#careful && this.inFlightCount > 0) return Number.POSITIVE_INFINITY;
    const head = this.#waiting[0];
    if (head === undefined) return Number.POSITIVE_INFINITY;
    if (head.failures > 0) return head.notBefore;
    const full = head !== this.#open || head.sizeBytes >= batchSize;
    return full ? 0 : head.createdAt + lingerMs;
  }

  peek(): PendingBatch | undefined {
    return this.#waiting[0];
  }

  /** Takes the head for sending. */
  take(): PendingBatch {
    const batch = this.#waiting.shift() as PendingBatch;
    if (batch === this.#open) this.#open = undefined;
    this.#inFlight.add(batch);
    return batch;
  }

  /** A batch in flight is settled, well or for good. */
  settled(batch: PendingBatch, succeeded: boolean): void {
    this.#inFlight.delete(batch);
    this.#careful = !succeeded;
    this.#requeueFailed();
  }

  /** A batch in flight must be sent again. */
  failed(batch: PendingBatch): void {
    this.#inFlight.delete(batch);
    this.#careful = true;
    this.#failed.push(batch);
    this.#requeueFailed();
  }

  /**
   * A batch in flight was refused before it used up its sequence, which the broker goes on expecting: it and
   * whatever was sent behind it are numbered anew, also what came back from an attempt before.
   *
   * @param instead goes in its place.
   */
  refused(batch: PendingBatch, instead: readonly PendingBatch[]): void {
    this.#inFlight.delete(batch);
    this.#careful = true;
    if (batch.isNumbered && !batch.isVoid) {
      this.nextSequence = batch.identity.baseSequence;
      for (const later of this.#inFlight) later.isVoid ||= later.order > batch.order;
      for (const later of [...this.#failed, ...this.#waiting]) {
        if (later.order > batch.order) later.unseal();
      }
    }
    this.#failed.push(...instead);
    this.#requeueFailed();
  }

  /** Nothing is in flight, and a new producer id begins. */
  renumber(): void {
    this.nextSequence = 0;
    this.#careful = true;
  }

  /** Some batch with an earlier sequence is still to be retried. */
  hasFailedBefore(batch: PendingBatch): boolean {
    return this.#failed.some((other) => other.order < batch.order);
  }

  /** Takes out every batch that is not in flight and for which `test` holds. */
  remove(test: (batch: PendingBatch) => boolean): PendingBatch[] {
    const removed: PendingBatch[] = [];
    for (const list of [this.#failed, this.#waiting]) {
      for (let index = list.length - 1; index >= 0; index--) {
        if (test(list[index] as PendingBatch)) removed.unshift(...list.splice(index, 1));
      }
    }
    if (this.#open !== undefined && removed.includes(this.#open)) this.#open = undefined;
    this.#requeueFailed();
    return removed;
  }

  #requeueFailed(): void {
    if (this.inFlightCount > 0 || this.#failed.length === 0) return;
    this.#failed.sort((a, b) => a.order - b.order);
    this.#waiting.unshift(...this.#failed.splice(0));
  }
}
