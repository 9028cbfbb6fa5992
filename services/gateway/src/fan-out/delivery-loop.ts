import type { Clock, Timer } from '@millrace/base';
import { deliveryLimits } from '../limits.ts';
import type { GatewayMetrics } from '../metrics.ts';
import type { Entry } from './block.ts';
import { ClassWalks } from './class-walks.ts';
import type { ColdReads } from './cold-reads.ts';
import type { CursorOutlet, StreamCursor } from './cursor.ts';
import { DeadlineHeap } from './deadline-heap.ts';
import { DeliveryStats } from './delivery-stats.ts';
import type { Feed } from './feed.ts';
import { OutletQueue } from './outlet-queue.ts';
import type { EncodingCount } from './packet-maker.ts';
import type { StreamClass } from './stream-class.ts';
import { Turn } from './turn.ts';

export interface DeliveryLoopParts {
  readonly clock: Clock;
  readonly metrics: GatewayMetrics;
  readonly cold: ColdReads;
  readonly encodings: EncodingCount;
  readonly tickMs: number;
  readonly budgetMs: number;
  readonly coldRatio: number;
  /** Frames were made: what holds them keeps its bounds. */
  readonly settle: () => void;
  /** Runs something soon, after the sockets had their turn. */
  readonly defer: (work: () => void) => void;
}

/** The clock is looked at after so many connections. */
const VISITS_PER_LOOK = 64;
/** So many connections that read for the first time are a crowd: between two ticks, and for each ms from one to the next. */
const CROWD = 8;
const CROWD_PER_MS = 0.2;
/** While a crowd comes, a tick is followed by so many times its length for it. */
const CROWD_REST = 3;
/** Shares of live and catch-up traffic are forgotten by halves beyond this. Bytes. */
const SHARE_WINDOW_BYTES = 4 << 20;

/**
 * The delivery loop (§12.4). Connections that may have something to send wait in a queue; each gets one write per turn.
 * A feed's open block is sealed when everybody who had to be offered the one before had a turn, so that a busy loop
 * makes larger blocks rather than more writes.
 */
export class DeliveryLoop {
  readonly #parts: DeliveryLoopParts;
  readonly #stats: DeliveryStats;
  readonly #live = new OutletQueue('live');
  readonly #cold = new OutletQueue('cold');
  readonly #deadlines = new DeadlineHeap<StreamCursor>();
  readonly #turn: Turn;
  readonly #walks: ClassWalks;
  readonly #run = () => this.#tick();
  #open: Feed[] = [];
  #isScheduled = false;
  #isClosed = false;
  #timer: Timer | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #startedAtMs = Number.NEGATIVE_INFINITY;
  /** The next tick comes so long after `#startedAtMs`. */
  #restMs = 0;
  /** Connections that had their first stream attached since the last tick. */
  #newcomers = 0;
  #nowMs = 0;
  #liveBytes = 0;
  #coldBytes = 0;

