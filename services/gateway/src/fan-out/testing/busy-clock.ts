import { type Clock, ManualClock } from '@millrace/base';

/** A clock of which work takes some. Timers fire after the work at hand. */
export class BusyClock implements Clock {
  readonly manual = new ManualClock();
  spentMs = 0;

  nowMs(): number {
    return this.manual.nowMs();
  }

  monotonicMs(): number {
    return this.manual.monotonicMs() + this.spentMs;
  }

  setTimer(delayMs: number, fn: () => void) {
    return this.manual.setTimer(Math.max(1, delayMs), fn);
  }

  setInterval(periodMs: number, fn: () => void) {
    return this.manual.setInterval(periodMs, fn);
  }
}
