import { createHash } from 'node:crypto';

/** SHA-256 of a token: the token itself is not kept. */
export function tokenHash(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}

/** The least recently used entry leaves when there is no room. */
export class TokenCache<V> {
  readonly #entries = new Map<string, V>();
  readonly #maxCount: number;

  constructor(maxCount: number) {
    this.#maxCount = maxCount;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(hash: string): V | undefined {
    const value = this.#entries.get(hash);
    if (value === undefined) return undefined;
    this.#entries.delete(hash);
    this.#entries.set(hash, value);
    return value;
  }

  set(hash: string, value: V): void {
    this.#entries.delete(hash);
    this.#entries.set(hash, value);
    if (this.#entries.size <= this.#maxCount) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }
}
