import type { ColdCache } from './cold-cache.ts';
import type { Packet } from './packet.ts';
import { packetBytes } from './packet-maker.ts';

/** A large record of which parts are still to be sent. */
interface Held {
  streams: number;
  readonly bytes: number;
}

/**
 * Large records on their way. Whoever has got a part needs the others, so a stream keeps them although ring and cache let go
 * of the block, and a client that stops reading keeps them until it is closed. They count into the budget of the cold cache,
 * which gives way to them: once each, however many streams of a class send the same.
 */
export class HeldRecords {
  readonly #cache: ColdCache;
  /** By their first part. At most one for each stream. */
  readonly #held = new Map<Packet, Held>();

  constructor(cache: ColdCache) {
    this.#cache = cache;
  }

  /** A stream has sent this first part of a record. To be followed by one `release`. */
  hold(first: Packet): void {
    let held = this.#held.get(first);
    if (held === undefined) {
      held = { streams: 0, bytes: packetBytes(first) };
      this.#held.set(first, held);
      this.#cache.bytes += held.bytes;
    }
    held.streams++;
  }

  /** The stream has sent the last part, or will never. */
  release(first: Packet): void {
    const held = this.#held.get(first);
    if (held === undefined) return;
    held.streams--;
    if (held.streams > 0) return;
    this.#held.delete(first);
    this.#cache.bytes -= held.bytes;
  }
}
