import { asError, type Clock, type Logger } from '@millrace/base';
import { ErrorCode } from '@millrace/gateway-protocol';
import { deliveryLimits } from '../limits.ts';
import type { PartitionSource, Place } from '../upstream.ts';
import type { CursorOutcome } from './contract.ts';

/** The feed, as far as its troubles go. */
export interface TroubledFeed {
  readonly name: string;
  readonly place: Place;
  readonly isolation: number;
  /** Where reading goes on, and the epoch of what was read last, -1 before the first. */
  readonly next: number;
  readonly epoch: number;
  follow(): void;
  restart(at: number): void;
  cut(endOffset: number, epoch: number, logStart: number): void;
  end(outcome: CursorOutcome): void;
}

export interface FeedTroubleParts {
  readonly source: PartitionSource;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Wire errors of Fetch that mean more than "ask again". */
const OFFSET_OUT_OF_RANGE = 1;
const UNKNOWN_TOPIC_OR_PARTITION = 3;
const UNKNOWN_TOPIC_ID = 100;
const INCONSISTENT_TOPIC_ID = 103;
/** Of a cluster without topic ids: 22 characters. */
const NO_ID = 'AAAAAAAAAAAAAAAAAAAAAA';

/** Finds out what became of a partition whose reading failed, and lets the feed go on, or end. */
export class FeedTrouble {
  readonly #feed: TroubledFeed;
  readonly #parts: FeedTroubleParts;
  #goneSinceMs = -1;
  /** Since when the topic has its id and yet an older epoch than what was read of it. */
  #otherSinceMs = -1;
  #isLooking = false;
  #isClosed = false;

  constructor(feed: TroubledFeed, parts: FeedTroubleParts) {
    this.#feed = feed;
    this.#parts = parts;
  }

  close(): void {
    this.#isClosed = true;
  }

  /** @param code the wire error of the partition, from its reader or from a read behind the ring. */
  failed(code: number): void {
    if (this.#isLooking || this.#isClosed) return;
    this.#isLooking = true;
    const isKnown =
      code === OFFSET_OUT_OF_RANGE ||
      code === UNKNOWN_TOPIC_OR_PARTITION ||
      code === UNKNOWN_TOPIC_ID ||
      code === INCONSISTENT_TOPIC_ID;
    if (isKnown) void this.#look(code);
    else this.#again(code, () => this.#feed.follow());
  }

  async #look(code: number): Promise<void> {
    const { topic, topicId } = this.#feed.place;
    try {
      const now = await this.#parts.source.lookUp(topic);
      if (this.#isClosed) return;
      if (now === null) {
        this.#gone(code);
        return;
      }
      this.#goneSinceMs = -1;
      if (topicId !== NO_ID && now.topicIdText !== topicId) await this.#recreated(now.topicIdText);
      else if (code === OFFSET_OUT_OF_RANGE) await this.#outOfRange();
      else this.#again(code, () => this.#feed.follow());
    } catch (error) {
      const why = asError(error).message;
      this.#parts.log.warnLimited(`trouble ${topic}`, 'a topic cannot be looked up', {
        topic,
        why,
      });
      this.#again(code, () => this.#retry(code));
    }
  }

  /** Another topic of that name may appear in a moment. */
  #gone(code: number): void {
    const nowMs = this.#parts.clock.monotonicMs();
    if (this.#goneSinceMs < 0) this.#goneSinceMs = nowMs;
    if (nowMs - this.#goneSinceMs >= deliveryLimits.topicGoneMs) {
      this.#feed.end({ kind: 'FAILED', code: ErrorCode.UNKNOWN_TOPIC });
    } else this.#again(code, () => this.#retry(code));
  }

  async #recreated(topicId: string): Promise<void> {
    const { topic, partition } = this.#feed.place;
    const bounds = await this.#parts.source.bounds(topic, partition, this.#feed.isolation);
    if (this.#isClosed) return;
    this.#feed.end({ kind: 'RECREATED', startOffset: bounds.logStart, topicId });
  }

  /** The place where reading stopped is not in the log: deleted below it, or cut above. */
  async #outOfRange(): Promise<void> {
    const feed = this.#feed;
    const { source } = this.#parts;
    const { topic, topicId, partition } = feed.place;
    const bounds = await source.bounds(topic, partition, feed.isolation);
    const isBeyond = feed.next > bounds.highWatermark;
    const known =
      isBeyond && feed.epoch >= 0 ? await source.epochEnd(topic, partition, feed.epoch) : null;
    // Epochs of one log only grow.
    const isOther = feed.epoch >= 0 && bounds.leaderEpoch >= 0 && bounds.leaderEpoch < feed.epoch;
    if (!isOther) this.#otherSinceMs = -1;
    // Places are asked for by name: another topic may have come under it since its id was looked up.
    const isSame = topicId === NO_ID || (await this.#isStill(topicId));
    if (this.#isClosed) return;
    if (isOther && (topicId === NO_ID || (isSame && this.#isStillOther()))) {
      feed.end({ kind: 'RECREATED', startOffset: bounds.logStart, topicId });
    } else if (isOther || !isSame) {
      this.#again(OFFSET_OUT_OF_RANGE, () => this.#retry(OFFSET_OUT_OF_RANGE));
    } else if (feed.next < bounds.logStart) {
      this.#isLooking = false;
      feed.restart(bounds.logStart);
    } else if (isBeyond) {
      this.#isLooking = false;
      const isKnown = known !== null && known.endOffset >= 0;
      const end = Math.min(isKnown ? known.endOffset : bounds.end, feed.next);
      feed.cut(end, isKnown ? known.leaderEpoch : Number.POSITIVE_INFINITY, bounds.logStart);
    } else this.#again(OFFSET_OUT_OF_RANGE, () => feed.follow());
  }

  /** Whatever answers under that id, its log is another one: a cluster that was restored, say. */
  #isStillOther(): boolean {
    const nowMs = this.#parts.clock.monotonicMs();
    if (this.#otherSinceMs < 0) this.#otherSinceMs = nowMs;
    return nowMs - this.#otherSinceMs >= deliveryLimits.otherLogMs;
  }

  async #isStill(topicId: string): Promise<boolean> {
    const now = await this.#parts.source.lookUp(this.#feed.place.topic);
    return now?.topicIdText === topicId;
  }

  #retry(code: number): void {
    this.#isLooking = true;
    void this.#look(code);
  }

  #again(code: number, go: () => void): void {
    const { topic, partition } = this.#feed.place;
    this.#parts.log.warnLimited(`again ${this.#feed.name}`, 'a partition is asked for again', {
      partition: `${topic}-${partition}`,
      code,
    });
    this.#parts.clock.setTimer(deliveryLimits.retryMs, () => {
      if (this.#isClosed) return;
      this.#isLooking = false;
      go();
    });
  }
}
