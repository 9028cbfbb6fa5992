import type { Clock } from '@millrace/base';
import { FreshAnswers } from '../fresh-answers.ts';
import { sessionLimits } from '../limits.ts';
import type { Bounds, EpochEnd, Position, Upstream } from '../upstream-contract.ts';

/** Equal questions about a time share an answer for so long (§12.3). */
const TIME_SHARED_MS = 1000;

/**
 * Questions to the cluster about positions. Many who ask the same get one answer, but none that is older than their
 * question: LATEST would begin before it, and a position read elsewhere meanwhile would look like one in a log that was cut.
 */
export class PositionQueries {
  readonly #upstream: Upstream;
  readonly #bounds = new FreshAnswers<Bounds>();
  readonly #epochEnds = new FreshAnswers<EpochEnd>();
  readonly #times: RecentAnswers<Position | null>;

  constructor(upstream: Upstream, clock: Clock) {
    this.#upstream = upstream;
    this.#times = new RecentAnswers(clock, TIME_SHARED_MS);
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

interface Recent<T> {
  readonly answer: Promise<T>;
  readonly untilMs: number;
}

/** Remembers answers for a moment, oldest first, boundedly many. */
class RecentAnswers<T> {
  readonly #clock: Clock;
  readonly #forMs: number;
  readonly #known = new Map<string, Recent<T>>();

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
      if (untilMs > nowMs && this.#known.size <= sessionLimits.timeAnswersMax) return;
      this.#known.delete(key);
    }
  }
}
