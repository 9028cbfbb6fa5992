import type { Clock } from '@millrace/base';
import type { Group } from './group.ts';

/**
 * One timer per group, set for the earliest thing that may happen to it: the end of a phase, of a
 * member's session, or of a pending member's. A heartbeat only moves a number; when the timer fires too
 * early it looks again and is set anew, which is at most about once per session time.
 */
export class GroupTimers {
  readonly #clock: Clock;
  readonly #fire: (group: Group) => void;

  constructor(clock: Clock, fire: (group: Group) => void) {
    this.#clock = clock;
    this.#fire = fire;
  }

  /** Makes sure that the group is looked at no later than `at` (monotonic ms). */
  wake(group: Group, at: number): void {
    if (at >= group.timerAt) return;
    group.cancelTimer?.();
    group.timerAt = at;
    const timer = this.#clock.setTimer(Math.max(0, at - this.#clock.monotonicMs()), () => {
      group.cancelTimer = null;
      group.timerAt = Number.POSITIVE_INFINITY;
      this.#fire(group);
      this.wake(group, nextDeadline(group));
    });
    group.cancelTimer = () => timer.cancel();
  }
}

/** The earliest monotonic ms at which something may be due. */
export function nextDeadline(group: Group): number {
  let at = group.phase.deadlineAt;
  for (const member of group.members.values()) {
    if (!member.isHeldAlive && member.deadlineAt < at) at = member.deadlineAt;
  }
  for (const deadlineAt of group.pendingMembers.values()) if (deadlineAt < at) at = deadlineAt;
  return at;
}
