import { assert, type Clock, type Timer } from '@millrace/base';
import { deliveryLimits } from '../limits.ts';
import type { GatewayMetrics } from '../metrics.ts';
import type { ColdReads } from './cold-reads.ts';
import type { StreamCursor } from './cursor.ts';
import { DeadlineHeap } from './deadline-heap.ts';
import { DeliveryStats } from './delivery-stats.ts';
import type { Entry } from './entry.ts';
import type { Feed } from './feed.ts';
import { nextPacket, Standstill } from './next-packet.ts';
import type { Outlet } from './outlet.ts';
import { OutletQueue } from './outlet-queue.ts';
import { type Packet, PacketKind } from './packet.ts';
import { type EncodingCount, WS_HEADER_BYTES } from './packet-maker.ts';
import type { RateLimit } from './rate-limit.ts';
import type { StreamClass } from './stream-class.ts';
import { controlRoom, WriteBatch } from './write-batch.ts';

export interface DeliveryLoopParts {
  readonly clock: Clock;
  readonly metrics: GatewayMetrics;
  readonly cold: ColdReads;
  readonly encodings: EncodingCount;
  readonly tickMs: number;
  readonly budgetMs: number;
  readonly coldRatio: number;
  /** Runs something soon, after the sockets had their turn. */
  readonly defer: (work: () => void) => void;
}

/** The clock is looked at after so many connections. */
const CLOCK_MASK = 15;
/** Shares of live and catch-up traffic are forgotten by halves beyond this. Bytes. */
const SHARE_WINDOW_BYTES = 4 << 20;

/** What serving one cursor came to. */
const Served = {
  /** Nothing more for now. */
  nothing: 0,
  /** Something was taken; there may be more. */
  some: 1,
  /** The write is full. */
  full: 2,
} as const;
type Served = (typeof Served)[keyof typeof Served];

/**
 * The delivery loop (§12.4). Connections that may have something to send wait in a queue; each gets one write per turn.
 * A feed's open block is sealed when everybody who had to be offered the one before had a turn, so that a busy loop
 * makes larger blocks rather than more writes.
 */
export class DeliveryLoop {
  readonly #parts: DeliveryLoopParts;
  readonly #stats: DeliveryStats;
  readonly #live = new OutletQueue();
  readonly #cold = new OutletQueue();
  readonly #deadlines = new DeadlineHeap<StreamCursor>();
  readonly #caughtUp: StreamCursor[] = [];
  readonly #batch: WriteBatch;
  readonly #run = () => this.#tick();
  #open: Feed[] = [];
  #isScheduled = false;
  #isClosed = false;
  #timer: Timer | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #startedAtMs = Number.NEGATIVE_INFINITY;
  #nowMs = 0;
  #liveBytes = 0;
  #coldBytes = 0;
  /** This turn: cold cursors were passed over; there is more to send. */
  #sawCold = false;
  #again = false;
  #unsent = 0;
  blockedCount = 0;
  progressAtMs = 0;