  constructor(parts: DeliveryLoopParts) {
    this.#parts = parts;
    this.#stats = new DeliveryStats(parts.metrics, parts.encodings, parts.clock);
    this.#turn = new Turn({
      cold: parts.cold,
      stats: this.#stats,
      nowMs: parts.clock.monotonicMs(),
      settle: (cursor) => this.settle(cursor),
      await: (cursor, atMs) => this.#await(cursor, atMs),
    });
    this.#walks = new ClassWalks(this.#turn, (cursor) => this.#visitOne(cursor));
  }

  /** Connections with unsent bytes. */
  get blockedCount(): number {
    return this.#turn.blockedCount;
  }

  /** When a socket took something last. Monotonic ms. */
  get progressAtMs(): number {
    return this.#turn.progressAtMs;
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  /**
   * A connection has its first stream. While many come, delivery leaves most of the time to those who still wait for
   * theirs: what it does later it does in fewer writes. Those who are there cannot ask for that by subscribing again.
   */
  joined(): void {
    this.#newcomers++;
  }

  /** Records wait in a feed's open block. */
  opened(feed: Feed): void {
    this.#open.push(feed);
    this.#schedule();
  }

  /** Wakes the members of a class that were at the end of the ring. */
  matched(cls: StreamClass, { block }: Entry): void {
    cls.matchedBytes += block.payload.length;
    cls.hot = null;
    let isWalk = false;
    for (const cursor of cls.members) {
      if (cursor.isTail) {
        cursor.isTail = false;
        cursor.at = block.from;
        if (cursor.maxWaitMs > 0) this.#await(cursor, block.arrivedAtMs + cursor.maxWaitMs);
        else if (cursor.isAlone) {
          cursor.awaitsWalk = true;
          isWalk = true;
        } else this.#makeReady(cursor);
      }
      if (cursor.maxWaitMs > 0 && cursor.dueAtMs >= 0) this.#endWaitWhenFull(cursor);
    }
    if (isWalk) {
      this.#walks.begin(cls);
      this.#schedule();
    }
    cls.feed.offeredAt = this.#live.joined;
  }

  /** Finds out where a cursor stands and lets it go on. */
  settle(cursor: StreamCursor): void {
    if (cursor.isHeld || cursor.isTail || !cursor.feed.isReady) return;
    if (cursor.at > cursor.feed.ring.end) {
      cursor.feed.ahead.add(cursor);
      return;
    }
    this.#makeReady(cursor);
  }

  /** Control frames, credit or room came. */
  wake(outlet: CursorOutlet): void {
    if (outlet.isBlocked) this.#turn.progressAtMs = this.#parts.clock.monotonicMs();
    outlet.mayHoldBytes = true;
    this.#enqueue(outlet);
  }

  #makeReady(cursor: StreamCursor): void {
    const { outlet } = cursor;
    outlet.addReady(cursor);
    if (!outlet.isQueued && !outlet.isBlocked) this.#enqueue(outlet);
  }

  #enqueue(outlet: CursorOutlet): void {
    if (outlet.isQueued || outlet.isGone) return;
    outlet.isQueued = true;
    this.#live.push(outlet);
    this.#schedule();
  }

  #enqueueCold(outlet: CursorOutlet): void {
    if (outlet.isQueuedCold || outlet.isGone) return;
    outlet.isQueuedCold = true;
    this.#cold.push(outlet);
    this.#schedule();
  }

  /** A tick comes as soon as the last one is `tickMs` ago, in a crowd later. */
  #schedule(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    const { clock, defer } = this.#parts;
    const waitMs = this.#startedAtMs + this.#restMs - clock.monotonicMs();
    if (waitMs > 0) clock.setTimer(waitMs, this.#run);
    else defer(this.#run);
  }

  #tick(): void {
    if (this.#isClosed) return;
    const { clock, budgetMs, tickMs } = this.#parts;
    const startMs = clock.monotonicMs();
    const sinceMs = startMs - this.#startedAtMs;
    this.#startedAtMs = startMs;
    this.#nowMs = startMs;
    this.#fireDeadlines();
    this.#sealOffered();
    this.#halveShares();
    for (let visits = 0; ; ) {
      const walked = this.#walks.step(this.#nowMs);
      this.#liveBytes += this.#walks.sentBytes;
      const outlet = this.#nextOutlet();
      if (outlet === undefined && walked === 0) {
        if (!this.#sealOffered()) break;
      }
      visits += walked + 1;
      if (visits >= VISITS_PER_LOOK) {
        visits = 0;
        this.#nowMs = clock.monotonicMs();
        if (this.#nowMs - startMs >= budgetMs) break;
      }
    }
    this.#parts.settle();
    const tookMs = clock.monotonicMs() - startMs;
    this.#stats.flush(tookMs);
    const isCrowd = this.#newcomers >= Math.max(CROWD, CROWD_PER_MS * sinceMs);
    this.#newcomers = 0;
    this.#restMs = isCrowd ? Math.max(tickMs, (1 + CROWD_REST) * tookMs) : tickMs;
    // Whatever asked for another tick meanwhile is among these.
    this.#isScheduled = false;
    // A tick that ends early leaves open blocks behind, even when it visited the last connection.
    const hasTurns = !this.#live.isEmpty || !this.#walks.isEmpty || !this.#cold.isEmpty;
    if (hasTurns || this.#open.length > 0) this.#schedule();
    this.#armTimer();
  }

  /** Gives the next connection its turn. Live work goes first, unless catch-up is below its share. */
  #nextOutlet(): CursorOutlet | undefined {
    const coldShare = this.#parts.coldRatio * (this.#liveBytes + this.#coldBytes);
    const hasLive = !this.#live.isEmpty || !this.#walks.isEmpty;
    const isColdsTurn = !this.#cold.isEmpty && (!hasLive || this.#coldBytes < coldShare);
    if (isColdsTurn) {
      const outlet = this.#cold.shift() as CursorOutlet;
      outlet.isQueuedCold = false;
      this.#visit(outlet, true);
      return outlet;
    }
    const outlet = this.#live.shift();
    if (outlet === undefined) return undefined;
    outlet.isQueued = false;
    this.#visit(outlet, false);
    return outlet;
  }

  /** A walk comes by one who needs an ordinary turn. */
  #visitOne(cursor: StreamCursor): void {
    const { outlet } = cursor;
    outlet.addReady(cursor);
    if (!outlet.isQueued && !outlet.isBlocked && !outlet.isGone) this.#visit(outlet, false);
  }

  #visit(outlet: CursorOutlet, withCold: boolean): void {
    const turn = this.#turn;
    turn.take(outlet, withCold, this.#nowMs);
    this.#liveBytes += turn.liveBytes;
    this.#coldBytes += turn.coldBytes;
    outlet.share.took(turn.liveBytes + turn.coldBytes);
    if (turn.isUnfinished) this.#enqueue(outlet);
    if (turn.sawCold) this.#enqueueCold(outlet);
  }

  /** The connection is gone; what it held is not counted any more. */
  remove(outlet: CursorOutlet): void {
    this.#turn.setBlocked(outlet, false);
    outlet.isGone = true;
  }

  /** Seals the open blocks of feeds whose last block everybody was offered. True when somebody was woken. */
  #sealOffered(): boolean {
    if (this.#open.length === 0) return false;
    const feeds = this.#open;
    this.#open = [];
    for (const feed of feeds) {
      if (feed.isClosed) continue;
      if (feed.walks === 0 && this.#live.left >= feed.offeredAt) feed.seal();
      else this.#open.push(feed);
    }
    return !this.#live.isEmpty || !this.#walks.isEmpty;
  }

  #await(cursor: StreamCursor, atMs: number): void {
    this.#deadlines.add(cursor, atMs);
    this.#armTimer();
  }

  #endWaitWhenFull(cursor: StreamCursor): void {
    const waiting = cursor.cls.matchedBytes - cursor.matchedAtSend;
    if (waiting < deliveryLimits.waitEndsAtBytes || cursor.rate !== null) return;
    cursor.dueAtMs = -1;
    this.#makeReady(cursor);
  }

  #fireDeadlines(): void {
    for (;;) {
      const cursor = this.#deadlines.take(this.#nowMs);
      if (cursor === undefined) return;
      if (!cursor.isHeld && !cursor.isTail) this.#makeReady(cursor);
    }
  }

  #armTimer(): void {
    const atMs = this.#deadlines.nextAtMs;
    if (atMs >= this.#timerAtMs || this.#isClosed) return;
    this.#timer?.cancel();
    this.#timerAtMs = atMs;
    const { clock } = this.#parts;
    this.#timer = clock.setTimer(Math.max(0, atMs - clock.monotonicMs()), () => {
      this.#timerAtMs = Number.POSITIVE_INFINITY;
      this.#schedule();
    });
  }

  #halveShares(): void {
    if (this.#liveBytes + this.#coldBytes < SHARE_WINDOW_BYTES) return;
    this.#liveBytes /= 2;
    this.#coldBytes /= 2;
  }
}
