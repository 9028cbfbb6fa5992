/** One record of the model, with the offset it was given. */
export interface ModelRecord<T> {
  readonly offset: number;
  readonly value: T;
}

/** A partition as a plain array: the oracle that real logs are held against. */
export class ModelLog<T> {
  #records: ModelRecord<T>[] = [];
  #startOffset = 0;
  #endOffset = 0;

  get logStartOffset(): number {
    return this.#startOffset;
  }

  get logEndOffset(): number {
    return this.#endOffset;
  }

  /** Appends values in order and returns the first one's offset. */
  append(values: readonly T[]): number {
    const base = this.#endOffset;
    for (const value of values) this.#records.push({ offset: this.#endOffset++, value });
    return base;
  }

  /** The records from `offset` on, or `undefined` when it lies outside the log. */
  read(offset: number): ModelRecord<T>[] | undefined {
    if (offset < this.#startOffset || offset > this.#endOffset) return undefined;
    return this.#records.filter((record) => record.offset >= offset);
  }

  /** Cuts the end: nothing at or after `offset` is left. */
  truncate(offset: number): void {
    this.#endOffset = Math.max(this.#startOffset, Math.min(this.#endOffset, offset));
    this.#records = this.#records.filter((record) => record.offset < this.#endOffset);
  }

  /** Moves the log start: nothing before `offset` is left. */
  trim(offset: number): void {
    this.#startOffset = Math.min(this.#endOffset, Math.max(this.#startOffset, offset));
    this.#records = this.#records.filter((record) => record.offset >= this.#startOffset);
  }
}
