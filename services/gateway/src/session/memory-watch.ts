/** Memory in use as a share of what the process may use (§14), sampled. */
export class MemoryWatch {
  readonly #measure: () => number;
  ratio = 0;

  constructor(measure: () => number) {
    this.#measure = measure;
  }

  sample(): void {
    this.ratio = this.#measure();
  }
}

/** What the process holds, as a share of `memoryBytes`. */
export function residentRatio(memoryBytes: number): number {
  return process.memoryUsage.rss() / memoryBytes;
}
