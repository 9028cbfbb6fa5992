import { assert } from '@millrace/base';
import { ErrorCode } from '@millrace/gateway-protocol';
import { deliveryLimits } from '../limits.ts';
import type { ColdReads } from './cold-reads.ts';
import type { CursorOutlet, StreamCursor } from './cursor.ts';
import type { DeliveryStats } from './delivery-stats.ts';
import { WS_HEADER_BYTES } from './new-packet.ts';
import { newestPacket, nextPacket, Standstill } from './next-packet.ts';
import { type Packet, PacketKind } from './packet.ts';
import type { RateLimit } from './rate-limit.ts';
import { controlRoom, WriteBatch } from './write-batch.ts';

export interface TurnParts {
  readonly cold: ColdReads;
  readonly stats: DeliveryStats;
  readonly nowMs: number;
  /** The cursor's place changed: look where it stands. */
  settle(cursor: StreamCursor): void;
  /** The cursor goes on at an instant. */
  await(cursor: StreamCursor, atMs: number): void;
}

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
 * One connection's turn: control first, then its streams, in one write (P2 to P5). One object takes all turns, one after
 * the other; its fields are the result of the last.
 */
export class Turn {
  readonly #parts: TurnParts;
  readonly #batch: WriteBatch;
  readonly #caughtUp: StreamCursor[] = [];
  #nowMs = 0;
  #unsent = 0;
  #hasMore = false;
  /** Cursors behind the ring were passed over. */
  sawCold = false;
  /** There is more to send at once. */
  isUnfinished = false;
  liveBytes = 0;
  coldBytes = 0;
  /** Connections with unsent bytes, and when one of them, or any, took something last (P7). */
  blockedCount = 0;
  progressAtMs: number;

  constructor(parts: TurnParts) {
    this.#parts = parts;
    this.#batch = new WriteBatch(parts.stats);
    this.progressAtMs = parts.nowMs;
  }

