import type { Clock, Timer } from '@millrace/base';

/** Slots of the wheel and the time each covers: two seconds a turn, longer waits go round again. */
const SLOT_COUNT = 512;
const SLOT_MS = 4;

/** Something that waits for an event, but not longer than its deadline. */
export class Delayed {
  readonly onExpired: () => void;
  deadlineMs = 0;
  slot = -1;
  previous: Delayed | null = null;
  next: Delayed | null = null;

  constructor(onExpired: () => void) {
    this.onExpired = onExpired;
  }

  get isWaiting(): boolean {
    return this.slot >= 0;
  }
}

/**
 * Whatever waits with a deadline: long polls, acknowledgements. A timing wheel: taking in and out costs a
 * few pointer writes, and one timer sleeps until the next slot that holds something.
 */
export class Purgatory {
  readonly #clock: Clock;
  readonly #runInTick: (body: () => void) => void;
  readonly #slots: (Delayed | null)[] = new Array<Delayed | null>(SLOT_COUNT).fill(null);
  #count = 0;
  #timer: Timer | null = null;
  #timerAtMs = Number.POSITIVE_INFINITY;
  /** The slot time up to which everything has been looked at. */
  #sweptSlot: number;

  constructor(clock: Clock, runInTick: (body: () => void) => void) {
    this.#clock = clock;
    this.#runInTick = runInTick;
    this.#sweptSlot = Math.floor(clock.monotonicMs() / SLOT_MS);
  }

  /** How many wait. */
  get count(): number {
    return this.#count;
  }

  /** `waitMs` from `nowMs` (monotonic) `onExpired` is called inside a tick, unless removed before. */
  add(delayed: Delayed, nowMs: number, waitMs: number): void {
    if (this.#count === 0) this.#sweptSlot = Math.floor(nowMs / SLOT_MS);
    delayed.deadlineMs = nowMs + waitMs;
    // Rounded up: nothing expires early, at most one slot late.
    const slotTime = Math.max(Math.ceil(delayed.deadlineMs / SLOT_MS), this.#sweptSlot + 1);
    const slot = slotTime % SLOT_COUNT;
    delayed.slot = slot;
    delayed.previous = null;
    delayed.next = this.#slots[slot] ?? null;
    if (delayed.next !== null) delayed.next.previous = delayed;
    this.#slots[slot] = delayed;
    this.#count++;
    const dueMs = slotTime * SLOT_MS;
    if (dueMs < this.#timerAtMs) this.#arm(dueMs, nowMs);
  }

  /** Harmless when it does not wait. */
  remove(delayed: Delayed): void {
    if (delayed.slot < 0) return;
    if (delayed.previous === null) this.#slots[delayed.slot] = delayed.next;
    else delayed.previous.next = delayed.next;
    if (delayed.next !== null) delayed.next.previous = delayed.previous;
    delayed.previous = null;
    delayed.next = null;
    delayed.slot = -1;
    this.#count--;
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
  }

  #arm(dueMs: number, nowMs: number): void {
    this.#timer?.cancel();
    this.#timerAtMs = dueMs;
    this.#timer = this.#clock.setTimer(Math.max(1, Math.ceil(dueMs - nowMs)), () => {
      this.#timer = null;
      this.#timerAtMs = Number.POSITIVE_INFINITY;
      this.#runInTick(() => this.#sweep());
    });
  }

  #sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    const nowSlot = Math.floor(nowMs / SLOT_MS);
    const first = Math.max(this.#sweptSlot + 1, nowSlot - SLOT_COUNT + 1);
    this.#sweptSlot = Math.max(this.#sweptSlot, nowSlot);
    for (let slotTime = first; slotTime <= nowSlot; slotTime++) {
      this.#expire(slotTime % SLOT_COUNT, nowMs);
    }
    this.#armNext(nowMs);
  }

  #expire(slot: number, nowMs: number): void {
    let delayed = this.#slots[slot] ?? null;
    while (delayed !== null) {
      const next: Delayed | null = delayed.next;
      if (delayed.deadlineMs <= nowMs) {
        this.remove(delayed);
        delayed.onExpired();
      }
      delayed = next;
    }
  }

  #armNext(nowMs: number): void {
    if (this.#count === 0) return;
    for (let ahead = 1; ahead <= SLOT_COUNT; ahead++) {
      if (this.#slots[(this.#sweptSlot + ahead) % SLOT_COUNT] === null) continue;
      const dueMs = (this.#sweptSlot + ahead) * SLOT_MS;
      if (dueMs < this.#timerAtMs) this.#arm(dueMs, nowMs);
      return;
    }
  }
}
