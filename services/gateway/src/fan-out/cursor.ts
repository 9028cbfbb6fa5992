import { Policy } from '@millrace/gateway-protocol';
import { deliveryLimits } from '../limits.ts';
import type { TopicMeter } from '../topic-meters.ts';
import type { Place } from '../upstream.ts';
import type { ConflationList } from './conflation-list.ts';
import type {
  CreditWindow,
  Cursor,
  CursorEvents,
  CursorOptions,
  CursorOutcome,
  CursorState,
} from './contract.ts';
import type { Waiting } from './deadline-heap.ts';
import type { HeldRecords } from './held-records.ts';
import type { MatchedClass } from './match.ts';
import type { Outlet } from './outlet.ts';
import type { Packet } from './packet.ts';
import type { FrameShape } from './packet-maker.ts';
import type { RateLimit } from './rate-limit.ts';
import type { Ring } from './ring.ts';
import type { SlowJudge } from './slow-judge.ts';

/** The reader of a cursor's partition, as the cursor and those who move it see it. */
export interface CursorFeed {
  readonly name: string;
  readonly place: Place;
  readonly isolation: number;
  readonly ring: Ring;
  /** The ring has a place in the log. Before that nobody is hot or cold. */
  readonly isReady: boolean;
  /** Cursors beyond the end of the ring. */
  readonly ahead: Set<StreamCursor>;
  /** The loop passes this count when everybody was offered the last block who waits for an ordinary turn. */
  offeredAt: number;
  /** Classes that the last block is on its way along. */
  walks: number;
  /** Counts of its topic, when that is listed. */
  readonly meter: TopicMeter | null;
  removeCursor(cursor: StreamCursor): void;
  /** A read behind the ring failed with this wire error. */
  trouble(code: number): void;
}

/** The class of a cursor, as far as it decides what comes next. */
export interface CursorClass extends MatchedClass {
  readonly name: string;
  readonly feed: CursorFeed;
  readonly shape: FrameShape;
  /** Bytes of records that ever matched, for P5. */
  readonly matchedBytes: number;
  /** What takes those at the end of the ring to its new end in one small frame; null when there is no such thing. */
  hot: Packet | null;
  readonly conflation: ConflationList | null;
  progressMark(nowMs: number, periodMs: number): number;
  /** Epoch of what ends at that mark, -1 unknown. */
  readonly progressEpoch: number;
}

/** What a cursor asks of the machinery around it. */
export interface CursorHost {
  /** It may have something to do: look where it stands. */
  settle(cursor: StreamCursor): void;
  readonly heldRecords: HeldRecords;
  /** It leaves for good. */
  remove(cursor: StreamCursor): void;
  nowMs(): number;
}

/**
 * Where one stream reads next. There is one machine for catch-up and live (§12.1): `at` decides where the next block
 * comes from, and nothing else changes.
 */
export class StreamCursor implements Cursor, Waiting {
  // First what every block wants of every cursor, in few lines of the cache.
  readonly cls: CursorClass;
  readonly outlet: CursorOutlet;
  readonly window: CreditWindow;
  /** The client stands here: the next frame begins with it. */
  next: number;
  /** Everything below was looked at; at or above `next`, for what passes no filter makes no frame. */
  at: number;
  /** Epoch of what ends at `next`, -1 unknown. */
  epoch: number;
  /** At the end of the ring, wherever that moves: `at` means nothing meanwhile. */
  isTail = false;
  /** A block came while it was there; the walk along its class comes by. */
  awaitsWalk = false;
  /** Its connection has no other stream, with which it would share a write (P2). */
  isAlone = false;
  /** Every frame of its class is for it as it is, at once: no rate, no policy that skips. */
  readonly isPlain: boolean;
  isPaused = false;
  /** Waits for `continueAt` after an outcome. */
  isStopped = false;
  isDetached = false;
  readonly maxWaitMs: number;
  readyIndex = -1;
  /** The next step, when it was looked up already or is one of a chain. */
  packet: Packet | null = null;
  /** CaughtUp is due when this is reached; -1 when it was sent. */
  caughtUpAt = -1;
  /** `matchedBytes` of its class when it was sent something last (P5). */
  matchedAtSend = 0;
  readonly events: CursorEvents;
  /** A `Policy`, and the lag it allows; 0 = any. Milliseconds. */
  readonly policy: number;
  readonly maxLagMs: number;
  readonly #host: CursorHost;
  /** `next` as the last round of Progress found or left it. */
  #nextAtRound: number;
  /** What ended here was of this epoch, when it was passed over without a frame. */
  #passedTo = -1;
  #passedEpoch = -1;
  /** First part of the large record whose parts are on their way. */
  #record: Packet | null = null;
  isSnapshot: boolean;
  /** Its right to send in this turn (P2). Bytes. */
  deficit = 0;
  /** Waits for a read behind the ring. */
  isWaitingCold = false;
  readonly rate: RateLimit | null;
  judge: SlowJudge | null = null;
  memberIndex = -1;
  dueAtMs = -1;

  constructor(
    host: CursorHost,
    outlet: CursorOutlet,
    cls: CursorClass,
    options: CursorOptions,
    events: CursorEvents,
  ) {
    this.#host = host;
    this.outlet = outlet;
    this.cls = cls;
    this.policy = options.policy;
    this.maxLagMs = options.maxLagMs;
    this.events = events;
    this.next = options.startOffset;
    this.#nextAtRound = options.startOffset;
    this.at = options.startOffset;
    this.epoch = options.startEpoch;
    this.isSnapshot = options.snapshot;
    this.maxWaitMs = options.maxWaitMs;
    this.window = options.window;
    const neverSkips = options.policy === Policy.PAUSE || options.policy === Policy.DISCONNECT;
    this.isPlain = neverSkips && options.rate === null && !options.snapshot;
    this.rate = options.rate;
  }

