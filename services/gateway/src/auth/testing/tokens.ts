import { ManualClock } from '@millrace/base';
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';

/** Tokens that a test signs itself: one key pair, and what is wrong with a token as overrides. */
export interface TokenMaker {
  readonly publicKey: JWK;
  /** Claims set to undefined are left out. */
  sign(
    claims?: Readonly<Record<string, unknown>>,
    header?: Readonly<Record<string, string>>,
  ): Promise<string>;
}

export const ISSUER = 'https://issuer.test';
export const AUDIENCE = 'millrace';
/** A whole second, so that claims in seconds are exact. */
export const NOW_MS = 1_800_000_000_000;

export function testClock(): ManualClock {
  return new ManualClock(NOW_MS);
}

export async function tokenMaker(alg = 'ES256', kid = 'k1'): Promise<TokenMaker> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid, alg };
  return {
    publicKey: jwk,
    sign(claims = {}, header = {}) {
      const payload = { ...standardClaims(), ...claims };
      return new SignJWT(payload)
        .setProtectedHeader({ alg, kid, typ: 'at+jwt', ...header })
        .sign(privateKey);
    },
  };
}

export function standardClaims(): JWTPayload {
  const nowS = NOW_MS / 1000;
  return { iss: ISSUER, aud: AUDIENCE, sub: 'ann', iat: nowS, exp: nowS + 600 };
}