  constructor(parts: DeliveryLoopParts) {
    this.#parts = parts;
    this.#stats = new DeliveryStats(parts.metrics, parts.encodings);
    this.#batch = new WriteBatch(this.#stats);
    this.progressAtMs = parts.clock.monotonicMs();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  /** Records wait in a feed's open block. */
  opened(feed: Feed): void {
    this.#open.push(feed);
    this.#schedule();
  }

  /** Wakes the members of a class that were at the end of the ring. */
  matched(cls: StreamClass, { block }: Entry): void {
    const { members } = cls;
    const count = members.length;
    cls.matchedBytes += block.payload.length;
    if (count === 0) return;
    const first = cls.turn++ % count;
    for (let i = 0, at = first; i < count; i++) {
      const cursor = members[at] as StreamCursor;
      if (++at === count) at = 0;
      if (cursor.isTail) {
        cursor.isTail = false;
        cursor.at = block.from;
        if (cursor.maxWaitMs === 0) this.#makeReady(cursor);
        else this.#await(cursor, block.arrivedAtMs + cursor.maxWaitMs);
      }
      if (cursor.maxWaitMs > 0 && cursor.dueAtMs >= 0) this.#endWaitWhenFull(cursor);
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
  wake(outlet: Outlet): void {
    if (outlet.isBlocked) this.progressAtMs = this.#parts.clock.monotonicMs();
    outlet.mayHoldBytes = true;
    this.#enqueue(outlet);
  }

  #makeReady(cursor: StreamCursor): void {
    const { outlet } = cursor;
    outlet.addReady(cursor);
    if (!outlet.isQueued && !outlet.isBlocked) this.#enqueue(outlet);
  }

  #enqueue(outlet: Outlet): void {
    if (outlet.isQueued || outlet.isGone) return;
    outlet.isQueued = true;
    this.#live.push(outlet);
    this.#schedule();
  }

  #enqueueCold(outlet: Outlet): void {
    if (outlet.isQueuedCold || outlet.isGone) return;
    outlet.isQueuedCold = true;
    this.#cold.push(outlet);
    this.#schedule();
  }

