import { DecodeError } from '@millrace/bytes';
import { decompress } from '@millrace/compression';
import {
  BatchCursor,
  BatchProblem,
  type BatchView,
  batchProblemText,
  Codec,
  ControlType,
  decodeControlRecord,
  RecordCursor,
  readRecords,
} from '@millrace/records';
import type { AbortedTransaction, PartitionRead } from './partition-read.ts';

/** Most bytes one batch may inflate to; a larger one is an attack or needs another tool. */
const INFLATED_BYTES_MAX = 256 << 20;

/**
 * Walks the records of a read that an application may see, without making an object per record: from the fetch
 * offset on, without control records and without those of aborted transactions.
 *
 *     cursor.reset(read);
 *     while (cursor.next()) use(cursor.record.offset, cursor.record.key);
 *     goOn(cursor.nextOffset);
 *
 * @throws DecodeError, or an error of the codec, from `next` for a batch that is not sound.
 */
export class ReadCursor {
  /** The current record; its bytes are borrowed from the read, or from what a batch inflated to. */
  readonly record = new RecordCursor();
  readonly #batches = new BatchCursor();
  readonly #abortedNow = new Set<number>();
  #aborted: readonly AbortedTransaction[] = [];
  #abortedSeen = 0;
  #inBatch = false;
  #fetchOffset = 0;
  /** Where the read ends: behind the last batch that was entered. Never below the fetch offset. */
  nextOffset = 0;
  /** Epoch of the batch entered last, -1 when there was none. */
  epoch = -1;

  reset(read: PartitionRead): this {
    this.#batches.reset(read.batches);
    this.#aborted = read.abortedTransactions;
    if (this.#aborted.length > 1) {
      this.#aborted = [...this.#aborted].sort((a, b) => a.firstOffset - b.firstOffset);
    }
    this.#abortedSeen = 0;
    this.#abortedNow.clear();
    this.#inBatch = false;
    this.#fetchOffset = read.fetchOffset;
    this.nextOffset = read.fetchOffset;
    this.epoch = -1;
    return this;
  }

  /** The batch of the current record. */
  get batch(): BatchView {
    return this.#batches.view;
  }

  /** @throws DecodeError when the walk ended at a batch that is damaged, rather than at one that was cut. */
  assertSound(): void {
    const { problem, position } = this.#batches;
    if (problem !== BatchProblem.none)
      throw new DecodeError('record batch', position, batchProblemText(problem));
  }

  /** Moves to the next record. False at the end. */
  next(): boolean {
    for (;;) {
      while (this.#inBatch && this.record.next()) {
        if (this.record.offset >= this.#fetchOffset) return true;
      }
      this.#inBatch = false;
      if (!this.#batches.next()) return false;
      this.#enter(this.#batches.view);
    }
  }

  #enter(view: BatchView): void {
    this.nextOffset = Math.max(this.nextOffset, view.lastOffset + 1);
    this.epoch = view.leaderEpoch;
    for (; this.#abortedSeen < this.#aborted.length; this.#abortedSeen++) {
      const aborted = this.#aborted[this.#abortedSeen] as AbortedTransaction;
      if (aborted.firstOffset > view.lastOffset) break;
      this.#abortedNow.add(aborted.producerId);
    }
    if (view.isControl) {
      for (const record of readRecords(view)) {
        const { type } = decodeControlRecord(record.key, record.value);
        if (type === ControlType.abort) this.#abortedNow.delete(view.producerId);
      }
      return;
    }
    if (view.isTransactional && this.#abortedNow.has(view.producerId)) return;
    const inflated =
      view.codec === Codec.none ? undefined : decompress(view.codec, view.body, INFLATED_BYTES_MAX);
    this.record.reset(view, inflated);
    this.#inBatch = true;
  }
}
