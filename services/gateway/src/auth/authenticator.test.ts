import { type ManualClock, silentLogger } from '@millrace/base';
import { beforeEach, describe, expect, test } from 'vitest';
import { createGatewayMetrics, type GatewayMetrics } from '../metrics.ts';
import type { AuthError } from './auth-error.ts';
import { TokenAuthenticator } from './authenticator.ts';
import { type FetchKeys, PublicKeySource } from './key-source.ts';
import type { Revocable } from './revocations.ts';
import {
  AUDIENCE,
  ISSUER,
  NOW_MS,
  type TokenMaker,
  testClock,
  tokenMaker,
} from './testing/tokens.ts';
import { TokenVerifier } from './token-verifier.ts';

let clock: ManualClock;
let maker: TokenMaker;
let verified: number;
let revoked: (token: Revocable) => boolean;
let metrics: GatewayMetrics;

beforeEach(async () => {
  clock = testClock();
  maker = await tokenMaker();
  verified = 0;
  revoked = () => false;
  metrics = createGatewayMetrics().families;
});

function authenticatorOf(fetchKeys: FetchKeys | null = null, concurrency = 8): TokenAuthenticator {
  const source = new PublicKeySource({
    staticKeys: fetchKeys === null ? { keys: [maker.publicKey] } : null,
    fetchKeys,
    maxStaleMs: 3_600_000,
    clock,
    log: silentLogger,
  });
  const key: PublicKeySource['key'] = (header, token) => {
    verified++;
    return source.key(header, token);
  };
  const verifier = new TokenVerifier({
    keys: { key },
    algorithms: ['ES256'],
    issuer: ISSUER,
    audience: AUDIENCE,
    clock,
  });
  const revocations = { isRevoked: (token: Revocable) => revoked(token), onChange: () => {} };
  return new TokenAuthenticator({ verifier, revocations, clock, metrics, concurrency });
}

/** What a refusal says, with the delay of refusals run through. */
async function refusal(promise: Promise<unknown>): Promise<{ failure: string; waitedMs: number }> {
  const startedAtMs = clock.monotonicMs();
  let over: { failure: string } | undefined;
  promise.catch((error: { failure: string }) => {
    over = error;
  });
  while (over === undefined) {
    // Real work (WebCrypto) first; virtual time moves only while nothing else does.
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(1);
  }
  return { failure: over.failure, waitedMs: clock.monotonicMs() - startedAtMs };
}

test('a token is verified once, whoever brings it and however many do at once', async () => {
  const authenticator = authenticatorOf();
  const token = await maker.sign();
  await Promise.all([1, 2, 3].map(() => authenticator.verify(token, '10.0.0.1')));
  await authenticator.verify(token, '10.0.0.2');
  expect(verified).toBe(1);
  expect(metrics.auth.with('ok').value).toBe(4);
  expect(metrics.tokenCacheEntries.with().value).toBe(1);
});

test('as many as come at once wait for their turn: with one new token, and each with one of their own', async () => {
  const authenticator = authenticatorOf(null, 1);
  const token = await maker.sign({ jti: 'new' });
  const connections = Array.from({ length: 190 }, (_, at) => at);
  await Promise.all(connections.map(() => authenticator.verify(token, '10.0.0.1')));
  expect(verified).toBe(1);
  const own = await Promise.all(connections.map((at) => maker.sign({ jti: String(at) })));
  await Promise.all(own.map((each) => authenticator.verify(each, '10.0.0.1')));
  expect(verified).toBe(191);
  expect(metrics.auth.with('ok').value).toBe(380);
});

test('a wrong token is answered 100 ms later; a remembered one expires all the same', async () => {
  const authenticator = authenticatorOf();
  const { failure, waitedMs } = await refusal(authenticator.verify('nonsense', '10.0.0.1'));
  expect(failure).toBe('malformed');
  expect(waitedMs).toBeGreaterThanOrEqual(100);
  const token = await maker.sign({ exp: NOW_MS / 1000 + 5 });
  await authenticator.verify(token, '10.0.0.1');
  clock.advance(66_000);
  expect((await refusal(authenticator.verify(token, '10.0.0.1'))).failure).toBe('expired');
});

test('C41: a remembered token that is revoked lets nobody in', async () => {
  const authenticator = authenticatorOf();
  const token = await maker.sign({ jti: 'gone' });
  await authenticator.verify(token, '10.0.0.1');
  revoked = ({ jti }) => jti === 'gone';
  const over = authenticator.verify(token, '10.0.0.1');
  expect((await refusal(over)).failure).toBe('revoked');
  await expect(over).rejects.toMatchObject({ closeCode: 4508 });
});

test('an address that guesses is not listened to for a while; others and known tokens are', async () => {
  const authenticator = authenticatorOf();
  const good = await maker.sign();
  await authenticator.verify(good, '10.0.0.1');
  for (let i = 0; i < 60; i++) await refusal(authenticator.verify(`a.b.${i}`, '10.0.0.1'));
  const fresh = await maker.sign({ jti: 'fresh' });
  const over = authenticator.verify(fresh, '10.0.0.1');
  expect((await refusal(over)).failure).toBe('abuse');
  await expect(over).rejects.toMatchObject({ closeCode: 4003, errorCode: 111 });
  const { retryAfterMs } = (await over.catch((error: unknown) => error)) as AuthError;
  expect(retryAfterMs).toBeGreaterThan(0);
  expect(retryAfterMs).toBeLessThanOrEqual(60_000);
  await authenticator.verify(good, '10.0.0.1');
  await authenticator.verify(fresh, '10.0.0.2');
  clock.advance(60_000);
  await authenticator.verify(await maker.sign({ jti: 'later' }), '10.0.0.1');
});

