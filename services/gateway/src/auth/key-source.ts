import type { Clock, Logger } from '@millrace/base';
import type { CryptoKey, JSONWebKeySet, JWTVerifyGetKey } from 'jose';
import { createLocalJWKSet, errors } from 'jose';
import { AuthError } from './auth-error.ts';

/** Fetched keys are asked for again at this age, in the background. */
const REFRESH_AFTER_MS = 300_000;
/** An unknown key id, or a failed fetch, leads to at most one fetch in this time (§16.1). */
const FETCH_AGAIN_AFTER_MS = 60_000;

/** Finds the key that a token names. Rejects with an AuthError. */
export interface KeySource {
  readonly key: JWTVerifyGetKey;
}

/** The one secret of HS256. */
export function secretKeySource(secret: string): KeySource {
  const bytes = new TextEncoder().encode(secret);
  return { key: async () => bytes };
}

/** Fetches a key set. Rejects when it cannot be had. */
export type FetchKeys = () => Promise<JSONWebKeySet>;

export interface PublicKeyOptions {
  readonly staticKeys: JSONWebKeySet | null;
  readonly fetchKeys: FetchKeys | null;
  readonly maxStaleMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Public keys: those of a file, which never age, then those that are fetched, which do. */
export class PublicKeySource implements KeySource {
  readonly #options: PublicKeyOptions;
  readonly #static: JWTVerifyGetKey | null;
  #fetched: JWTVerifyGetKey | null = null;
  #fetchedAtMs = Number.NEGATIVE_INFINITY;
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | null = null;

  constructor(options: PublicKeyOptions) {
    this.#options = options;
    this.#static = options.staticKeys === null ? null : createLocalJWKSet(options.staticKeys);
  }

  readonly key: JWTVerifyGetKey = async (header, token) => {
    if (header?.kid === undefined) throw new AuthError('key', 'The token names no key.');
    const own = this.#static === null ? null : await found(this.#static(header, token));
    if (own !== null) return own;
    if (this.#options.fetchKeys === null) throw unknownKey();
    await this.#freshEnough();
    const fetched = await this.#amongFetched(header, token);
    if (fetched !== null) return fetched;
    if (!this.#mayFetch()) throw unknownKey();
    await this.#fetch();
    return (await this.#amongFetched(header, token)) ?? Promise.reject(unknownKey());
  };

  /** Fetches once, for the start. Rejects when that fails and there are no other keys. */
  async start(): Promise<void> {
    if (this.#options.fetchKeys === null) return;
    await this.#fetch();
    if (this.#fetched === null && this.#static === null) {
      throw new Error('gateway.auth.jwks.url gives no keys, and there are no others.');
    }
  }

  async #amongFetched(...[header, token]: Parameters<JWTVerifyGetKey>): Promise<CryptoKey | null> {
    if (this.#fetched === null) return null;
    return (await found(this.#fetched(header, token))) as CryptoKey | null;
  }

  /** Keys too old to count are fetched now, or nobody gets in; ageing ones in the background. */
  async #freshEnough(): Promise<void> {
    const ageMs = this.#options.clock.monotonicMs() - this.#fetchedAtMs;
    if (ageMs <= Math.min(REFRESH_AFTER_MS, this.#options.maxStaleMs)) return;
    const isStale = ageMs > this.#options.maxStaleMs;
    if (this.#fetching !== null || this.#mayFetch()) {
      const fetching = this.#fetch();
      if (isStale) await fetching;
    }
    if (this.#options.clock.monotonicMs() - this.#fetchedAtMs <= this.#options.maxStaleMs) return;
    throw new AuthError('keys_unavailable', 'Tokens cannot be checked at the moment.');
  }

  #mayFetch(): boolean {
    return this.#options.clock.monotonicMs() - this.#triedAtMs >= FETCH_AGAIN_AFTER_MS;
  }

  /** One fetch for all who wait. Never rejects: what failed is logged, and the old keys stay. */
  #fetch(): Promise<void> {
    this.#fetching ??= this.#fetchOnce().finally(() => {
      this.#fetching = null;
    });
    return this.#fetching;
  }

  async #fetchOnce(): Promise<void> {
    const { fetchKeys, clock, log } = this.#options;
    this.#triedAtMs = clock.monotonicMs();
    try {
      this.#fetched = createLocalJWKSet(await (fetchKeys as FetchKeys)());
      this.#fetchedAtMs = clock.monotonicMs();
    } catch (error) {
      log.warn('keys could not be fetched', { error: String(error) });
    }
  }
}

/** null for a key that is not in the set. Several keys of one id are as bad as none. */
async function found<K>(key: K | Promise<K>): Promise<K | null> {
  try {
    return await key;
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) return null;
    if (error instanceof errors.JWKSMultipleMatchingKeys) return null;
    throw error;
  }
}

function unknownKey(): AuthError {
  return new AuthError('key', 'The token names a key that is not known.');
}
