import {
  Outcome,
  Policy,
  StartKind,
  type StreamInfo,
  type StreamStates,
  type Subscribed,
} from '@millrace/gateway-protocol';
import { Backoff } from './backoff.ts';
import type { Clock, Timer } from './environment.ts';
import type { GatewayError } from './errors.ts';
import { JOIN_AFTER_MS } from './limits.ts';
import type { Link } from './link.ts';
import type { Place } from './partition-state.ts';
import { isAboutRoom, type Refusal } from './refusal.ts';
import { type ProbeEvents, probeStarts } from './start-probe.ts';
import type { SubscribeFields } from './subscribe-frame.ts';
import type { SubscriptionHost } from './subscription-host.ts';

export interface StartEvents extends ProbeEvents {
  /** More has a place than the present Subscribe asked for. */
  join(): void;
  /** There is no room for the question now; it will be asked again. */
  waits(refusal: Refusal): void;
}

/**
 * Which partitions still wait for the start that the subscription was made with. A resume token cannot say that start, so
 * they are asked for apart (`probe`), beside a Subscribe of those that have a place (`asks`).
 */
export class PendingStarts {
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  readonly #events: StartEvents;
  readonly #waiting = new Set<number>();
  #isListed = false;
  #isAsked = false;
  /** Where the partitions of a topic that was made again begin, instead of the start of the subscription. */
  #anew: SubscribeFields = {};
  /** What is asked for apart; null while nothing has to be. */
  #apart: SubscribeFields | null = null;
  #probe: (() => void) | null = null;
  #joinTimer: Timer | null = null;
  /** The last frame had a place for some partition. */
  #hasMore = false;

  constructor({ environment, options }: SubscriptionHost, events: StartEvents) {
    this.#clock = environment.clock;
    this.#backoff = new Backoff(environment.random, options.reconnect);
    this.#events = events;
  }

  /** Every partition of that start has a place: any other was added later. */
  get areKnown(): boolean {
    return this.#isListed && this.#waiting.size === 0;
  }

  /**
   * @param first asks for that start.
   * @param going goes on from `places`; null: there are none.
   * @param places those in the newest topic of that name; without any, `going` asks where it goes on in that.
   * @returns what to ask for now. What no token can say is left to `probe`, and what is known does not wait for it.
   */
  asks(
    first: SubscribeFields,
    going: SubscribeFields | null,
    places: readonly Place[],
  ): SubscribeFields {
    const begin = { ...first, ...this.#anew };
    this.#isAsked = places.length === 0;
    this.#apart = null;
    if (this.#isAsked) {
      this.#waiting.clear();
      this.#isListed = false;
      return going ?? begin;
    }
    const known = places.map(({ partition }) => partition);
    const { start, partitions } = begin;
    if (this.areKnown) this.endProbe();
    else if (start !== StartKind.EARLIEST && start !== StartKind.KEY_SNAPSHOT) {
      // Without any part of the records: so the lanes of those who read them stay free.
      this.#apart = { ...begin, projection: 0, policy: Policy.PAUSE };
      return { ...going, partitions: known };
    }
    // What a token leaves out begins at the log's start. One of those that were named may have gone, with the topic that had it.
    const isNamed = partitions?.length && this.#isListed;
    return isNamed ? { ...going, partitions: [...known, ...this.#waiting] } : { ...going };
  }

  /** Asks for the others, unless it does already. What has no room is asked for again, and meanwhile the rest goes on. */
  probe(link: Link, filterTag: number): void {
    const events = this.#events;
    if (this.#apart === null || this.#probe !== null) return;
    if (this.areKnown) {
      events.join();
      return;
    }
    // Not even the names of those that wait are known while the list has not come.
    const waiting = this.#isListed ? { partitions: [...this.#waiting] } : {};
    try {
      this.#probe = probeStarts(link, { ...this.#apart, ...waiting }, filterTag, {
        found: (frame, topicId) => {
          this.#hasMore = false;
          this.#backoff.reset();
          events.found(frame, topicId);
          if (this.areKnown) events.join();
          else if (this.#hasMore)
            this.#joinTimer ??= this.#clock.setTimer(JOIN_AFTER_MS, () => this.#join());
        },
        refused: (refusal) => {
          this.#probe = null;
          if (!isAboutRoom(refusal)) {
            events.refused(refusal);
            return;
          }
          const timer = this.#clock.setTimer(this.#backoff.nextMs(refusal.retryAfterMs), () => {
            this.#probe = null;
            this.probe(link, filterTag);
          });
          this.#probe = () => timer.cancel();
          events.waits(refusal);
        },
      });
    } catch (error) {
      // It names more than what was asked for at first: waiting makes it no smaller.
      const { code, message } = error as GatewayError;
      events.refused({ code, message, retryable: false, retryAfterMs: 0 });
    }
  }

  #join(): void {
    this.#joinTimer = null;
    this.#events.join();
  }

  endProbe(): void {
    this.#probe?.();
    this.#probe = null;
    this.#joinTimer?.cancel();
    this.#joinTimer = null;
  }

  /** The topic was made again: every partition that it has begins at its first record, or after its last one. */
  renew(isAtEnd: boolean): void {
    this.endProbe();
    this.#waiting.clear();
    this.#isListed = false;
    this.#isAsked = true;
    this.#anew = { start: isAtEnd ? StartKind.LATEST : StartKind.EARLIEST };
  }

  /**
   * @param places those of partitions that others than a probe read: a list that it asks for once more names them again.
   * @returns the streams that begin with it.
   */
  take(
    frame: Subscribed | StreamStates,
    isProbed: boolean,
    places: readonly Place[],
  ): StreamInfo[] {
    const { more } = frame;
    // A topic that is made again meanwhile ends the subscription: the next Subscribed names its id.
    const streams = frame.streams.filter(
      ({ outcome, startOffset }) => outcome !== Outcome.RECREATED || startOffset >= 0n,
    );
    const isFirst = isProbed || this.#isAsked;
    for (const { outcome, partition } of streams) {
      if (outcome !== Outcome.PENDING) {
        this.#waiting.delete(partition);
        this.#hasMore = true;
      } else if (isFirst && !this.#isListed) this.#waiting.add(partition);
    }
    if (isFirst && !more) this.#isListed = true;
    return streams.filter((info) => places.every(({ partition }) => partition !== info.partition));
  }
}