test('tokens that are rightly signed and no longer good are no guesses', async () => {
  const authenticator = authenticatorOf();
  revoked = ({ jti }) => jti === 'gone';
  const wrongs = [
    { exp: NOW_MS / 1000 - 3600 },
    { aud: 'other' },
    { jti: 'gone' },
    { mr: { v: 9 } },
  ];
  for (let i = 0; i < 60; i++) {
    const token = await maker.sign({ ...wrongs[i % 4], pad: i });
    await refusal(authenticator.verify(token, '10.0.0.1'));
  }
  const fresh = await authenticator.verify(await maker.sign({ jti: 'fresh' }), '10.0.0.1');
  expect(fresh.subject).toBe('ann');
});

test('no more are verified at once than configured', async () => {
  let [atWork, most] = [0, 0];
  const authenticator = authenticatorOf(async () => {
    atWork++;
    most = Math.max(most, atWork);
    await new Promise((resolve) => setImmediate(resolve));
    atWork--;
    return { keys: [maker.publicKey] };
  }, 2);
  const tokens = await Promise.all([1, 2, 3, 4, 5].map((i) => maker.sign({ jti: String(i) })));
  await Promise.all(tokens.map((token) => authenticator.verify(token, '10.0.0.1')));
  expect(most).toBeLessThanOrEqual(2);
  expect(metrics.verify.with().count).toBe(5);
});

describe('keys that are fetched', () => {
  test('C40: known keys work while the source is down, until they are too old; then nobody gets in', async () => {
    let isDown = false;
    const authenticator = authenticatorOf(async () => {
      if (isDown) throw new Error('down');
      return { keys: [maker.publicKey] };
    });
    await authenticator.verify(await maker.sign(), '10.0.0.1');
    isDown = true;
    const lasting = { exp: NOW_MS / 1000 + 100_000 };
    clock.advance(3_500_000);
    await authenticator.verify(await maker.sign({ ...lasting, jti: 'a' }), '10.0.0.1');
    clock.advance(200_000);
    const over = authenticator.verify(await maker.sign({ ...lasting, jti: 'b' }), '10.0.0.1');
    expect((await refusal(over)).failure).toBe('keys_unavailable');
    await expect(over).rejects.toMatchObject({ closeCode: 4003 });
    isDown = false;
    clock.advance(60_000);
    await authenticator.verify(await maker.sign({ ...lasting, jti: 'c' }), '10.0.0.1');
  });

  test('an unknown kid leads to one fetch a minute', async () => {
    const next = await tokenMaker('ES256', 'k2');
    let fetches = 0;
    const keys = [maker.publicKey];
    const authenticator = authenticatorOf(async () => {
      fetches++;
      return { keys: [...keys] };
    });
    await authenticator.verify(await maker.sign(), '10.0.0.1');
    expect(fetches).toBe(1);
    clock.advance(60_000);
    const unknown = await next.sign();
    expect((await refusal(authenticator.verify(unknown, '10.0.0.1'))).failure).toBe('key');
    expect((await refusal(authenticator.verify(unknown, '10.0.0.1'))).failure).toBe('key');
    expect(fetches).toBe(2);
    keys.push(next.publicKey);
    clock.advance(60_000);
    await authenticator.verify(unknown, '10.0.0.1');
    expect(fetches).toBe(3);
  });
});

test('C42: a grant made for somebody else is refused', async () => {
  const authenticator = authenticatorOf();
  const ann = await authenticator.verify(await maker.sign(), '10.0.0.1');
  const mr = { v: 1, read: [{ topic: 'orders' }] };
  await authenticator.verifyGrant(await maker.sign({ mr }), ann);
  const foreign = await maker.sign({ mr, sub: 'bob' });
  await expect(authenticator.verifyGrant(foreign, ann)).rejects.toMatchObject({
    failure: 'grants',
  });
  const tenant = await maker.sign({ mr: { ...mr, tenant: 'acme' } });
  await expect(authenticator.verifyGrant(tenant, ann)).rejects.toMatchObject({ failure: 'grants' });
});

test('C42: a grant counts as long as clocks may differ, as a token does', async () => {
  const authenticator = authenticatorOf();
  const ann = await authenticator.verify(await maker.sign(), '10.0.0.1');
  const grantOf = async (endS: number) => {
    const mr = { v: 1, read: [{ topic: 'orders' }] };
    return authenticator.verifyGrant(await maker.sign({ mr, exp: NOW_MS / 1000 + endS }), ann);
  };
  expect((await grantOf(30)).expiresAtMs).toBe(NOW_MS + 30_000);
  expect((await grantOf(-30)).expiresAtMs).toBe(NOW_MS + 30_000);
  expect((await grantOf(-30)).mayRead('orders')).not.toBeNull();
  await expect(grantOf(-61)).rejects.toMatchObject({ failure: 'expired' });
});
