import type { Grants } from './grants.ts';

/** Who is at the other end of a connection, as its token says. */
export interface Principal {
  /** `sub`. */
  readonly subject: string;
  /** `mr.tenant`; "" without one. */
  readonly tenant: string;
  /** `exp`, Unix ms. `Number.MAX_SAFE_INTEGER` without a token (mode none). */
  readonly expiresAtMs: number;
  /** `iat`, Unix ms. */
  readonly issuedAtMs: number;
  readonly jti: string | null;
  readonly grants: Grants;
}

/** Text in which `separator` can follow: its own are written as `%2E` for a dot, `%2F` for a slash, and `%` as `%25`. */
export function escaped(text: string, separator: '.' | '/'): string {
  return text.replaceAll('%', '%25').replaceAll(separator, separator === '.' ? '%2E' : '%2F');
}

/** One string for one principal: connections are counted and served fairly by it. */
export function principalKey({ tenant, subject }: Principal): string {
  return `${tenant}\u0000${subject}`;
}
