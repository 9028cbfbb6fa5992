/** Tokens for the script `token`, signed with a key that lives as long as the run. */
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';

/** A token counts this long after it has expired, because clocks differ (§16.1 of the gateway's design). */
const SKEW_SECONDS = 60;
const ISSUER = 'https://k6.example';
const AUDIENCE = 'k6';
const KEY_ID = 'k6';

export interface Tokens {
  /** What a gateway must be told to accept them. */
  readonly settings: Readonly<Record<string, string>>;
  /** A token that the gateway ends a connection for after `lifeSeconds`. */
  newToken(): Promise<string>;
}

export async function startTokens(keysFile: string, lifeSeconds: number): Promise<Tokens> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const key = { ...publicKey.export({ format: 'jwk' }), kid: KEY_ID, alg: 'EdDSA', use: 'sig' };
  writeFileSync(keysFile, JSON.stringify({ keys: [key] }));
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return {
    settings: {
      'gateway.auth.mode': 'jwt',
      'gateway.auth.keys': keysFile,
      'gateway.auth.issuer': ISSUER,
      'gateway.auth.audience': AUDIENCE,
    },
    newToken: async () => {
      const now = Math.floor(Date.now() / 1000);
      const claims = {
        ...{ iss: ISSUER, aud: AUDIENCE, sub: 'k6', jti: randomUUID() },
        ...{ iat: now - SKEW_SECONDS, exp: now + lifeSeconds - SKEW_SECONDS },
        mr: { v: 1, tenant: 'k6', read: [{ topic: '*' }] },
      };
      const head = { alg: 'EdDSA', kid: KEY_ID, typ: 'at+jwt' };
      const signed = `${part(head)}.${part(claims)}`;
      return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString('base64url')}`;
    },
  };
}
