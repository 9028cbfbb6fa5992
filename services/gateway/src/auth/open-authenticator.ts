import { readFile } from 'node:fs/promises';
import { type Clock, ConfigError, type Logger } from '@millrace/base';
import type { GatewayConfig } from '../config/gateway-config.ts';
import type { GatewayMetrics } from '../metrics.ts';
import { type Authenticator, openAuthenticator, TokenAuthenticator } from './authenticator.ts';
import { fetchKeySet, parseKeySet } from './fetch-keys.ts';
import { type FetchKeys, type KeySource, PublicKeySource, secretKeySource } from './key-source.ts';
import { RevocationFile, type Revocations } from './revocations.ts';
import { TokenVerifier } from './token-verifier.ts';

export interface AuthParts {
  readonly config: GatewayConfig;
  readonly metrics: GatewayMetrics;
  readonly clock: Clock;
  readonly log: Logger;
  /** Instead of the network, in tests. */
  readonly fetchKeys?: FetchKeys;
}

/** What tells who somebody is, and who no longer. */
export interface OpenedAuth {
  readonly authenticator: Authenticator;
  readonly revocations: Revocations;
  close(): void;
}

/** Makes what `gateway.auth.*` describes. @throws ConfigError when keys or the revocation list cannot be had. */
export async function openAuth(parts: AuthParts): Promise<OpenedAuth> {
  const { config, clock, log, metrics } = parts;
  const revocations = new RevocationFile(config.authRevocationsFile, log);
  if (config.authMode === 'none') {
    return { authenticator: openAuthenticator, revocations, close: () => {} };
  }
  const verifier = new TokenVerifier({
    keys: await keySourceOf(parts),
    algorithms: config.authAlgorithms,
    issuer: config.authIssuer ?? '',
    audience: config.authAudience ?? '',
    clock,
  });
  await saying('gateway.auth.revocations.file', async () => {
    await revocations.start(clock, config.authRevocationsMs);
  });
  const concurrency = config.authVerifyConcurrency;
  return {
    authenticator: new TokenAuthenticator({ verifier, revocations, clock, metrics, concurrency }),
    revocations,
    close: () => revocations.close(),
  };
}

async function keySourceOf(parts: AuthParts): Promise<KeySource> {
  const { authSecret, authKeys, authJwksUrl, authJwksMaxStaleMs } = parts.config;
  if (authSecret !== null) return secretKeySource(authSecret);
  const staticKeys =
    authKeys === null
      ? null
      : await saying('gateway.auth.keys', async () =>
          parseKeySet(await readFile(authKeys, 'utf8')),
        );
  const source = new PublicKeySource({
    staticKeys,
    fetchKeys: authJwksUrl === null ? null : (parts.fetchKeys ?? (() => fetchKeySet(authJwksUrl))),
    maxStaleMs: authJwksMaxStaleMs,
    clock: parts.clock,
    log: parts.log,
  });
  await saying('gateway.auth.jwks.url', () => source.start());
  return source;
}

async function saying<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const why = (error as Error).message.split('\n').join(' ');
    throw new ConfigError(name, `${name}: ${why}`, { cause: error });
  }
}
