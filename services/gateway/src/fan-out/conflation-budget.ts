/** What one list holds. */
export interface Holding {
  readonly keyCount: number;
  readonly bytes: number;
}

/** What latest-by-key lists may hold: each one, and all of a process together. */
export class ConflationBudget {
  readonly #keysMax: number;
  readonly #bytesMax: number;
  readonly #totalBytesMax: number;
  bytes = 0;
  keys = 0;

  constructor(keysMax: number, bytesMax: number, totalBytesMax: number) {
    this.#keysMax = keysMax;
    this.#bytesMax = bytesMax;
    this.#totalBytesMax = totalBytesMax;
  }

  add(bytes: number, keys: number): void {
    this.bytes += bytes;
    this.keys += keys;
  }

  isExceeded(list: Holding): boolean {
    return (
      list.keyCount > this.#keysMax ||
      list.bytes > this.#bytesMax ||
      this.bytes > this.#totalBytesMax
    );
  }
}
