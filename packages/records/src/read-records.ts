import { Codec, MAGIC_AT } from './batch-layout.ts';
import { BatchView } from './batch-view.ts';
import { BatchProblem, checkBatch } from './check-batch.ts';
import type { BatchRecord } from './record.ts';
import { RecordCursor } from './record-cursor.ts';

/**
 * Inflates a batch body. `decompress` of @millrace/compression with a limit is one:
 * `(codec, body) => decompress(codec, body, 64 << 20)`.
 */
export type Inflate = (codec: Codec, body: Uint8Array) => Uint8Array;

/**
 * The records of one batch, as objects, in offset order. Keys and values are borrowed from the batch (or from
 * what `inflate` returned). For long scans use `RecordCursor`, which makes none.
 *
 * @param batch a view, or bytes that start with a batch which passed `checkBatch`.
 * @throws DecodeError when the body is not what its header says, or is compressed and there is no `inflate`.
 */
export function* readRecords(
  batch: BatchView | Uint8Array,
  inflate?: Inflate,
): Generator<BatchRecord, void, undefined> {
  const view = batch instanceof BatchView ? batch : new BatchView(batch);
  const inflated =
    inflate === undefined || view.codec === Codec.none ? undefined : inflate(view.codec, view.body);
  const cursor = new RecordCursor().reset(view, inflated);
  while (cursor.next()) {
    yield {
      offset: cursor.offset,
      timestampMs: cursor.timestampMs,
      sequence: cursor.sequence,
      key: cursor.key,
      value: cursor.value,
      headers: cursor.headers,
    };
  }
}

/**
 * Moves from batch to batch through the bytes of a Fetch answer or a segment.
 *
 * A Fetch answer is cut at a byte limit, so its last batch may be incomplete: that ends the walk without
 * complaint (`problem` stays none). Anything else that is not a sound batch ends it with `problem` set.
 */
export class BatchCursor {
  readonly view = new BatchView();
  #bytes: Uint8Array = new Uint8Array(0);
  #next = 0;
  /** Where in the bytes the current batch starts. */
  position = 0;
  /** Why the walk ended early. */
  problem: BatchProblem = BatchProblem.none;

  constructor(bytes?: Uint8Array) {
    if (bytes !== undefined) this.reset(bytes);
  }

  reset(bytes: Uint8Array): this {
    this.#bytes = bytes;
    this.#next = 0;
    this.position = 0;
    this.problem = BatchProblem.none;
    return this;
  }

  /** Bytes behind the last whole batch, for example one that was cut. */
  get remainingBytes(): number {
    return this.#bytes.length - this.#next;
  }

  /** Points `view` at the next whole batch. False at the end. */
  next(): boolean {
    const left = this.#bytes.length - this.#next;
    if (left <= MAGIC_AT || this.problem !== BatchProblem.none) return false;
    const problem = checkBatch(this.#bytes, this.#next, left);
    if (problem !== BatchProblem.none) {
      if (problem !== BatchProblem.truncated) this.problem = problem;
      return false;
    }
    this.position = this.#next;
    this.#next += this.view.reset(this.#bytes, this.#next).lengthBytes;
    return true;
  }
}
