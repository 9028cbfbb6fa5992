import type { Clock } from '@millrace/base';
import { sessionLimits } from '../limits.ts';
import type { Bounds, EpochEnd, Position, Upstream } from '../upstream-contract.ts';

/** Everybody who asks within this time gets the same answer: a storm of clients is one question. */
const SHARED_MS = 20;
/** §12.3. */
const TIME_SHARED_MS = 1000;

/** Questions to the cluster about positions, each asked once for all who want to know it at the same time. */
export class PositionQueries {
  readonly #upstream: Upstream;
  readonly #bounds: SharedAnswers<Bounds>;
  readonly #epochEnds: SharedAnswers<EpochEnd>;
  readonly #times: SharedAnswers<Position | null>;

  constructor(upstream: Upstream, clock: Clock) {
    this.#upstream = upstream;
    this.#bounds = new SharedAnswers(clock, SHARED_MS);
    this.#epochEnds = new SharedAnswers(clock, SHARED_MS);
    this.#times = new SharedAnswers(clock, TIME_SHARED_MS);
  }

  /** @param isolation decides what the end is. Rejects with an UpstreamError. */
  bounds(topic: string, partition: number, isolation: number): Promise<Bounds> {
    return this.#bounds.get(`${isolation} ${partition} ${topic}`, () =>
      this.#upstream.bounds(topic, partition, isolation),
    );
  }

  /** Where the log of an epoch ends on the leader. Rejects with an UpstreamError. */
  epochEnd(topic: string, partition: number, epoch: number): Promise<EpochEnd> {
    return this.#epochEnds.get(`${epoch} ${partition} ${topic}`, () =>
      this.#upstream.epochEnd(topic, partition, epoch),
    );
  }

  /** First offset at or after a time; null when there is none below the isolation's end. Rejects with an UpstreamError. */
  offsetForTime(
    topic: string,
    partition: number,
    timestampMs: number,
    isolation: number,
  ): Promise<Position | null> {
    return this.#times.get(`${timestampMs} ${isolation} ${partition} ${topic}`, () =>
      this.#upstream.offsetForTime(topic, partition, timestampMs, isolation),
    );
  }
}

interface Shared<T> {
  readonly answer: Promise<T>;
  readonly untilMs: number;
}

/** Remembers answers for a moment, oldest first, boundedly many. */
class SharedAnswers<T> {
  readonly #clock: Clock;
  readonly #forMs: number;
  readonly #known = new Map<string, Shared<T>>();

  constructor(clock: Clock, forMs: number) {
    this.#clock = clock;
    this.#forMs = forMs;
  }

  get(key: string, ask: () => Promise<T>): Promise<T> {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#known.get(key);
    if (known !== undefined && nowMs < known.untilMs) return known.answer;
    const answer = ask();
    this.#known.delete(key);
    this.#known.set(key, { answer, untilMs: nowMs + this.#forMs });
    // A failure is not remembered beyond those who wait for it.
    answer.catch(() => {
      if (this.#known.get(key)?.answer === answer) this.#known.delete(key);
    });
    this.#forgetOld(nowMs);
    return answer;
  }

  #forgetOld(nowMs: number): void {
    for (const [key, { untilMs }] of this.#known) {
      if (untilMs > nowMs && this.#known.size <= sessionLimits.positionQueriesMax) return;
      this.#known.delete(key);
    }
  }
}
