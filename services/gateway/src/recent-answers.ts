import type { Clock } from '@millrace/base';
import { sessionLimits } from './limits.ts';

interface Recent<T> {
  readonly answer: Promise<T>;
  readonly untilMs: number;
}

/** Remembers answers for a moment, oldest first, boundedly many. */
export class RecentAnswers<T> {
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
