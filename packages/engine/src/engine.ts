import type { Reactor } from './reactor.ts';
import type { SegmentStore } from './segment-store.ts';

/** Sockets and logs of one process part; what a broker stands on. */
export interface Engine {
  readonly reactor: Reactor;
  readonly store: SegmentStore;
  /** Closes the reactor. Logs and dirs are closed by their owner before or after; nothing is left that keeps the process alive. */
  close(): Promise<void>;
}
