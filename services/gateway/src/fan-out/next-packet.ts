import { GapReason, Policy } from '@millrace/gateway-protocol';
import { deliveryLimits } from '../limits.ts';
import type { Entry } from './block.ts';
import type { ColdReads } from './cold-reads.ts';
import { conflatedEntry } from './conflate.ts';
import type { StreamCursor } from './cursor.ts';
import { entryOf, matchBackTo } from './match.ts';
import { gapPacket, WS_HEADER_BYTES } from './new-packet.ts';
import { type Packet, PacketKind } from './packet.ts';
import { makesFrame, packetOf } from './packet-maker.ts';

/** Why there is no packet. */
export const Standstill = {
  /** At the end of the ring. */
  tail: 0,
  /** A read behind the ring is under way for it. */
  cold: 1,
  /** It looked through much without finding anything; it goes on in another turn. */
  later: 2,
  /** Beyond the end of the ring, or the ring has no place yet. */
  ahead: 3,
  /** There is a frame, and no credit for it. */
  starved: 4,
} as const;
export type Standstill = (typeof Standstill)[keyof typeof Standstill];

/** A frame that is a write of its own, whatever there is beside it. */
const HOT_BYTES_MAX = deliveryLimits.writeBytesMax - WS_HEADER_BYTES;

/**
 * The next step of a cursor, or why there is none. Moves `at` over what passes no filter; the packet is kept in the
 * cursor until it is taken.
 *
 * @param isStarved there is no credit: no frame is made, and none kept, for whoever may never read it; when there is
 *   credit again, policies that jump see what is new then.
 */
export function nextPacket(
  cursor: StreamCursor,
  cold: ColdReads,
  nowMs: number,
  isStarved: boolean,
): Packet | Standstill {
  if (cursor.packet !== null) {
    if (!isStarved || cursor.packet.kind !== PacketKind.data) return cursor.packet;
    cursor.dropPacket();
    return Standstill.starved;
  }
  const { feed, cls } = cursor;
  const { ring } = feed;
  if (!feed.isReady) return Standstill.ahead;
  const jump = isStarved ? null : overflow(cursor, nowMs);
  if (jump !== null) return keep(cursor, jump);
  for (let looked = 0; looked < deliveryLimits.blocksScannedPerTurn; looked++) {
    const { at } = cursor;
    if (at >= ring.end) return at > ring.end ? Standstill.ahead : Standstill.tail;
    if (at < ring.start) {
      if (cursor.caughtUpAt < 0) cursor.caughtUpAt = ring.end;
      const block = cold.find(feed, at);
      if (block === undefined) return Standstill.cold;
      const entry = entryOf(block, cls);
      if (entry !== null) return entryPacket(cursor, entry, isStarved);
      cursor.passOver(block.next, block.epoch);
      continue;
    }
    ring.touch();
    const list = cursor.isConflating ? cls.conflation : null;
    if (list !== null && at >= list.floor) {
      if (isStarved && list.hasFrom(cursor.next)) return Standstill.starved;
      return keep(cursor, list.packetFrom(cls.shape, cursor.next, ring, cursor.isSnapshot));
    }
    if (at < cls.matchedFrom && !matchBackTo(cls, ring, at)) return Standstill.later;
    const entry = cls.entries.after(at);
    if (entry !== null) return entryPacket(cursor, entry, isStarved);
    cursor.passOver(ring.end, ring.endEpoch);
    return Standstill.tail;
  }
  return Standstill.later;
}

/**
 * What takes a cursor of the ring, which skips nothing, to the ring's end in one small frame of the newest block; null
 * when that is not what comes next.
 */
export function newestPacket({ cls, feed, at, next }: StreamCursor): Packet | null {
  const { ring } = feed;
  const { last } = cls.entries;
  if (last === null || at < last.block.from || at < cls.matchedFrom) return null;
  if (last.block.next !== ring.end || !makesFrame(last, next)) return null;
  ring.touch();
  const packet = packetOf(cls.shape, last, next);
  // As text, a record may be too long for any frame.
  const isWhole = packet.kind === PacketKind.data && packet.following === null;
  return isWhole && packet.bytes.length <= HOT_BYTES_MAX ? packet : null;
}

function entryPacket(cursor: StreamCursor, entry: Entry, isStarved: boolean): Packet | Standstill {
  if (isStarved && makesFrame(entry, cursor.next)) return Standstill.starved;
  const seen = cursor.isConflating ? conflatedEntry(entry, cursor.isSnapshot) : entry;
  return keep(cursor, packetOf(cursor.cls.shape, seen, cursor.next));
}

function keep(cursor: StreamCursor, packet: Packet): Packet {
  cursor.packet = packet;
  return packet;
}

/** Policies that drop what is old: the jump, or null when the cursor may go on where it is (§13). */
function overflow(cursor: StreamCursor, nowMs: number): Packet | null {
  const { policy, maxLagMs } = cursor;
  if (cursor.isSnapshot || cursor.at < 0) return null;
  if (policy === Policy.LATEST) return jumpTo(cursor, newestFrom(cursor));
  if (policy !== Policy.DROP_OLDEST || maxLagMs === 0) return null;
  if (lagMs(cursor, nowMs) <= maxLagMs) return null;
  const { ring } = cursor.feed;
  return jumpTo(cursor, ring.arrivedSince(nowMs - maxLagMs)?.from ?? ring.end);
}

/** Where the newest block that the cursor may see begins. */
function newestFrom({ cls, feed, at }: StreamCursor): number {
  return cls.entries.last?.block.from ?? Math.max(at, feed.ring.start);
}

function jumpTo(cursor: StreamCursor, target: number): Packet | null {
  if (target <= cursor.at) return null;
  const epoch = cursor.feed.ring.epochAt(target);
  return gapPacket(cursor.next, target, GapReason.OVERFLOW, epoch);
}

/** How long what comes next for a cursor has been waiting here. Milliseconds. */
export function lagMs(cursor: StreamCursor, nowMs: number): number {
  const { ring } = cursor.feed;
  const { position } = cursor;
  if (cursor.isTail || position >= ring.end) return 0;
  // Behind the ring it is at least as old as the oldest block of the ring.
  const block = position < ring.start ? ring.first : ring.at(position);
  return block === undefined ? 0 : nowMs - block.arrivedAtMs;
}
