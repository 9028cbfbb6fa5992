import { murmur2 } from '@millrace/bytes';
import type { CompiledFilter } from './compiled-filter.ts';
import type { ConflationList } from './conflation-list.ts';
import type { CursorClass, CursorFeed, StreamCursor } from './cursor.ts';
import { EntryList } from './entry-list.ts';
import type { Packet } from './packet.ts';
import type { FrameShape } from './packet-maker.ts';

/** Cursors whose frames are the same bytes (§12.2), and what they see of the ring. */
export class StreamClass implements CursorClass {
  readonly feed: CursorFeed;
  readonly name: string;
  readonly shape: FrameShape;
  readonly filter: CompiledFilter | null;
  readonly keyHashes: ReadonlySet<number> | null;
  readonly members: StreamCursor[] = [];
  /** Reservations: members that are still to come. */
  holdCount = 0;
  /** Matches among the ring's blocks, complete from `matchedFrom` on. */
  readonly entries = new EntryList();
  matchedFrom: number;
  /** Bytes of records that ever matched, for P5. */
  matchedBytes = 0;
  /** A new block is on its way along the members: whose turn is next, and how many are left. */
  isWalked = false;
  walkAt = 0;
  walkLeft = 0;
  /** What takes those at the end of the ring to its new end in one small frame; null when there is no such thing. */
  hot: Packet | null = null;
  /** Indexes of the block being matched. */
  readonly matching: number[] = [];
  conflation: ConflationList | null = null;
  #progressMark = -1;
  progressEpoch = -1;
  #progressMarkedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    feed: CursorFeed,
    name: string,
    shape: FrameShape,
    filter: CompiledFilter | null,
    matchedFrom: number,
  ) {
    this.feed = feed;
    this.name = name;
    this.shape = shape;
    this.filter = filter;
    const keys = filter?.keys ?? null;
    this.keyHashes = keys === null ? null : new Set(keys.map((key) => murmur2(key)));
    this.matchedFrom = matchedFrom;
  }

  add(cursor: StreamCursor): void {
    cursor.memberIndex = this.members.length;
    this.members.push(cursor);
  }

  remove(cursor: StreamCursor): void {
    const last = this.members.pop() as StreamCursor;
    if (last === cursor) return;
    this.members[cursor.memberIndex] = last;
    last.memberIndex = cursor.memberIndex;
    // It may have changed to a place that the walk has passed.
    if (this.isWalked) this.walkLeft = this.members.length;
  }

  /** The member whose turn it is in the walk; undefined when all have left. */
  nextOfWalk(): StreamCursor | undefined {
    if (this.walkAt >= this.members.length) this.walkAt = 0;
    this.walkLeft--;
    return this.members[this.walkAt++];
  }

  /**
   * How far tail cursors may say they are, although nothing passed their filter: one mark for all members, which moves
   * at most once a second, so that members stay at few different places and go on sharing frames.
   */
  progressMark(nowMs: number, periodMs: number): number {
    if (nowMs - this.#progressMarkedAtMs >= periodMs) {
      const { end, endEpoch } = this.feed.ring;
      this.#progressMark = end;
      this.progressEpoch = endEpoch;
      this.#progressMarkedAtMs = nowMs;
    }
    return this.#progressMark;
  }

  /** The log was cut: no mark may lie beyond. */
  lowerMark(offset: number): void {
    if (this.#progressMark <= offset) return;
    this.#progressMark = offset;
    this.progressEpoch = -1;
  }
}