  /** @param withCold catch-up streams have their share too. */
  take(outlet: CursorOutlet, withCold: boolean, nowMs: number): void {
    this.sawCold = false;
    this.isUnfinished = false;
    this.liveBytes = 0;
    this.coldBytes = 0;
    if (outlet.isGone) return;
    this.#nowMs = nowMs;
    const { target } = outlet;
    this.#hasMore = false;
    this.#unsent = outlet.mayHoldBytes ? target.socket.unsentBytes() : 0;
    this.setBlocked(outlet, outlet.isBlocked && this.#unsent > deliveryLimits.drainedBytes);
    this.#batch.begin(target, this.#unsent);
    const fits = target.control.bytes <= controlRoom(this.#unsent);
    if (!outlet.isBlocked && fits) this.#gather(outlet, withCold);
    this.#write(outlet);
    if (this.#caughtUp.length > 0) this.#tellCaughtUp();
    const hasControl = target.control.bytes > 0 && !outlet.isBlocked;
    this.isUnfinished = this.#hasMore || hasControl;
  }

  /**
   * Whether this is the case of nearly everybody: nothing unsent, nothing to say, no other stream with something to send,
   * and the packet of the class is what comes next. The first of a class that it is the case of makes that packet.
   */
  isHot(cursor: StreamCursor): boolean {
    const { outlet, cls, window } = cursor;
    if (!cursor.isPlain || cursor.packet !== null) return false;
    if (cursor.caughtUpAt >= 0 || window.bytes <= 0) return false;
    if (!cursor.isAlone || outlet.mayHoldBytes || outlet.isQueued) return false;
    if (outlet.isBlocked || outlet.isGone) return false;
    if (outlet.target.creditBytes <= 0 || outlet.control.bytes !== 0) return false;
    // It stays: most members stand at the same place.
    cls.hot ??= newestPacket(cursor);
    const packet = cls.hot;
    if (packet === null || packet.from !== cursor.next) return false;
    return packet.next === cls.feed.ring.end;
  }

  /** Sends its class's packet to a cursor that `isHot`. Returns the bytes. */
  sendHot(cursor: StreamCursor, packet: Packet, nowMs: number): number {
    const { outlet, cls } = cursor;
    const bytes = packet.bytes.length + WS_HEADER_BYTES;
    const { stats } = this.#parts;
    stats.took(packet, cls.feed.meter);
    stats.wrote(bytes);
    const result = outlet.socket.send(packet.bytes, outlet.isText);
    outlet.target.creditBytes -= packet.charge;
    cursor.window.bytes -= packet.charge;
    cursor.next = packet.next;
    cursor.at = packet.next;
    cursor.epoch = packet.epoch;
    if (cursor.maxWaitMs > 0) cursor.matchedAtSend = cls.matchedBytes;
    cursor.isTail = true;
    if (result === 'sent') this.progressAtMs = nowMs;
    else {
      this.#nowMs = nowMs;
      this.#settleUnsent(outlet, result === 'dropped' ? -1 : outlet.socket.unsentBytes());
    }
    return bytes;
  }

  /** Takes frames of the ready streams, in turn, each as far as its deficit allows. */
  #gather(outlet: CursorOutlet, withCold: boolean): void {
    const { ready } = outlet;
    for (let idle = 0; idle < ready.length; ) {
      if (outlet.turn >= ready.length) outlet.turn = 0;
      const cursor = ready[outlet.turn] as StreamCursor;
      if (!withCold && cursor.at < cursor.feed.ring.start) {
        this.sawCold = true;
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
  #serve(outlet: CursorOutlet, cursor: StreamCursor): Served {
    let served: Served = Served.nothing;
    while (!cursor.isHeld) {
      const isStarved = outlet.target.creditBytes <= 0 || cursor.window.bytes <= 0;
      // The later parts of a record follow whatever the credit: the client returns it for the whole.
      const canPay = !isStarved || cursor.isMidRecord;
      const packet = nextPacket(cursor, this.#parts.cold, this.#nowMs, !canPay);
      if (packet === Standstill.starved) return served;
      if (typeof packet === 'number') {
        this.#stand(outlet, cursor, packet);
        return served;
      }
      if (packet.kind === PacketKind.data) {
        const taken = this.#takeFrame(outlet, cursor, packet);
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
      cursor.passOver(packet.next, packet.epoch);
      cursor.packet = packet.following;
      return true;
    }
    if (this.#batch.count > 0) {
      this.#hasMore = true;
      return false;
    }
    if (packet.kind === PacketKind.progress) {
      cursor.moveTo(packet.next, packet.epoch);
      cursor.packet = packet.following;
      cursor.events.progress(cursor, packet.next);
      return true;
    }
    if (packet.gapFrom > cursor.next) {
      cursor.moveTo(packet.gapFrom, packet.epoch);
      cursor.events.progress(cursor, packet.gapFrom);
    }
    if (cursor.isHeld) return true;
    if (packet.kind === PacketKind.failure) {
      cursor.stop({ kind: 'FAILED', code: ErrorCode.INTERNAL });
      return true;
    }
    cursor.moveTo(packet.next, packet.epoch);
    cursor.packet = packet.following;
    cursor.events.gap(cursor, packet.gapFrom, packet.next, packet.gapReason);
    return true;
  }

  /** Takes one frame into the write, if rules P2 to P5 allow. */
  #takeFrame(outlet: CursorOutlet, cursor: StreamCursor, packet: Packet): Served {
    const { target } = outlet;
    const { window } = cursor;
    const batch = this.#batch;
    const bytes = packet.bytes.length + WS_HEADER_BYTES;
    const taken = batch.bytes + target.control.bytes;
    if (bytes > cursor.deficit && batch.count > 0) {
      this.#hasMore = true;
      return Served.nothing;
    }
    if (taken > 0 && taken + bytes > deliveryLimits.writeBytesMax) {
      this.#hasMore = true;
      return Served.full;
    }
    if (this.#unsent + taken + bytes > deliveryLimits.dataUnsentBytesMax) {
      this.setBlocked(outlet, true);
      cursor.dropPacket();
      return Served.full;
    }
    if (cursor.rate !== null && !this.#mayPass(outlet, cursor, packet)) return Served.nothing;
    assert(packet.from === cursor.next, 'I1: a frame begins where the client stands');
    target.creditBytes -= packet.charge;
    window.bytes -= packet.charge;
    cursor.deficit -= bytes;
    batch.add(packet, cursor.feed.meter);
    this.#advance(outlet, cursor, packet);
    return Served.some;
  }

  /** The rate limit of a stream (P5). */
  #mayPass(outlet: CursorOutlet, cursor: StreamCursor, packet: Packet): boolean {
    const rate = cursor.rate as RateLimit;
    const waitMs = cursor.isMidRecord ? 0 : rate.waitMs(this.#nowMs);
    if (waitMs === 0) {
      rate.take(packet.records);
      return true;
    }
    outlet.removeReady(cursor);
    cursor.dropPacket();
    this.#parts.await(cursor, this.#nowMs + waitMs);
    return false;
  }

  #advance(outlet: CursorOutlet, cursor: StreamCursor, packet: Packet): void {
    const { next, following } = packet;
    cursor.epoch = packet.epoch;
    cursor.packet = following;
    if (next === packet.from) {
      cursor.beginRecord(packet);
      return;
    }
    cursor.endRecord();
    cursor.next = next;
    cursor.at = next;
    if (cursor.caughtUpAt >= 0 && next >= cursor.caughtUpAt) this.#reached(cursor);
    if (following !== null) return;
    cursor.matchedAtSend = cursor.cls.matchedBytes;
    if (next === cursor.feed.ring.end) this.#stand(outlet, cursor, Standstill.tail);
  }

  #stand(outlet: CursorOutlet, cursor: StreamCursor, why: Standstill): void {
    if (why === Standstill.later) {
      this.#hasMore = true;
      return;
    }
    outlet.removeReady(cursor);
    cursor.deficit = 0;
    if (why === Standstill.cold) this.#parts.cold.wait(cursor);
    else if (why === Standstill.ahead) this.#parts.settle(cursor);
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

  #write(outlet: CursorOutlet): void {
    const batch = this.#batch;
    const { target } = outlet;
    if (batch.count === 0 && target.control.bytes === 0) {
      outlet.mayHoldBytes = this.#unsent > 0;
      return;
    }
    const unsent = batch.send();
    if (batch.isCold) this.coldBytes = batch.bytes;
    else this.liveBytes = batch.bytes;
    this.#settleUnsent(outlet, unsent);
  }

  /** @param unsent what the transport holds after a write, -1 when it dropped something. */
  #settleUnsent(outlet: CursorOutlet, unsent: number): void {
    if (unsent < 0) {
      outlet.isGone = true;
      outlet.target.dropped();
      return;
    }
    outlet.mayHoldBytes = unsent > 0;
    if (unsent === 0) {
      this.progressAtMs = this.#nowMs;
      return;
    }
    assert(unsent <= deliveryLimits.unsentBytesMax, 'I5: unsent bytes stay below their bound');
    if (unsent > this.#parts.stats.unsentMax) this.#parts.stats.unsentMax = unsent;
    this.setBlocked(outlet, true);
  }

  setBlocked(outlet: CursorOutlet, isBlocked: boolean): void {
    if (outlet.isBlocked === isBlocked) return;
    outlet.isBlocked = isBlocked;
    this.blockedCount += isBlocked ? 1 : -1;
  }
}