  /** A tick comes as soon as the last one is `tickMs` ago. */
  #schedule(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    const { clock, tickMs, defer } = this.#parts;
    const waitMs = this.#startedAtMs + tickMs - clock.monotonicMs();
    if (waitMs > 0) clock.setTimer(waitMs, this.#run);
    else defer(this.#run);
  }

  #tick(): void {
    this.#isScheduled = false;
    if (this.#isClosed) return;
    const { clock, budgetMs } = this.#parts;
    const startMs = clock.monotonicMs();
    this.#startedAtMs = startMs;
    this.#nowMs = startMs;
    this.#fireDeadlines();
    this.#sealOffered();
    this.#halveShares();
    for (let visits = 1; ; visits++) {
      const outlet = this.#nextOutlet();
      if (outlet === undefined) {
        if (!this.#sealOffered()) break;
      } else if ((visits & CLOCK_MASK) === 0) {
        this.#nowMs = clock.monotonicMs();
        if (this.#nowMs - startMs >= budgetMs) break;
      }
    }
    this.#stats.flush(clock.monotonicMs() - startMs);
    if (!this.#live.isEmpty || !this.#cold.isEmpty) this.#schedule();
    this.#armTimer();
  }

  /** Gives the next connection its turn. Live work goes first, unless catch-up is below its share. */
  #nextOutlet(): Outlet | undefined {
    const coldShare = this.#parts.coldRatio * (this.#liveBytes + this.#coldBytes);
    const isColdsTurn = !this.#cold.isEmpty && (this.#live.isEmpty || this.#coldBytes < coldShare);
    if (isColdsTurn) {
      const outlet = this.#cold.shift() as Outlet;
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

  /** One connection's turn: control first, then its streams, in one write (P2). */
  #visit(outlet: Outlet, withCold: boolean): void {
    if (outlet.isGone) return;
    const { target } = outlet;
    this.#unsent = outlet.mayHoldBytes ? target.socket.unsentBytes() : 0;
    this.#setBlocked(outlet, this.#unsent > deliveryLimits.drainedBytes && outlet.isBlocked);
    this.#sawCold = false;
    this.#again = false;
    this.#batch.begin(target, this.#unsent);
    const fits = target.control.bytes <= controlRoom(this.#unsent);
    if (!outlet.isBlocked && fits) this.#gather(outlet, withCold);
    this.#write(outlet);
    if (this.#caughtUp.length > 0) this.#tellCaughtUp();
    if (outlet.isGone) return;
    if (this.#again || (target.control.bytes > 0 && !outlet.isBlocked)) this.#enqueue(outlet);
    if (this.#sawCold) this.#enqueueCold(outlet);
  }

  /** Takes frames of the ready streams, in turn, each as far as its deficit allows. */
  #gather(outlet: Outlet, withCold: boolean): void {
    const { ready } = outlet;
    for (let idle = 0; idle < ready.length; ) {
      if (outlet.turn >= ready.length) outlet.turn = 0;
      const cursor = ready[outlet.turn] as StreamCursor;
      if (!withCold && cursor.at < cursor.feed.ring.start) {
        this.#sawCold = true;
        outlet.turn++;
        idle++;
        continue;
      }
      const { quantumBytes } = deliveryLimits;
      cursor.deficit = Math.min(cursor.deficit + quantumBytes, 4 * quantumBytes);
      const served = this.#serve(outlet, cursor);
      if (served === Served.full || outlet.isGone) return;
      idle = served === Served.some ? 0 : idle + 1;
      if (ready[outlet.turn] === cursor) outlet.turn++;
    }
  }

  /** Takes frames of one stream. */
  #serve(outlet: Outlet, cursor: StreamCursor): Served {
    let served: Served = Served.nothing;
    while (!cursor.isHeld) {
      const packet = nextPacket(cursor, this.#parts.cold, this.#nowMs);
      if (typeof packet === 'number') {
        this.#stand(outlet, cursor, packet);
        return served;
      }
      if (packet.kind === PacketKind.data) {
        const taken = this.#take(outlet, cursor, packet);
        if (taken !== Served.some) return taken === Served.full ? taken : served;
        served = Served.some;
        if (cursor.readyIndex < 0) return served;
      } else if (!this.#step(cursor, packet)) return Served.full;
    }
    outlet.removeReady(cursor);
    return served;
  }

  /** A step without a frame. False when what was taken must go out first. */
  #step(cursor: StreamCursor, packet: Packet): boolean {
    if (packet.kind === PacketKind.silence) {
      cursor.at = packet.next;
      cursor.packet = packet.following;
      return true;
    }
    if (this.#batch.count > 0) {
      this.#again = true;
      return false;
    }
    if (packet.kind === PacketKind.progress) {
      cursor.moveTo(packet.next);
      cursor.packet = packet.following;
      cursor.events.progress(cursor, packet.next);
      return true;
    }
    if (packet.gapFrom > cursor.next) {
      cursor.moveTo(packet.gapFrom);
      cursor.events.progress(cursor, packet.gapFrom);
    }
    if (cursor.isHeld) return true;
    cursor.moveTo(packet.next);
    cursor.packet = packet.following;
    cursor.events.gap(cursor, packet.gapFrom, packet.next, packet.gapReason);
    return true;
  }

  /** Takes one frame into the write, if rules P2 to P5 allow. */
  #take(outlet: Outlet, cursor: StreamCursor, packet: Packet): Served {
    const { target } = outlet;
    const { window } = cursor;
    // The later parts of a record follow whatever the credit: the client returns it for the whole.
    const isStarved = target.creditBytes <= 0 || window.bytes <= 0;
    if (isStarved && !cursor.isMidRecord) return Served.nothing;
    const batch = this.#batch;
    const bytes = packet.bytes.length + WS_HEADER_BYTES;
    const taken = batch.bytes + target.control.bytes;
    if (bytes > cursor.deficit && batch.count > 0) {
      this.#again = true;
      return Served.nothing;
    }
    if (taken > 0 && taken + bytes > deliveryLimits.writeBytesMax) {
      this.#again = true;
      return Served.full;
    }
    if (this.#unsent + taken + bytes > deliveryLimits.dataUnsentBytesMax) {
      this.#setBlocked(outlet, true);
      return Served.full;
    }
    if (cursor.rate !== null && !this.#mayPass(outlet, cursor, packet)) return Served.nothing;
    assert(packet.from === cursor.next, 'I1: a frame begins where the client stands');
    target.creditBytes -= packet.charge;
    window.bytes -= packet.charge;
    cursor.deficit -= bytes;
    batch.add(packet, this.#nowMs);
    this.#advance(outlet, cursor, packet);
    return Served.some;
  }

  /** The rate limit of a stream (P5). */
  #mayPass(outlet: Outlet, cursor: StreamCursor, packet: Packet): boolean {
    const rate = cursor.rate as RateLimit;
    const waitMs = cursor.isMidRecord ? 0 : rate.waitMs(this.#nowMs);
    if (waitMs === 0) {
      rate.take(packet.records);
      return true;
    }
    outlet.removeReady(cursor);
    this.#await(cursor, this.#nowMs + waitMs);
    return false;
  }

  #advance(outlet: Outlet, cursor: StreamCursor, packet: Packet): void {
    const { next, following } = packet;
    cursor.isMidRecord = next === packet.from;
    cursor.epoch = packet.epoch;
    cursor.packet = following;
    if (cursor.isMidRecord) return;
    cursor.next = next;
    cursor.at = next;
    if (cursor.caughtUpAt >= 0 && next >= cursor.caughtUpAt) this.#reached(cursor);
    if (following !== null) return;
    cursor.matchedAtSend = cursor.cls.matchedBytes;
    if (next === cursor.feed.ring.end) this.#stand(outlet, cursor, Standstill.tail);
  }

  #stand(outlet: Outlet, cursor: StreamCursor, why: Standstill): void {
    if (why === Standstill.later) {
      this.#again = true;
      return;
    }
    outlet.removeReady(cursor);
    cursor.deficit = 0;
    if (why === Standstill.cold) this.#parts.cold.wait(cursor);
    else if (why === Standstill.ahead) this.settle(cursor);
    else {
      cursor.isTail = true;
      if (cursor.caughtUpAt >= 0 && cursor.feed.ring.end >= cursor.caughtUpAt) {
        this.#reached(cursor);
      }
    }
  }

  #reached(cursor: StreamCursor): void {
    cursor.caughtUpAt = -1;
    cursor.isSnapshot = false;
    this.#caughtUp.push(cursor);
  }

  /** After the write: what it contained comes before. */
  #tellCaughtUp(): void {
    for (const cursor of this.#caughtUp.splice(0)) {
      if (cursor.isHeld && !cursor.isPaused) continue;
      cursor.announce();
      cursor.events.caughtUp(cursor, cursor.next);
    }
  }

  #write(outlet: Outlet): void {
    const batch = this.#batch;
    const { target } = outlet;
    if (batch.count === 0 && target.control.bytes === 0) {
      outlet.mayHoldBytes = this.#unsent > 0;
      return;
    }
    const unsent = batch.send();
    if (batch.isCold) this.#coldBytes += batch.bytes;
    else this.#liveBytes += batch.bytes;
    if (unsent < 0) {
      outlet.isGone = true;
      target.dropped();
      return;
    }
    outlet.mayHoldBytes = unsent > 0;
    if (unsent === 0) {
      this.progressAtMs = this.#nowMs;
      return;
    }
    assert(unsent <= deliveryLimits.unsentBytesMax, 'I5: unsent bytes stay below their bound');
    if (unsent > this.#stats.unsentMax) this.#stats.unsentMax = unsent;
    this.#setBlocked(outlet, true);
  }

  #setBlocked(outlet: Outlet, isBlocked: boolean): void {
    if (outlet.isBlocked === isBlocked) return;
    outlet.isBlocked = isBlocked;
    this.blockedCount += isBlocked ? 1 : -1;
  }

  /** The connection is gone; what it held is not counted any more. */
  remove(outlet: Outlet): void {
    this.#setBlocked(outlet, false);
    outlet.isGone = true;
  }

  /** Seals the open blocks of feeds whose last block everybody was offered. True when somebody was woken. */
  #sealOffered(): boolean {
    if (this.#open.length === 0) return false;
    const before = this.#live.joined;
    const feeds = this.#open;
    this.#open = [];
    for (const feed of feeds) {
      if (feed.isClosed) continue;
      if (this.#live.left >= feed.offeredAt) feed.seal();
      else this.#open.push(feed);
    }
    return this.#live.joined > before;
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
