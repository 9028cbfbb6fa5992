import type { Reactor } from './reactor.ts';
import type { SegmentStore } from './segment-store.ts';

/** A reactor and a store that share memory: appends name frame memory of the reactor. */
export interface Engine {
  readonly reactor: Reactor;
  readonly store: SegmentStore;
  /** Ends what is left: threads, completion queue. The reactor and all logs must be closed. */
  close(): Promise<void>;
}
