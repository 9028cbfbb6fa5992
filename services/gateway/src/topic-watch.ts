import type { Clock, Timer } from '@millrace/base';
import { ErrorCode } from '@millrace/gateway-protocol';
import { FreshAnswers } from './fresh-answers.ts';
import type { UpstreamTopic } from './upstream-contract.ts';
import { UpstreamError } from './upstream-error.ts';

/** null: there is no such topic. A name that is missing is one that the cluster could say nothing of. */
export type TopicAnswers = ReadonlyMap<string, UpstreamTopic | null>;

/** How often watched topics are looked at, and how long an answer is good for others. Milliseconds. */
const PERIOD_MS = 1000;
/** Names remembered; the oldest goes first. */
const NAMES_MAX = 10_000;

interface Known {
  topic: UpstreamTopic | null;
  /** When the question was sent whose answer this is; -1 = never. */
  askedAt: number;
  readonly listeners: Set<(topic: UpstreamTopic | null) => void>;
}

/** Topics as they are and as they change: one question per second for all that are watched. */
export class TopicWatch {
  readonly #clock: Clock;
  readonly #ask: (names: readonly string[]) => Promise<TopicAnswers>;
  readonly #known = new Map<string, Known>();
  readonly #asked = new FreshAnswers<UpstreamTopic | null>();
  #timer: Timer | undefined;
  #isPolling = false;
  #isClosed = false;

  constructor(clock: Clock, ask: (names: readonly string[]) => Promise<TopicAnswers>) {
    this.#clock = clock;
    this.#ask = ask;
  }

  /** The topic as of less than `maxAgeMs` ago; with 0, as of now or later. Rejects with an UpstreamError when the cluster cannot say. */
  get(name: string, maxAgeMs: number = PERIOD_MS): Promise<UpstreamTopic | null> {
    const known = this.#known.get(name);
    const age = this.#clock.monotonicMs() - (known?.askedAt ?? -1);
    if (known !== undefined && known.askedAt >= 0 && age < maxAgeMs)
      return Promise.resolve(known.topic);
    return this.#asked.get(name, async () => {
      const askedAt = this.#clock.monotonicMs();
      return this.#learn(name, answerFor(name, await this.#ask([name])), askedAt);
    });
  }

  /** Calls `listener` at each change from now on. Returns what ends it. */
  watch(name: string, listener: (topic: UpstreamTopic | null) => void): () => void {
    const known = this.#entry(name);
    known.listeners.add(listener);
    this.#timer ??= this.#clock.setInterval(PERIOD_MS, () => void this.#poll());
    return () => {
      known.listeners.delete(listener);
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#known.clear();
  }

  /** A cluster out of reach, or a topic it can say nothing of, changes nothing: the next period asks again. */
  async #poll(): Promise<void> {
    if (this.#isPolling) return;
    const names = [...this.#known].filter(([, { listeners }]) => listeners.size > 0);
    if (names.length === 0) {
      this.#timer?.cancel();
      this.#timer = undefined;
      return;
    }
    this.#isPolling = true;
    const askedAt = this.#clock.monotonicMs();
    try {
      const found = await this.#ask(names.map(([name]) => name));
      for (const [name, topic] of found) this.#learn(name, topic, askedAt);
    } catch {
      // Asked again in a moment.
    } finally {
      this.#isPolling = false;
    }
  }

  /** An answer to a question that is older than what is known changes nothing: answers may pass each other. */
  #learn(name: string, topic: UpstreamTopic | null, askedAt: number): UpstreamTopic | null {
    if (this.#isClosed) return topic;
    const known = this.#entry(name);
    if (askedAt < known.askedAt) return known.topic;
    const isNews = known.askedAt >= 0 && !sameTopic(known.topic, topic);
    known.topic = topic;
    known.askedAt = askedAt;
    if (isNews) for (const listener of [...known.listeners]) listener(topic);
    return topic;
  }

  #entry(name: string): Known {
    let known = this.#known.get(name);
    if (known === undefined) {
      known = { topic: null, askedAt: -1, listeners: new Set() };
      this.#known.set(name, known);
      this.#forgetOldest();
    }
    return known;
  }

  #forgetOldest(): void {
    if (this.#known.size <= NAMES_MAX) return;
    for (const [name, { listeners }] of this.#known) {
      if (listeners.size > 0) continue;
      this.#known.delete(name);
      return;
    }
  }
}

/** @throws UpstreamError LEADER_UNAVAILABLE when the cluster could not say. */
export function answerFor(name: string, answers: TopicAnswers): UpstreamTopic | null {
  const topic = answers.get(name);
  if (topic === undefined)
    throw new UpstreamError(ErrorCode.LEADER_UNAVAILABLE, `metadata of ${name}`);
  return topic;
}

function sameTopic(a: UpstreamTopic | null, b: UpstreamTopic | null): boolean {
  if (a === null || b === null) return a === b;
  return (
    a.topicIdText === b.topicIdText &&
    a.partitions.length === b.partitions.length &&
    a.partitions.every((partition, index) => {
      const other = b.partitions[index];
      return (
        partition.hasLeader === other?.hasLeader && partition.leaderEpoch === other.leaderEpoch
      );
    })
  );
}
