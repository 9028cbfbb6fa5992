/** What became of records: `count` of them, the i-th at `baseOffset + i`. */
export interface PublishResult {
  readonly count: number;
  /** An `ErrorCode`; 0 is appended. */
  readonly code: number;
  /** -1 unless appended. */
  readonly partition: number;
  /** -1 unless appended. */
  readonly baseOffset: number;
  readonly timestampMs: number;
}

const ROWS_AT_FIRST = 16;
/** seq, offset, timestamp, (partition + 1) × 65,536 + code. */
const COLUMNS = 4;
/** What one result takes: numbers of JavaScript, for offsets and sequences fit no smaller ones. */
export const RESULT_BYTES = COLUMNS * Float64Array.BYTES_PER_ELEMENT;
const CODES = 65_536;

/** The results of the last so many sequence numbers, in flat memory that grows with use. */
export class ResultWindow {
  readonly #rowsMax: number;
  #rows = new Float64Array(0);

  constructor(rowsMax: number) {
    this.#rowsMax = rowsMax;
  }

  /** Results of `seq`, `seq + 1` … A sequence number is at least 1. */
  write(seq: number, result: PublishResult): void {
    for (let i = 0; i < result.count; i++) {
      const at = this.#place(seq + i);
      this.#rows[at] = seq + i;
      this.#rows[at + 1] = result.baseOffset < 0 ? -1 : result.baseOffset + i;
      this.#rows[at + 2] = result.timestampMs;
      this.#rows[at + 3] = (result.partition + 1) * CODES + result.code;
    }
  }

  /** What `count` sequence numbers came to, in runs of following offsets; null unless all are known. */
  read(seq: number, count: number): PublishResult[] | null {
    const runs: PublishResult[] = [];
    if (this.#rows.length === 0) return null;
    for (let i = 0; i < count; i++) {
      const [known = 0, baseOffset = 0, timestampMs = 0, packed = 0] = this.#row(seq + i);
      if (known !== seq + i) return null;
      const partition = Math.floor(packed / CODES) - 1;
      addRun(runs, { count: 1, code: packed % CODES, partition, baseOffset, timestampMs });
    }
    return runs;
  }

  #row(seq: number): Float64Array {
    const at = (seq % (this.#rows.length / COLUMNS)) * COLUMNS;
    return this.#rows.subarray(at, at + COLUMNS);
  }

  /** Where the row of `seq` goes: in place of a much older one, or in memory that is made for it. */
  #place(seq: number): number {
    const count = this.#rows.length / COLUMNS;
    const isFree = count > 0 && (count === this.#rowsMax || this.#row(seq)[0] === 0);
    if (!isFree) this.#grow(Math.min(this.#rowsMax, Math.max(ROWS_AT_FIRST, count * 2)));
    return (seq % (this.#rows.length / COLUMNS)) * COLUMNS;
  }

  #grow(count: number): void {
    const old = this.#rows;
    this.#rows = new Float64Array(count * COLUMNS);
    for (let at = 0; at < old.length; at += COLUMNS) {
      const seq = old[at] as number;
      if (seq > 0) this.#rows.set(old.subarray(at, at + COLUMNS), (seq % count) * COLUMNS);
    }
  }
}

/** Adds a result, or lengthens the last one when it goes on where that ends. */
export function addRun(runs: PublishResult[], next: PublishResult): void {
  const last = runs.at(-1);
  const isNextOf =
    last !== undefined &&
    last.code === next.code &&
    last.partition === next.partition &&
    (next.code !== 0 || last.baseOffset + last.count === next.baseOffset);
  if (isNextOf) runs[runs.length - 1] = { ...last, count: last.count + next.count };
  else runs.push(next);
}
