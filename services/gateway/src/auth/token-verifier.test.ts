import { silentLogger } from '@millrace/base';
import type { JWK } from 'jose';
import { base64url, exportSPKI, generateKeyPair, importJWK, SignJWT } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import type { JwtAlgorithm } from '../config/rows/auth.ts';
import { PublicKeySource, secretKeySource } from './key-source.ts';
import {
  AUDIENCE,
  ISSUER,
  NOW_MS,
  standardClaims,
  type TokenMaker,
  testClock,
  tokenMaker,
} from './testing/tokens.ts';
import { TokenVerifier } from './token-verifier.ts';

const NOW_S = NOW_MS / 1000;
const clock = testClock();
let maker: TokenMaker;
let verifier: TokenVerifier;

function verifierOf(keys: readonly JWK[], algorithms: readonly JwtAlgorithm[]): TokenVerifier {
  const source = new PublicKeySource({
    staticKeys: { keys: [...keys] },
    fetchKeys: null,
    maxStaleMs: 1,
    clock,
    log: silentLogger,
  });
  return new TokenVerifier({
    keys: source,
    algorithms,
    issuer: ISSUER,
    audience: AUDIENCE,
    clock,
  });
}

beforeAll(async () => {
  maker = await tokenMaker();
  verifier = verifierOf([maker.publicKey], ['EdDSA', 'ES256', 'RS256']);
});

