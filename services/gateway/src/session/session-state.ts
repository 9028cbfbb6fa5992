import { assert } from '@millrace/base';

/**
 * The life of a connection (§3).
 *
 *     HELLO_WAIT ──Hello──► AUTHENTICATING ──Welcome──► READY ──Goaway──► DRAINING ──► CLOSED
 *
 * Every state may end in CLOSED.
 */
export type SessionState = 'HELLO_WAIT' | 'AUTHENTICATING' | 'READY' | 'DRAINING' | 'CLOSED';

const ALLOWED: Readonly<Record<SessionState, readonly SessionState[]>> = {
  HELLO_WAIT: ['AUTHENTICATING', 'CLOSED'],
  AUTHENTICATING: ['READY', 'CLOSED'],
  READY: ['DRAINING', 'CLOSED'],
  DRAINING: ['CLOSED'],
  CLOSED: [],
};

/** The next state. @throws AssertionFailure for a step that the table does not have. */
export function moved(from: SessionState, to: SessionState): SessionState {
  assert(ALLOWED[from].includes(to), `a connection does not go from ${from} to ${to}`);
  return to;
}
