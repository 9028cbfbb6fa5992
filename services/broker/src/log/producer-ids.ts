import type { SegmentStore } from '@millrace/engine';
import { PRODUCER_ID_BLOCK } from '../limits.ts';

const FILE = 'millrace.producer-ids';

/**
 * Hands out producer ids that no one had before: a block at a time is reserved durably, so a crash wastes
 * ids and never repeats one.
 */
export class ProducerIds {
  readonly #store: SegmentStore;
  readonly #dirId: number;
  /** Above every producer id found in the logs, which may come from another broker. */
  readonly #lowest: () => number;
  #next = 0;
  #blockEnd = 0;
  #reserving: Promise<void> | null = null;

  constructor(store: SegmentStore, dirId: number, lowest: () => number) {
    this.#store = store;
    this.#dirId = dirId;
    this.#lowest = lowest;
  }

  /** Rejects when the block cannot be made durable. */
  async next(): Promise<number> {
    while (this.#next >= this.#blockEnd) {
      this.#reserving ??= this.#reserve().finally(() => {
        this.#reserving = null;
      });
      await this.#reserving;
    }
    return this.#next++;
  }

  async #reserve(): Promise<void> {
    const bytes = await this.#store.readFile(this.#dirId, FILE);
    const start = Math.max(this.#lowest(), bytes === null ? 0 : parseNext(bytes));
    const end = start + PRODUCER_ID_BLOCK;
    const text = `version=0\nnext.producer.id=${end}\n`;
    await this.#store.writeFile(this.#dirId, FILE, Buffer.from(text));
    this.#next = start;
    this.#blockEnd = end;
  }
}

function parseNext(bytes: Uint8Array): number {
  const text = Buffer.from(bytes).toString('utf8');
  const match = /^version=0\nnext\.producer\.id=(\d+)\n$/.exec(text);
  const next = Number(match?.[1]);
  if (!Number.isSafeInteger(next)) throw new Error(`${FILE} cannot be read`);
  return next;
}