describe('C40: a token is right in all of it', () => {
  test('a good one gives a principal', async () => {
    const mr = { v: 1, tenant: 'acme', read: [{ topic: 'orders' }] };
    const principal = await verifier.principal(await maker.sign({ jti: 'j1', mr }));
    expect(principal).toMatchObject({
      subject: 'ann',
      tenant: 'acme',
      jti: 'j1',
      expiresAtMs: NOW_MS + 600_000,
      issuedAtMs: NOW_MS,
    });
    expect(principal.grants.mayRead('orders')).not.toBeNull();
    expect(principal.grants.mayWrite('orders')).toBeNull();
  });

  test.each<[string, Record<string, unknown>, Record<string, string>, string]>([
    ['iss of another', { iss: 'https://other.test' }, {}, 'claims'],
    ['aud of another', { aud: 'other' }, {}, 'claims'],
    ['no sub', { sub: undefined }, {}, 'claims'],
    ['an empty sub', { sub: '' }, {}, 'claims'],
    ['no iat', { iat: undefined }, {}, 'claims'],
    ['iat in the future', { iat: NOW_S + 61 }, {}, 'claims'],
    ['no exp', { exp: undefined }, {}, 'claims'],
    ['exp 61 s ago', { exp: NOW_S - 61 }, {}, 'expired'],
    ['nbf in 61 s', { nbf: NOW_S + 61 }, {}, 'claims'],
    ['typ JWT', {}, { typ: 'JWT' }, 'type'],
    ['an unknown kid', {}, { kid: 'k2' }, 'key'],
    ['a broken grant', { mr: { v: 1, read: [{ topics: 'a' }] } }, {}, 'grants'],
  ])('%s is refused', async (_, claims, header, failure) => {
    const token = await maker.sign(claims, header);
    await expect(verifier.principal(token)).rejects.toMatchObject({ name: 'AuthError', failure });
  });

  test.each<[string, Record<string, unknown>]>([
    ['exp 59 s ago', { exp: NOW_S - 59 }],
    ['nbf in 59 s', { nbf: NOW_S + 59 }],
    ['one aud of several', { aud: ['other', AUDIENCE] }],
  ])('%s is accepted', async (_, claims) => {
    await expect(verifier.principal(await maker.sign(claims))).resolves.toBeDefined();
  });

  test.each([
    ['with a fraction', NOW_S + 600.123_456_7, NOW_MS + 600_123],
    ['beyond all dates', 1e306, Number.MAX_SAFE_INTEGER],
  ])('exp %s is a whole number of milliseconds', async (_, exp, expiresAtMs) => {
    const principal = await verifier.principal(await maker.sign({ exp }));
    expect(principal.expiresAtMs).toBe(expiresAtMs);
  });

  test('a grant whose exp has a fraction ends at a whole millisecond', async () => {
    const mr = { v: 1, read: [{ topic: 'orders' }] };
    const grant = await verifier.subscriptionGrant(await maker.sign({ exp: NOW_S + 1.000_7, mr }));
    expect(grant.expiresAtMs).toBe(NOW_MS + 1000);
  });

  test('typ is a media type: letter case and application/ do not matter', async () => {
    const token = await maker.sign({}, { typ: 'application/AT+JWT' });
    await expect(verifier.principal(token)).resolves.toBeDefined();
  });

  test('alg none, signed or not, is refused', async () => {
    const part = (value: object) => base64url.encode(JSON.stringify(value));
    const header = part({ alg: 'none', kid: 'k1', typ: 'at+jwt' });
    const payload = part(standardClaims());
    await expect(verifier.principal(`${header}.${payload}.AA`)).rejects.toMatchObject({
      failure: 'algorithm',
    });
    await expect(verifier.principal(`${header}.${payload}.`)).rejects.toMatchObject({
      failure: 'malformed',
    });
  });

  test('HS256 with an RSA public key as its secret is refused, listed or not', async () => {
    const { publicKey } = await generateKeyPair('RS256', { extractable: true });
    const rsa = await tokenMaker('RS256', 'k1');
    const secret = new TextEncoder().encode(await exportSPKI(publicKey));
    const token = await new SignJWT(standardClaims())
      .setProtectedHeader({ alg: 'HS256', kid: 'k1', typ: 'at+jwt' })
      .sign(secret);
    for (const algorithms of [['RS256'], ['RS256', 'HS256']] as const) {
      const strict = verifierOf([rsa.publicKey], algorithms);
      await expect(strict.principal(token)).rejects.toMatchObject({ name: 'AuthError' });
    }
  });

  test('a token of another key with the same kid is refused', async () => {
    const impostor = await tokenMaker('ES256', 'k1');
    await expect(verifier.principal(await impostor.sign())).rejects.toMatchObject({
      failure: 'signature',
    });
  });

  test('a key is used with its own algorithm only', async () => {
    const rsa = await tokenMaker('RS256', 'rsa');
    const both = verifierOf([{ ...rsa.publicKey, alg: 'RS512' }], ['RS256', 'RS512']);
    await expect(both.principal(await rsa.sign())).rejects.toMatchObject({ failure: 'key' });
  });

  test('9 KiB, and what is no token at all, is refused before anything else', async () => {
    const long = await maker.sign({ pad: 'x'.repeat(9 * 1024) });
    for (const token of [long, '', 'a.b', 'a.b.c.d', '💥.💥.💥', `${'A'.repeat(20)}.e30.AA`])
      await expect(verifier.principal(token)).rejects.toMatchObject({ failure: 'malformed' });
  });

  test('a flipped bit anywhere is refused', async () => {
    const token = await maker.sign({ mr: { v: 1, read: [{ topic: '*' }] } });
    for (let at = 0; at < token.length; at += 7) {
      const flipped = String.fromCharCode(token.charCodeAt(at) ^ 1);
      const broken = token.slice(0, at) + flipped + token.slice(at + 1);
      await expect(verifier.principal(broken)).rejects.toMatchObject({ name: 'AuthError' });
    }
  });

  test('EdDSA and HS256 with its secret work', async () => {
    const ed = await tokenMaker('EdDSA', 'ed');
    await expect(
      verifierOf([ed.publicKey], ['EdDSA']).principal(await ed.sign()),
    ).resolves.toBeDefined();
    const secret = 'a secret of at least thirty-two bytes';
    const jwk = { kty: 'oct', k: base64url.encode(secret) };
    const token = await new SignJWT(standardClaims())
      .setProtectedHeader({ alg: 'HS256', typ: 'mr+jwt' })
      .sign(await importJWK(jwk, 'HS256'));
    const rules = { algorithms: ['HS256'], issuer: ISSUER, audience: AUDIENCE, clock } as const;
    const good = new TokenVerifier({ ...rules, keys: secretKeySource(secret) });
    await expect(good.principal(token)).resolves.toBeDefined();
    const other = new TokenVerifier({ ...rules, keys: secretKeySource(`${secret}!`) });
    await expect(other.principal(token)).rejects.toMatchObject({ failure: 'signature' });
  });
});

describe('C42: a subscription grant', () => {
  const grant = (claims: Record<string, unknown>) =>
    maker.sign({ mr: { v: 1, read: [{ topic: 'orders' }] }, exp: NOW_S + 900, ...claims });

  test('opens its one topic', async () => {
    const right = await verifier.subscriptionGrant(await grant({}));
    expect(right.mayRead('orders')).not.toBeNull();
    expect(right.mayRead('other')).toBeNull();
    expect(right.expiresAtMs).toBe(NOW_MS + 900_000);
  });

  test.each<[string, Record<string, unknown>]>([
    ['no entry', { mr: { v: 1 } }],
    ['two entries', { mr: { v: 1, read: [{ topic: 'a' }, { topic: 'b' }] } }],
    ['16 minutes', { exp: NOW_S + 960 }],
  ])('%s is refused', async (_, claims) => {
    await expect(verifier.subscriptionGrant(await grant(claims))).rejects.toMatchObject({
      failure: 'grants',
    });
  });
});
