import type { Clock } from '@millrace/base';
import type { GatewayMetrics } from '../metrics.ts';
import { AuthError } from './auth-error.ts';
import { FailureCount } from './failure-count.ts';
import { openGrants } from './grants.ts';
import type { Principal } from './principal.ts';
import type { Revocable, Revocations } from './revocations.ts';
import { TokenCache, tokenHash } from './token-cache.ts';
import {
  CLOCK_SKEW_MS,
  type SubscriptionGrant,
  type TokenVerifier,
  tokenEndMs,
} from './token-verifier.ts';

/** §14. */
const CACHE_ENTRIES_MAX = 20_000;
/** Tokens that wait for their turn; more at once come from nobody who means well. */
const WAITING_MAX = 4096;
/** A wrong token is told so after this, so that guessing is slow (§19.3). */
const FAILURE_DELAY_MS = 100;
const FAILURES_PER_MINUTE_MAX = 60;
const ADDRESSES_MAX = 10_000;

/** Tells who a token belongs to. */
export interface Authenticator {
  /** @param address of the client, for counting failures. Rejects with an AuthError. */
  verify(token: string | null, address: string): Promise<Principal>;
  /** A subscription's own grant; it must be of the same subject and tenant. Rejects with an AuthError. */
  verifyGrant(token: string, principal: Principal): Promise<SubscriptionGrant>;
}

/** `gateway.auth.mode=none`: everybody is the same somebody. */
export const openAuthenticator: Authenticator = {
  verify: async () => ({
    subject: 'anonymous',
    tenant: '',
    expiresAtMs: Number.MAX_SAFE_INTEGER,
    issuedAtMs: 0,
    jti: null,
    grants: openGrants,
  }),
  verifyGrant: async () => {
    throw new AuthError('grants', 'Grants are not looked at without tokens.');
  },
};

export interface TokenAuthenticatorParts {
  readonly verifier: TokenVerifier;
  readonly revocations: Revocations;
  readonly clock: Clock;
  readonly metrics: GatewayMetrics;
  /** `gateway.auth.verify.concurrency`. */
  readonly concurrency: number;
}

interface Expiring extends Revocable {
  readonly expiresAtMs: number;
}

/**
 * Tokens looked up in a cache, else verified: a bounded number at a time, each only once however many connections
 * bring it, on the threads that WebCrypto uses.
 */
export class TokenAuthenticator implements Authenticator {
  readonly #parts: TokenAuthenticatorParts;
  readonly #principals = new TokenCache<Principal>(CACHE_ENTRIES_MAX);
  readonly #pending = new Map<string, Promise<Principal>>();
  readonly #failures: FailureCount;
  readonly #turns: (() => void)[] = [];
  #atWork = 0;

  constructor(parts: TokenAuthenticatorParts) {
    this.#parts = parts;
    this.#failures = new FailureCount(parts.clock, FAILURES_PER_MINUTE_MAX, ADDRESSES_MAX);
  }

  async verify(token: string | null, address: string): Promise<Principal> {
    try {
      const principal = await this.#verify(token ?? '', address);
      this.#parts.metrics.auth.with('ok').add();
      return principal;
    } catch (error) {
      const failure = error instanceof AuthError ? error.failure : 'error';
      this.#parts.metrics.auth.with(failure).add();
      await this.#delay();
      throw error;
    }
  }

  async verifyGrant(token: string, principal: Principal): Promise<SubscriptionGrant> {
    const grant = await this.#inTurn(() => this.#parts.verifier.subscriptionGrant(token));
    if (grant.subject !== principal.subject || grant.tenant !== principal.tenant) {
      throw new AuthError('grants', 'The grant was made for somebody else.');
    }
    this.#checkStillGood(grant);
    return { ...grant, expiresAtMs: tokenEndMs(grant, this.#parts.clock.nowMs()) };
  }

  async #verify(token: string, address: string): Promise<Principal> {
    const hash = tokenHash(token);
    const known = this.#principals.get(hash);
    if (known !== undefined) {
      this.#checkStillGood(known);
      return known;
    }
    const retryAfterMs = Math.ceil(this.#failures.heldOffMs(address));
    if (retryAfterMs > 0) {
      // It may be of somebody else behind the same address: not for good.
      throw new AuthError('abuse', 'Too many wrong tokens from this address.', { retryAfterMs });
    }
    let pending = this.#pending.get(hash);
    if (pending === undefined) {
      pending = this.#inTurn(() => this.#parts.verifier.principal(token));
      this.#pending.set(hash, pending);
      const forget = (): boolean => this.#pending.delete(hash);
      pending.then(forget, forget);
    }
    try {
      const principal = await pending;
      this.#checkStillGood(principal);
      this.#principals.set(hash, principal);
      this.#parts.metrics.tokenCacheEntries.with().set(this.#principals.size);
      return principal;
    } catch (error) {
      if (error instanceof AuthError && error.isGuess) this.#failures.add(address);
      throw error;
    }
  }

  #checkStillGood(token: Expiring): void {
    if (token.expiresAtMs + CLOCK_SKEW_MS <= this.#parts.clock.nowMs()) {
      throw new AuthError('expired', 'The token has expired.');
    }
    if (this.#parts.revocations.isRevoked(token)) {
      throw new AuthError('revoked', 'The token has been revoked.');
    }
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const { clock, metrics, concurrency } = this.#parts;
    if (this.#atWork >= concurrency) {
      if (this.#turns.length >= WAITING_MAX) {
        throw new AuthError('overloaded', 'Too many tokens are being checked.');
      }
      await new Promise<void>((resolve) => this.#turns.push(resolve));
    } else this.#atWork++;
    const startedAtMs = clock.monotonicMs();
    try {
      return await work();
    } finally {
      metrics.verify.with().record(clock.monotonicMs() - startedAtMs);
      // The turn is handed on, so the number at work stays.
      const next = this.#turns.shift();
      if (next === undefined) this.#atWork--;
      else next();
    }
  }

  #delay(): Promise<void> {
    return new Promise((resolve) => this.#parts.clock.setTimer(FAILURE_DELAY_MS, resolve));
  }
}
