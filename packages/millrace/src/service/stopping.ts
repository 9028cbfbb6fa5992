import { systemClock } from '@millrace/base';
import { type CommandHost, SIGNAL_EXIT_CODES } from '../process-host.ts';
import { describeBug } from './failure-text.ts';

/** Resolves at the first reason to stop, which may come while the service still starts. A second one ends it at once. */
export function whenStopped(host: CommandHost): Promise<void> {
  return new Promise((resolve) => {
    let isAsked = false;
    host.onStop((reason) => {
      if (isAsked) host.exit(SIGNAL_EXIT_CODES[reason]);
      isAsked = true;
      host.complain(
        `millrace: stopping (${reason === 'launcher' ? 'the launcher is gone' : reason})`,
      );
      resolve();
    });
  });
}

/** What nobody caught ends the process with one line: never half alive. */
export function endOnBug(host: CommandHost): void {
  host.onUncaught((error) => {
    host.complain(`millrace: ended by an error that nobody expected: ${describeBug(error)}`);
    host.exit(1);
  });
}

/** Closes a service; one that takes longer than `deadlineMs` never ends by itself. */
export async function closeInTime(
  host: CommandHost,
  what: string,
  deadlineMs: number,
  close: () => Promise<void>,
): Promise<void> {
  const deadline = systemClock.setTimer(deadlineMs, () => {
    host.complain(`millrace: ${what} did not stop within ${deadlineMs / 1000} s`);
    host.exit(1);
  });
  await close();
  deadline.cancel();
  host.complain('millrace: stopped');
}
