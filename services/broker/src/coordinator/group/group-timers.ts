import type { Clock, Logger } from '@millrace/base';
import type { Group } from './group.ts';

const PAUSE_AFTER_BUG_MS = 1000;

/**
 * One timer per group, set for the earliest thing that may happen to it: the end of a phase, of a
 * member's session, or of a pending member's. A heartbeat only moves a number; when the timer fires too
 * early it looks again and is set anew, which is at most about once per session time.
 */
export class GroupTimers {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #fire: (group: Group) => void;

  constructor(clock: Clock, logger: Logger, fire: (group: Group) => void) {
    this.#clock = clock;
    this.#logger = logger;
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
      let earliest = 0;
      try {
        this.#fire(group);
      } catch (error) {
        // A bug in one group must not take the broker down with it, nor its time.
        earliest = this.#clock.monotonicMs() + PAUSE_AFTER_BUG_MS;
        const fields = { group: group.id, error: error as Error };
        this.#logger.error('the timer of a group failed', fields);
      }
      this.wake(group, Math.max(earliest, nextDeadline(group)));
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
