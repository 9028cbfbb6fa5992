import type { Clock } from '@millrace/base';
import type { JWTPayload } from 'jose';
import { decodeProtectedHeader, errors, jwtVerify } from 'jose';
import type { JwtAlgorithm } from '../config/rows/auth.ts';
import { AuthError } from './auth-error.ts';
import type { ReadGrant } from './grants.ts';
import { type GrantsClaim, GrantsClaimError, grantsOf, readGrantsClaim } from './grants-claim.ts';
import type { KeySource } from './key-source.ts';
import { matches } from './pattern.ts';
import type { Principal } from './principal.ts';

export const TOKEN_BYTES_MAX = 8192;
const SUBJECT_CHARS_MAX = 256;
/** What clocks may differ by (§16.1). */
export const CLOCK_SKEW_MS = 60_000;
const SKEW_S = CLOCK_SKEW_MS / 1000;
const GRANT_LIFETIME_S_MAX = 900;
const TYPES = new Set(['at+jwt', 'mr+jwt']);
/** Parts of a compact JWS: nothing else reaches the parser. */
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

export interface TokenRules {
  readonly keys: KeySource;
  readonly algorithms: readonly JwtAlgorithm[];
  readonly issuer: string;
  readonly audience: string;
  readonly clock: Clock;
}

/**
 * When what a token gave ends, Unix ms: at its own time, and when it was taken although that had just passed, with the
 * rest of the tolerance.
 */
export function tokenEndMs(token: { readonly expiresAtMs: number }, nowMs: number): number {
  const { expiresAtMs } = token;
  return expiresAtMs > nowMs ? expiresAtMs : expiresAtMs + CLOCK_SKEW_MS;
}

/** One right of one subscription (§16.2). */
export interface SubscriptionGrant {
  /** `sub` and tenant of whom it was made for. */
  readonly subject: string;
  readonly tenant: string;
  readonly jti: string | null;
  readonly issuedAtMs: number;
  /** When the subscription ends with 109, Unix ms. */
  readonly expiresAtMs: number;
  /** What of `topic` it opens; null: nothing. */
  mayRead(topic: string): ReadGrant | null;
}

interface Claims {
  readonly sub: string;
  readonly expS: number;
  readonly iatS: number;
  readonly jti: string | null;
  readonly grants: GrantsClaim;
}

/** Checks tokens one by one, as §16.1 says. Rejects with an AuthError for every token that is not right in all of it. */
export class TokenVerifier {
  readonly #rules: TokenRules;

  constructor(rules: TokenRules) {
    this.#rules = rules;
  }

  async principal(token: string): Promise<Principal> {
    const claims = await this.#claims(token);
    return {
      subject: claims.sub,
      tenant: claims.grants.tenant,
      expiresAtMs: msOf(claims.expS),
      issuedAtMs: msOf(claims.iatS),
      jti: claims.jti,
      grants: grantsOf(claims.grants),
    };
  }

  async subscriptionGrant(token: string): Promise<SubscriptionGrant> {
    const { sub, expS, iatS, jti, grants } = await this.#claims(token);
    const [entry, ...more] = grants.read;
    const isLong = expS - this.#nowS() > GRANT_LIFETIME_S_MAX;
    if (entry === undefined || more.length > 0 || isLong) {
      throw new AuthError(
        'grants',
        'A subscription grant opens one topic, for 15 minutes at most.',
      );
    }
    const read = grantsOf({ ...grants, read: [entry] });
    return {
      subject: sub,
      tenant: grants.tenant,
      jti,
      issuedAtMs: msOf(iatS),
      expiresAtMs: msOf(expS),
      mayRead: (topic) => (matches(entry.topic, topic) ? read.mayRead(topic) : null),
    };
  }

  async #claims(token: string): Promise<Claims> {
    checkShape(token, this.#rules.algorithms);
    const payload = await this.#verified(token);
    const { sub, exp, iat, jti } = payload;
    if (typeof sub !== 'string' || sub === '' || sub.length > SUBJECT_CHARS_MAX) {
      throw new AuthError('claims', 'The claim sub is missing, empty or too long.');
    }
    if (typeof iat !== 'number' || iat > this.#nowS() + SKEW_S) {
      throw new AuthError('claims', 'The claim iat is missing or in the future.');
    }
    if (jti !== undefined && typeof jti !== 'string') {
      throw new AuthError('claims', 'The claim jti is not text.');
    }
    try {
      const grants = readGrantsClaim(payload.mr, sub);
      return { sub, expS: exp as number, iatS: iat, jti: jti ?? null, grants };
    } catch (error) {
      if (!(error instanceof GrantsClaimError)) throw error;
      throw new AuthError('grants', `${error.message}.`, { cause: error });
    }
  }

  async #verified(token: string): Promise<JWTPayload> {
    const { keys, algorithms, issuer, audience, clock } = this.#rules;
    try {
      const { payload } = await jwtVerify(token, keys.key, {
        algorithms: [...algorithms],
        issuer,
        audience,
        clockTolerance: SKEW_S,
        requiredClaims: ['iss', 'aud', 'sub', 'exp', 'iat'],
        currentDate: new Date(clock.nowMs()),
      });
      return payload;
    } catch (error) {
      throw authErrorOf(error);
    }
  }

  #nowS(): number {
    return Math.floor(this.#rules.clock.nowMs() / 1000);
  }
}

/** Unix ms of a time in a token, which may have a fraction or be beyond all dates: a whole number that a frame can carry. */
function msOf(seconds: number): number {
  return Math.min(Math.floor(seconds * 1000), Number.MAX_SAFE_INTEGER);
}

/** What can be refused before any key is looked up. */
function checkShape(token: string, algorithms: readonly string[]): void {
  if (token.length > TOKEN_BYTES_MAX || !COMPACT.test(token)) {
    throw new AuthError('malformed', 'This is not a compact JWS of at most 8 KiB.');
  }
  let header: { alg?: unknown; typ?: unknown };
  try {
    header = decodeProtectedHeader(token);
  } catch (error) {
    throw new AuthError('malformed', 'The header of the token cannot be read.', { cause: error });
  }
  if (typeof header.alg !== 'string' || !algorithms.includes(header.alg)) {
    throw new AuthError('algorithm', 'The signature algorithm of the token is not accepted.');
  }
  const type = typeof header.typ === 'string' ? header.typ.toLowerCase() : '';
  if (!TYPES.has(type.replace(/^application\//, ''))) {
    throw new AuthError('type', 'The token is neither at+jwt nor mr+jwt.');
  }
}

function authErrorOf(error: unknown): AuthError {
  if (error instanceof AuthError) return error;
  const options = { cause: error };
  if (error instanceof errors.JWTExpired) {
    return new AuthError('expired', 'The token has expired.', options);
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    return new AuthError('claims', `The claim ${error.claim} is missing or wrong.`, options);
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return new AuthError('signature', 'The signature of the token is wrong.', options);
  }
  if (error instanceof errors.JOSEError) {
    return new AuthError('malformed', 'The token cannot be checked.', options);
  }
  // A key that does not fit its algorithm (an RSA key of 1,024 bits, a broken point) ends here.
  return new AuthError('key', 'The key of the token does not fit it.', options);
}