  get feed(): CursorFeed {
    return this.cls.feed;
  }

  get streamId(): number {
    return this.cls.shape.streamId;
  }

  get partition(): number {
    return this.feed.place.partition;
  }

  get nextOffset(): number {
    return this.next;
  }

  get leaderEpoch(): number {
    return this.epoch;
  }

  /** Everything below needs no frame any more. */
  get position(): number {
    return this.isTail ? this.feed.ring.end : this.at;
  }

  get state(): CursorState {
    if (this.isDetached) return 'detached';
    if (this.isStopped) return 'stopped';
    if (this.at < 0 || !this.feed.isReady) return 'pending';
    if (this.isTail || this.at >= this.feed.ring.end) return 'tail';
    return this.at < this.feed.ring.start ? 'cold' : 'hot';
  }

  /** Where the record ends whose parts are on their way. */
  get recordEnd(): number {
    let packet = this.packet;
    while (packet !== null && packet.next === packet.from) packet = packet.following;
    return packet?.next ?? this.next;
  }

  /** True between the parts of a large record. */
  get isMidRecord(): boolean {
    return this.#record !== null;
  }

  /** Nothing may be sent for it now. */
  get isHeld(): boolean {
    return this.isPaused || this.isStopped || this.isDetached || this.at < 0;
  }

  /** Delivers the latest record of each key. */
  get isConflating(): boolean {
    return this.isSnapshot || this.policy === Policy.CONFLATE_KEY;
  }

  pause(): void {
    if (this.isPaused) return;
    this.isPaused = true;
    this.leaveTail();
    this.dropPacket();
    this.outlet.removeReady(this);
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.#host.settle(this);
  }

  continueAt(offset: number, epoch: number): void {
    if (this.isDetached) return;
    this.leaveTail();
    this.next = offset;
    this.at = offset;
    this.epoch = epoch;
    this.packet = null;
    this.endRecord();
    this.isStopped = false;
    this.caughtUpAt = this.feed.isReady ? Math.max(offset, this.feed.ring.end) : -1;
    this.#host.settle(this);
  }

  detach(): void {
    if (this.isDetached) return;
    this.isDetached = true;
    this.endRecord();
    this.outlet.removeReady(this);
    this.#host.remove(this);
  }

  progressDue(): boolean {
    const isQuiet = this.next === this.#nextAtRound;
    this.#nextAtRound = this.next;
    return isQuiet && this.#announceable() > this.next;
  }

  takeProgress(): number {
    const offset = this.#announceable();
    if (offset <= this.next) return -1;
    this.moveTo(offset);
    this.#nextAtRound = offset;
    return offset;
  }

  /** Stands still until the session decides, and says why. */
  stop(outcome: CursorOutcome): void {
    if (this.isStopped || this.isDetached) return;
    this.#stand();
    this.events.outcome(this, outcome);
  }

  /** Policy DISCONNECT holds. */
  tooSlow(): void {
    if (this.isStopped || this.isDetached) return;
    this.#stand();
    this.events.slow(this);
  }

  /** The client is told, or about to be, that it stands at its position. */
  announce(): void {
    const { position } = this;
    if (position <= this.next) return;
    this.moveTo(position);
    this.events.progress(this, position);
  }

  /** The client knows of everything below. */
  moveTo(offset: number, epoch = this.#epochAt(offset)): void {
    this.next = offset;
    this.epoch = epoch;
    if (!this.isTail && this.at < offset) this.at = offset;
    this.packet = null;
  }

  /** A frame that is not sent now is looked up again then: kept, it would hold memory that nobody counts, and grow old. */
  dropPacket(): void {
    if (!this.isMidRecord) this.packet = null;
  }

  /** A part of a large record was sent that is not the last: the others are kept until they were, too. */
  beginRecord(part: Packet): void {
    if (this.#record !== null) return;
    this.#record = part;
    this.#host.heldRecords.hold(part);
  }

  endRecord(): void {
    if (this.#record === null) return;
    this.#host.heldRecords.release(this.#record);
    this.#record = null;
  }

  /** Everything below was looked at, the last of it under this epoch. */
  passOver(offset: number, epoch: number): void {
    this.at = offset;
    this.#passedTo = offset;
    this.#passedEpoch = epoch;
  }

  /** Away from the moving end: its place is fixed from now on. */
  leaveTail(): void {
    if (!this.isTail) return;
    const { end, endEpoch } = this.feed.ring;
    this.passOver(end, endEpoch);
    this.isTail = false;
  }

  #stand(): void {
    this.leaveTail();
    this.isStopped = true;
    this.packet = null;
    this.endRecord();
    this.outlet.removeReady(this);
  }

  /** An epoch that a position at an offset may have. One that ended before it would make it a position in a lost log. */
  #epochAt(offset: number): number {
    const epoch = this.feed.ring.epochAt(offset);
    if (epoch >= 0) return epoch;
    if (offset === this.#passedTo) return this.#passedEpoch;
    return this.isTail ? this.cls.progressEpoch : -1;
  }

  #announceable(): number {
    if (this.isStopped || this.isDetached || this.isMidRecord || this.at < 0) return -1;
    if (!this.isTail) return this.packet === null ? this.at : -1;
    return this.cls.progressMark(this.#host.nowMs(), deliveryLimits.progressPeriodMs);
  }
}

export type CursorOutlet = Outlet<StreamCursor>;
