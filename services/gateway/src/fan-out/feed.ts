import type { Clock, Logger, Timer } from '@millrace/base';
import { asError } from '@millrace/base';
import { ErrorCode, Policy } from '@millrace/gateway-protocol';
import { deliveryLimits } from '../limits.ts';
import type { TopicMeter } from '../topic-meters.ts';
import type { Follower, PartitionRead, PartitionSource, Place } from '../upstream.ts';
import { beginning } from './beginning.ts';
import type { Entry } from './block.ts';
import { Block } from './block.ts';
import { BlockBuilder, type BuiltBlock } from './block-builder.ts';
import type { ConflationBudget } from './conflation-budget.ts';
import { ConflationList } from './conflation-list.ts';
import type { CursorOutcome } from './contract.ts';
import type { CursorFeed, StreamCursor } from './cursor.ts';
import { FeedClasses } from './feed-classes.ts';
import { FeedTrouble, type TroubledFeed } from './feed-trouble.ts';
import { Ring } from './ring.ts';
import type { RingBudget } from './ring-budget.ts';
import type { StreamClass } from './stream-class.ts';
import type { UnreadableBatches } from './unreadable-batches.ts';

/** Places that a feed remembers until it opens: those who come together come from about the same one. */
const WANTED_MAX = 64;

/** What a feed tells the machinery around it. */
export interface FeedHost {
  /** Records wait in the open block. */
  opened(feed: Feed): void;
  /** A class sees something of a new block. */
  matched(cls: StreamClass, entry: Entry): void;
  settle(cursor: StreamCursor): void;
  /** The log was cut, or another topic took the name: older blocks from here on are void. */
  cut(feed: Feed, offset: number): void;
  closed(feed: Feed): void;
}

export interface FeedParts {
  readonly source: PartitionSource;
  readonly clock: Clock;
  readonly log: Logger;
  readonly host: FeedHost;
  readonly ringBudget: RingBudget;
  readonly conflationBudget: ConflationBudget;
  readonly recordBytesMax: number;
  readonly lingerMs: number;
  readonly unreadable: UnreadableBatches;
  /** Counts of a topic, when it is listed. */
  meterOf(topic: string): TopicMeter | null;
  evicted(): void;
}

/**
 * The only reader of one partition and isolation in this process (§12.2). Records that come are gathered in an open
 * block; the delivery loop seals it when everybody was offered the one before, so that under load more records share a
 * frame.
 */
export class Feed implements CursorFeed, TroubledFeed {
  readonly name: string;
  readonly place: Place;
  readonly isolation: number;
  readonly meter: TopicMeter | null;
  readonly ring: Ring;
  readonly classes = new FeedClasses();
  /** Cursors beyond the end of the ring. */
  readonly ahead = new Set<StreamCursor>();
  /** The ring has a place in the log. Before that nobody is hot or cold. */
  isReady = false;
  isClosed = false;
  /** The loop passes this count when everybody was offered the last block who waits for an ordinary turn. */
  offeredAt = 0;
  /** Classes that the last block is on its way along. */
  walks = 0;
  /** The loop knows of the open block. */
  isAnnounced = false;
  readonly #parts: FeedParts;
  readonly #builder: BlockBuilder;
  readonly #trouble: FeedTrouble;
  readonly #lists = new Map<string, { readonly list: ConflationList; users: number }>();
  #cursorCount = 0;
  #holdCount = 0;
  #follower: Follower | undefined;
  /** The last answer is in blocks; the next question waits. */
  #isReadDone = false;
  #highWatermark = -1;
  /** Before the feed is open: where streams are to begin, of the first who come. */
  readonly #wanted: number[] = [];
  /** The end of the log when the feed opened; below it the ring is still being filled. */
  #reachTo = 0;
  /** Where the ring began then. */
  #openedFrom = 0;
  #openedAtMs = 0;
  #linger: Timer | undefined;

