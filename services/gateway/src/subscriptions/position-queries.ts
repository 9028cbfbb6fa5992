import type { Clock } from '@millrace/base';
import { FreshAnswers } from '../fresh-answers.ts';
import { RecentAnswers } from '../recent-answers.ts';
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
