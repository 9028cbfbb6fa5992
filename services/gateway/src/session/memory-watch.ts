import type { GatewayMetrics } from '../metrics.ts';
import { RESULT_BYTES } from '../publish/result-window.ts';

/** Memory in use as a share of what the process may use (§14), sampled: what is held, or what is accounted if that is more. */
export class MemoryWatch {
  readonly #measure: () => number;
  readonly #accounted: () => number;
  ratio = 0;

  /** @param measure share that the process holds; @param accounted share that its own books say */
  constructor(measure: () => number, accounted: () => number) {
    this.#measure = measure;
    this.#accounted = accounted;
  }

  sample(): void {
    this.ratio = Math.max(this.#measure(), this.#accounted());
  }
}

/** What the process holds, as a share of `memoryBytes`. */
export function residentRatio(memoryBytes: number): number {
  return process.memoryUsage.rss() / memoryBytes;
}

/** The sum of everything that is bounded and counted in bytes. */
export function accountedBytes(metrics: GatewayMetrics, sessionWindow: number): number {
  const { ringBytes, coldCacheBytes, conflateBytes } = metrics;
  const { publishInflightBytes, unsentBytes, controlLaneBytes, connectionStateBytes } = metrics;
  const held = [
    // Lists of matches are part of the first two.
    ...[ringBytes, coldCacheBytes, conflateBytes],
    ...[publishInflightBytes, unsentBytes, controlLaneBytes, connectionStateBytes],
  ];
  const sessions = metrics.producerSessions.with().value * sessionWindow * RESULT_BYTES;
  return held.reduce((sum, family) => sum + family.with().value, sessions);
}