  constructor(name: string, place: Place, isolation: number, parts: FeedParts) {
    this.name = name;
    this.place = place;
    this.isolation = isolation;
    this.meter = parts.meterOf(place.topic);
    this.#parts = parts;
    this.ring = new Ring(0, parts.ringBudget, (block) => this.#evicted(block));
    this.#builder = new BlockBuilder(0, {
      targetBytes: deliveryLimits.liveBlockBytes,
      recordBytesMax: parts.recordBytesMax,
      onBlock: (built) => this.#append(built),
      isSkipped: (from, to, error) => parts.unreadable.isSkipped(place, from, to, error),
    });
    this.#trouble = new FeedTrouble(this, parts);
    parts.ringBudget.join(this.ring);
    void this.#open();
  }

  get openBytes(): number {
    return this.#builder.openBytes;
  }

  /** Where reading goes on: the end of ring and open block. */
  get next(): number {
    return this.#builder.next;
  }

  /** Epoch of what was read last, -1 before the first. */
  get epoch(): number {
    return this.#builder.epoch;
  }

  addCursor(cursor: StreamCursor, cls: StreamClass): void {
    this.#linger?.cancel();
    this.#linger = undefined;
    this.#cursorCount++;
    cls.add(cursor);
    if (cursor.policy === Policy.CONFLATE_KEY) this.#useList(cls);
    if (this.isReady && cursor.at >= 0)
      cursor.caughtUpAt = Math.max(cursor.at, this.ring.end, this.#reachTo);
  }

  removeCursor(cursor: StreamCursor): void {
    this.#cursorCount--;
    this.ahead.delete(cursor);
    const cls = this.classes.get(cursor.cls.name);
    if (cls === undefined) return;
    cls.remove(cursor);
    this.#dropIfUnused(cls);
  }

  /**
   * The class stays, and the feed open, although it may have no members: its id was told to somebody.
   *
   * @param startOffset where that stream probably begins, -1 when nobody knows
   */
  hold(cls: StreamClass, startOffset: number): void {
    if (!this.isReady && this.#wanted.length < WANTED_MAX) this.#wanted.push(startOffset);
    this.#linger?.cancel();
    this.#linger = undefined;
    this.#holdCount++;
    cls.holdCount++;
  }

  letGo(cls: StreamClass): void {
    this.#holdCount--;
    cls.holdCount--;
    this.#dropIfUnused(cls);
  }

  /** Forgets a class without members, and closes in a while when there are no cursors. */
  #dropIfUnused(cls: StreamClass): void {
    if (cls.members.length === 0 && cls.holdCount === 0) this.#dropClass(cls);
    if (this.#cursorCount + this.#holdCount > 0 || this.isClosed || this.#linger !== undefined)
      return;
    this.#linger = this.#parts.clock.setTimer(this.#parts.lingerMs, () => this.close());
  }

  /** Everybody was offered the last block: the next one may go. */
  seal(): void {
    this.isAnnounced = false;
    this.#builder.seal();
    this.#readOn();
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.isReady = false;
    this.#linger?.cancel();
    this.#trouble.close();
    this.#follower?.stop();
    this.ring.restart(this.ring.end);
    this.#parts.ringBudget.leave(this.ring);
    for (const { list } of this.#lists.values()) list.restart(0);
    this.#parts.host.closed(this);
  }

  /** Begins to read, or goes on, at the end of the ring; what was gathered but not sealed is read again. */
  follow(): void {
    if (this.isClosed) return;
    this.#follower?.stop();
    this.#isReadDone = false;
    const { end, endEpoch } = this.ring;
    this.#builder.restart(end, endEpoch);
    const { source } = this.#parts;
    this.#follower = source.follow(this.place, this.isolation, end, endEpoch, (read) =>
      this.#read(read),
    );
  }

  /** The ring begins anew at another place: what lies between is gone from the log, or was never read. */
  restart(at: number): void {
    this.#reachTo = 0;
    for (const cursor of this.#cursors()) cursor.leaveTail();
    this.ring.restart(at);
    this.isReady = true;
    for (const cls of this.classes.values()) {
      cls.matchedFrom = at;
      cls.hot = null;
      cls.conflation?.restart(at);
    }
    this.follow();
    for (const cursor of this.#cursors()) this.#parts.host.settle(cursor);
  }

  /**
   * The log was cut (an unclean election): drop what lies beyond, then tell who has seen it. The log that is left has
   * epochs up to `epoch` (Infinity when that is not known) below `endOffset`, but of the last of them it may have more than
   * there was here.
   */
  cut(endOffset: number, epoch: number, logStart: number): void {
    for (const cursor of this.#cursors()) cursor.leaveTail();
    this.#reachTo = 0;
    const left = this.ring.endOf(epoch);
    const offset = Math.min(endOffset, left.offset);
    this.ring.dropFrom(offset);
    this.#parts.host.cut(this, left.isExact ? offset : 0);
    const { end } = this.ring;
    for (const cls of this.classes.values()) {
      cls.entries.dropFrom(end);
      cls.matchedFrom = Math.min(cls.matchedFrom, end);
      cls.lowerMark(offset);
      cls.hot = null;
      cls.conflation?.restart(end);
    }
    this.follow();
    for (const cursor of this.#cursors()) {
      // Who has some parts of a record that is still there gets the others; of one that is gone it must be told.
      const isTorn = cursor.isMidRecord && cursor.recordEnd > offset;
      if (cursor.next > offset || isTorn) {
        const lostFrom = Math.min(offset, cursor.next);
        cursor.stop({ kind: 'DIVERGED', lostFrom, lostTo: cursor.next });
        continue;
      }
      if (cursor.epoch > epoch) {
        // It has read from a lost epoch, and nobody remembers where that began.
        const lostFrom = Math.min(logStart, cursor.next);
        cursor.stop({ kind: 'DIVERGED', lostFrom, lostTo: cursor.next });
        continue;
      }
      if (!cursor.isMidRecord) cursor.packet = null;
      cursor.at = Math.min(cursor.at, offset);
      this.#parts.host.settle(cursor);
    }
  }

  /** A read behind the ring failed with this wire error. */
  trouble(code: number): void {
    this.#trouble.failed(code);
  }

  /** Every stream of it ends. */
  end(outcome: CursorOutcome): void {
    for (const cursor of this.#cursors()) cursor.stop(outcome);
    this.close();
  }

  async #open(): Promise<void> {
    const { source } = this.#parts;
    const { topic, partition } = this.place;
    try {
      const bounds = await source.bounds(topic, partition, this.isolation);
      if (this.isClosed) return;
      for (const cursor of this.#cursors()) {
        if (cursor.at >= 0) cursor.caughtUpAt = Math.max(cursor.at, bounds.end);
      }
      const places = [...this.#wanted.splice(0), ...this.#cursors().map(({ at }) => at)];
      this.#openedFrom = beginning(places, bounds);
      this.restart(this.#openedFrom);
      this.#reachTo = bounds.end;
    } catch (error) {
      this.#parts.log.warnLimited(`feed ${this.name}`, 'a partition cannot be read yet', {
        partition: `${topic}-${partition}`,
        why: asError(error).message,
      });
      this.#parts.clock.setTimer(deliveryLimits.retryMs, () => {
        if (!this.isClosed) void this.#open();
      });
    }
  }

  /** All cursors as of now. */
  #cursors(): StreamCursor[] {
    return [...this.classes.values()].flatMap((cls) => cls.members);
  }

  #read(read: PartitionRead): void {
    if (this.isClosed) return;
    if (read.errorCode !== 0) {
      this.#trouble.failed(read.errorCode);
      return;
    }
    if (read.divergingEpoch !== undefined) {
      // The leader has the epochs up to this one: it may have more of the last of them than there was here.
      const { epoch, endOffset } = read.divergingEpoch;
      this.cut(endOffset, epoch, read.logStartOffset);
      return;
    }
    if (!this.#builder.isOpen) this.#openedAtMs = this.#parts.clock.monotonicMs();
    this.#highWatermark = Math.max(this.#highWatermark, read.highWatermark);
    try {
      this.#builder.add(read);
    } catch {
      // Nobody can tell where reading could go on.
      this.end({ kind: 'FAILED', code: ErrorCode.INTERNAL });
      return;
    }
    this.#isReadDone = true;
    if (this.ring.end < this.#reachTo && this.ring.start > this.#openedFrom) {
      // More lies between than the ring can hold: its readers are behind it anyway.
      this.restart(this.#reachTo);
      return;
    }
    if (!this.#builder.isOpen) this.#readOn();
    else if (!this.isAnnounced) {
      this.isAnnounced = true;
      this.#parts.host.opened(this);
    }
  }

  /**
   * Asks for more. Not before the open block is sealed: what comes meanwhile waits with the broker and comes in one answer,
   * where record by record would be thousands of Fetch requests a second.
   */
  #readOn(): void {
    if (!this.#isReadDone) return;
    this.#isReadDone = false;
    this.#follower?.next(this.#builder.next, this.#builder.epoch);
  }

  #append(built: BuiltBlock): void {
    const block = new Block(
      {
        ...built,
        isCold: false,
        highWatermark: this.#highWatermark,
        arrivedAtMs: this.#openedAtMs,
      },
      this.ring,
      deliveryLimits.blockOverheadBytes,
    );
    this.#openedAtMs = this.#parts.clock.monotonicMs();
    this.ring.push(block);
    const { host } = this.#parts;
    this.classes.match(block, (cls, entry) => {
      cls.conflation?.add(entry);
      host.matched(cls, entry);
    });
    for (const cursor of this.ahead) {
      if (cursor.at > this.ring.end) continue;
      this.ahead.delete(cursor);
      host.settle(cursor);
    }
    this.#parts.ringBudget.settle();
  }

  #evicted(block: Block): void {
    for (const cls of block.matched) cls.entries.dropFirst(block);
    this.#parts.evicted();
  }

  #useList(cls: StreamClass): void {
    if (cls.conflation !== null) return;
    const name = cls.filter?.id ?? '';
    let known = this.#lists.get(name);
    if (known === undefined) {
      const list = new ConflationList(this.ring.end, this.#parts.conflationBudget);
      known = { list, users: 0 };
      this.#lists.set(name, known);
    }
    known.users++;
    cls.conflation = known.list;
  }

  #dropClass(cls: StreamClass): void {
    this.classes.remove(cls);
    if (cls.conflation === null) return;
    const name = cls.filter?.id ?? '';
    const known = this.#lists.get(name);
    if (known === undefined || --known.users > 0) return;
    known.list.restart(0);
    this.#lists.delete(name);
  }
}
