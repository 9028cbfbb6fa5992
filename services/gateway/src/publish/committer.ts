import type { Clock } from '@millrace/base';
import { ErrorCode } from '@millrace/gateway-protocol';
import { sessionLimits } from '../limits.ts';
import type { Position, Upstream } from '../upstream-contract.ts';
import { UpstreamError } from '../upstream-error.ts';

/** At most one write per name in this time. */
const PERIOD_MS = 1000;

/** The `ErrorCode` of every partition that was asked for. */
export type CommitAnswer = (codes: ReadonlyMap<number, number>) => void;

interface Waiting {
  readonly partitions: readonly number[];
  readonly answer: CommitAnswer;
}

/** One name of one principal in one topic. */
interface Entry {
  readonly group: string;
  readonly topic: string;
  readonly offsets: Map<number, Position>;
  waiting: Waiting[];
  isBusy: boolean;
  lastMs: number;
}

/** Writes positions to consumer groups without members: one write a second and name, the last value wins (§15.3). */
export class Committer {
  readonly #upstream: Upstream;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(upstream: Upstream, clock: Clock) {
    this.#upstream = upstream;
    this.#clock = clock;
  }

  /** `answer` is called once, later. False when too many wait already; then it is not called. */
  commit(
    group: string,
    topic: string,
    offsets: ReadonlyMap<number, Position>,
    answer: CommitAnswer,
  ): boolean {
    const key = `${topic} ${group}`;
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      if (this.#entries.size >= sessionLimits.commitNamesMax) return false;
      const lastMs = Number.NEGATIVE_INFINITY;
      entry = { group, topic, offsets: new Map(), waiting: [], isBusy: false, lastMs };
      this.#entries.set(key, entry);
    }
    if (entry.waiting.length >= sessionLimits.commitWaitersMax) return false;
    for (const [partition, position] of offsets) entry.offsets.set(partition, position);
    entry.waiting.push({ partitions: [...offsets.keys()], answer });
    if (!entry.isBusy) this.#schedule(key, entry);
    return true;
  }

  #schedule(key: string, entry: Entry): void {
    entry.isBusy = true;
    const dueMs = entry.lastMs + PERIOD_MS - this.#clock.monotonicMs();
    if (dueMs <= 0) void this.#write(key, entry);
    else this.#clock.setTimer(dueMs, () => void this.#write(key, entry));
  }

  async #write(key: string, entry: Entry): Promise<void> {
    const { waiting, group, topic } = entry;
    if (waiting.length === 0) {
      this.#entries.delete(key);
      return;
    }
    const offsets = [...entry.offsets].map(([partition, position]) => ({ partition, ...position }));
    entry.waiting = [];
    entry.offsets.clear();
    entry.lastMs = this.#clock.monotonicMs();
    const codes = await this.#upstream
      .commitOffsets(group, topic, offsets)
      .catch((error: unknown) => {
        const code = error instanceof UpstreamError ? error.code : ErrorCode.INTERNAL;
        return new Map(offsets.map(({ partition }) => [partition, code]));
      });
    for (const { partitions, answer } of waiting)
      answer(new Map(partitions.map((partition) => [partition, codes.get(partition) ?? 0])));
    this.#schedule(key, entry);
  }
}
