import type { Logger } from '@millrace/base';
import type { Place } from '../upstream.ts';

/** What is done about record batches that cannot be read: streams end there, unless the operator lets them go on. */
export class UnreadableBatches {
  readonly #log: Logger;
  readonly #isSkipping: boolean;

  constructor(log: Logger, isSkipping: boolean) {
    this.#log = log;
    this.#isSkipping = isSkipping;
  }

  /**
   * @param to end of it, -1 when nobody can tell; then it cannot be skipped.
   * @returns true when `[from, to)` is a Gap UNREADABLE, false when streams that come there fail.
   */
  isSkipped({ topic, partition }: Place, from: number, to: number, error: Error): boolean {
    const isSkipped = this.#isSkipping && to > from;
    const where = { partition: `${topic}-${partition}`, offset: from, error };
    if (isSkipped)
      this.#log.error('a record batch cannot be read and is skipped', { ...where, to });
    else this.#log.error('a record batch cannot be read', where);
    return isSkipped;
  }
}
