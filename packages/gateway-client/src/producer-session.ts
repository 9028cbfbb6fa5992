import type { Chance } from './environment.ts';

const SESSION_BYTES = 16;

/** The name of a producer session, unlike any other. */
export function newSession(random: Chance): Uint8Array {
  const session = new Uint8Array(SESSION_BYTES);
  random.fill(session);
  return session;
}
