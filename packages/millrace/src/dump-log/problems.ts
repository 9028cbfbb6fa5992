import path from 'node:path';

/** What a dump found wrong, printed once at its end, in the words of Kafka's tool. */
export class Problems {
  readonly #byTitle = new Map<string, string[]>();

  get isEmpty(): boolean {
    return this.#byTitle.size === 0;
  }

  indexMismatch(file: string, indexOffset: number, logOffset: number): void {
    this.#add(
      `Mismatches in :${path.resolve(file)}`,
      `  Index offset: ${indexOffset}, log offset: ${logOffset}`,
    );
  }

  nonConsecutive(file: string, before: number, after: number): void {
    this.#add(
      `Non-consecutive offsets in ${path.resolve(file)}`,
      `  ${before} is followed by ${after}`,
    );
  }

  timestampMismatch(file: string, indexed: number, logged: number): void {
    this.#add(
      `Found timestamp mismatch in :${path.resolve(file)}`,
      `  Index timestamp: ${indexed}, log timestamp: ${logged}`,
    );
  }

  timestampOrder(file: string, indexed: number, previous: number): void {
    this.#add(
      `Found out of order timestamp in :${path.resolve(file)}`,
      `  Index timestamp: ${indexed}, Previously indexed timestamp: ${previous}`,
    );
  }

  offsetNotFound(file: string, indexed: number, found: number): void {
    this.#add(
      `The following indexed offsets are not found in :${path.resolve(file)}`,
      `Indexed offset: ${indexed}, found log offset: ${found}`,
    );
  }

  /** What Kafka's tool has no words for: it ends there with an exception. */
  other(file: string, text: string): void {
    this.#add(`Problems in ${path.resolve(file)}`, `  ${text}`);
  }

  /** A file whose name says nothing of its content. */
  ignored(file: string): void {
    this.#byTitle.set(`Ignoring unknown file ${file}`, []);
  }

  lines(): string[] {
    return [...this.#byTitle].flatMap(([title, lines]) => [title, ...lines]);
  }

  #add(title: string, line: string): void {
    const lines = this.#byTitle.get(title);
    if (lines === undefined) this.#byTitle.set(title, [line]);
    else lines.push(line);
  }
}
