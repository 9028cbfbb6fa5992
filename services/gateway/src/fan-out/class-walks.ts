import type { StreamCursor } from './cursor.ts';
import type { Packet } from './packet.ts';
import type { StreamClass } from './stream-class.ts';
import type { Turn } from './turn.ts';

/**
 * Members are looked at in so many at a time before the first of them is sent to. A member is some ten objects that lie
 * apart, and what is looked at together is fetched from memory together: one by one they cost as much as the writes' own
 * code.
 */
const TOGETHER = 8;

/**
 * New blocks on their way along the members of the classes that see them. A member that waited at the end of the ring for
 * nothing else gets the frame as the walk comes by, without a place in a queue; any other takes an ordinary turn.
 */
export class ClassWalks {
  readonly #turn: Turn;
  readonly #visit: (cursor: StreamCursor) => void;
  readonly #classes: StreamClass[] = [];
  readonly #hot: StreamCursor[] = [];
  /** Bytes that the last step sent. */
  sentBytes = 0;

  constructor(turn: Turn, visit: (cursor: StreamCursor) => void) {
    this.#turn = turn;
    this.#visit = visit;
  }

  get isEmpty(): boolean {
    return this.#classes.length === 0;
  }

  /** All members that `awaitsWalk` are to be visited. One that is under way goes round once more. */
  begin(cls: StreamClass): void {
    if (!cls.isWalked) {
      cls.isWalked = true;
      cls.feed.walks++;
      this.#classes.push(cls);
      // Another member is the first each time.
      cls.walkAt++;
    }
    cls.walkLeft = cls.members.length;
  }

  /** Visits some members of the class that waits for longest. Returns how many it looked at, 0 when there is no walk. */
  step(nowMs: number): number {
    this.sentBytes = 0;
    const cls = this.#classes.shift();
    if (cls === undefined) return 0;
    const count = Math.min(TOGETHER, cls.walkLeft);
    for (let i = 0; i < count; i++) {
      const cursor = cls.nextOfWalk();
      if (cursor?.awaitsWalk === true) this.#offer(cursor, nowMs);
    }
    this.#sendHot(cls.hot, nowMs);
    if (cls.walkLeft > 0) this.#classes.push(cls);
    else {
      cls.isWalked = false;
      cls.feed.walks--;
    }
    return Math.max(1, count);
  }

  #offer(cursor: StreamCursor, nowMs: number): void {
    cursor.awaitsWalk = false;
    if (cursor.isTail || cursor.isHeld || cursor.readyIndex >= 0) return;
    if (this.#turn.isHot(cursor)) this.#hot.push(cursor);
    else {
      // Its turn may leave another packet to the class.
      this.#sendHot(cursor.cls.hot, nowMs);
      this.#visit(cursor);
    }
  }

  #sendHot(packet: Packet | null, nowMs: number): void {
    if (packet === null) return;
    for (const cursor of this.#hot) this.sentBytes += this.#turn.sendHot(cursor, packet, nowMs);
    this.#hot.length = 0;
  }
}
