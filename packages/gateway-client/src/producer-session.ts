import type { Prng } from '@millrace/base';

const SESSION_BYTES = 16;

/** The name of a producer session, unlike any other. */
export function newSession(random: Prng): Uint8Array {
  const session = new Uint8Array(SESSION_BYTES);
  random.fill(session);
  return session;
}
