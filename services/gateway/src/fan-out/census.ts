import { deliveryLimits } from '../limits.ts';
import type { GatewayMetrics } from '../metrics.ts';
import type { StreamCursor } from './cursor.ts';
import type { Feed } from './feed.ts';

/** States of §9. A stream that waits for a position, or for its session to decide, is pending. */
const STATES = ['pending', 'catchup', 'live'] as const;
/** What holds a stream up. Where several do, the one that only the client can end comes first. */
const OVERLAYS = ['none', 'paused', 'starved', 'blocked', 'rated'] as const;

/**
 * Counts streams by state, and how far they are behind. A look takes a bounded time: with many streams a round takes
 * several looks, and the gauges are those of the last whole round.
 */
export class Census {
  readonly #metrics: GatewayMetrics;
  readonly #counts = new Uint32Array(STATES.length * OVERLAYS.length);
  #rest: Iterator<Feed> | null = null;

  constructor(metrics: GatewayMetrics) {
    this.#metrics = metrics;
  }

  /** Goes on with the round, and ends it when all feeds were looked at. */
  look(feeds: Iterable<Feed>): void {
    this.#rest ??= feeds[Symbol.iterator]();
    let seen = 0;
    while (seen < deliveryLimits.streamsPerLook) {
      const { done, value: feed } = this.#rest.next();
      if (done === true) {
        this.#publish();
        return;
      }
      for (const cls of feed.classes.values()) {
        for (const cursor of cls.members) this.#count(cursor);
        seen += cls.members.length;
      }
    }
  }

  #count(cursor: StreamCursor): void {
    const { feed } = cursor;
    const at = stateOf(cursor) * OVERLAYS.length + overlayOf(cursor);
    this.#counts[at] = (this.#counts[at] as number) + 1;
    if (!feed.isReady || cursor.at < 0) return;
    this.#metrics.cursorLagRecords.with().record(Math.max(0, feed.ring.end - cursor.position));
  }

  #publish(): void {
    this.#rest = null;
    STATES.forEach((state, i) => {
      OVERLAYS.forEach((overlay, j) => {
        const count = this.#counts[i * OVERLAYS.length + j] as number;
        this.#metrics.streams.with(state, overlay).set(count);
      });
    });
    this.#counts.fill(0);
  }
}

/** Index into STATES. */
function stateOf({ state, caughtUpAt }: StreamCursor): number {
  if (state === 'pending' || state === 'stopped' || state === 'detached') return 0;
  return state === 'cold' || caughtUpAt >= 0 ? 1 : 2;
}

/** Index into OVERLAYS. */
function overlayOf({ isPaused, window, outlet, rate, dueAtMs }: StreamCursor): number {
  if (isPaused) return 1;
  if (window.bytes <= 0 || outlet.target.creditBytes <= 0) return 2;
  if (outlet.isBlocked) return 3;
  return rate !== null && dueAtMs >= 0 ? 4 : 0;
}
