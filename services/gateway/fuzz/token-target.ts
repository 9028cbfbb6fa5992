import { createHmac } from 'node:crypto';
import type { Target } from '../../../packages/gateway-protocol/fuzz/guided.ts';
import { mutateText } from '../../../packages/gateway-protocol/fuzz/mutations.ts';
import { AuthError } from '../src/auth/auth-error.ts';
import type { Grants } from '../src/auth/grants.ts';
import { secretKeySource } from '../src/auth/key-source.ts';
import { AUDIENCE, ISSUER, standardClaims, testClock } from '../src/auth/testing/tokens.ts';
import { TokenVerifier } from '../src/auth/token-verifier.ts';

const SECRET = 's'.repeat(64);
const HEADER = { alg: 'HS256', typ: 'at+jwt' };
const READ = { topic: 'orders-*', partitions: [0, 3], key: '{sub}-*', watermark: true };

/** Tokens by their header and claims, a line of JSON each, with a right signature: all of it reaches the checks. */
export function tokenTarget(): Target {
  const verifier = new TokenVerifier({
    keys: secretKeySource(SECRET),
    algorithms: ['HS256'],
    issuer: ISSUER,
    audience: AUDIENCE,
    clock: testClock(),
  });
  return {
    name: 'tokens',
    seeds: claimSets().map((claims) => Buffer.from(`${JSON.stringify(HEADER)}\n${claims}`)),
    mutate: mutateText,
    run: async (text) => {
      const [header = '', claims = ''] = Buffer.from(text).toString('latin1').split('\n');
      const token = sealed(header, claims);
      const principal = await allowed(verifier.principal(token));
      if (principal !== null) use(principal.grants);
      const grant = await allowed(verifier.subscriptionGrant(token));
      grant?.mayRead('orders-1');
    },
  };
}

function claimSets(): string[] {
  const full = {
    v: 1,
    tenant: 'acme',
    read: [READ, { topic: '{tenant}.*', header: { name: 'h', value: 'x' }, rate: 9 }],
    write: [{ topic: 'orders-*', key: 'k', leaderAck: true }],
    commit: ['mine-*'],
    limits: { connections: 2, subscriptions: 3, streams: 9 },
  };
  const standard = standardClaims();
  return [
    JSON.stringify(standard),
    JSON.stringify({ ...standard, jti: 'j', mr: full }),
    JSON.stringify({ ...standard, mr: { v: 1, read: [READ] } }),
  ];
}

function sealed(header: string, claims: string): string {
  const [head, body] = [header, claims].map((part) =>
    Buffer.from(part, 'latin1').toString('base64url'),
  );
  const signed = `${head}.${body}`;
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

/** The result, or null for a token that was refused in order. */
async function allowed<T>(checked: Promise<T>): Promise<T | null> {
  try {
    return await checked;
  } catch (error) {
    if (error instanceof AuthError) return null;
    throw error;
  }
}

function use(grants: Grants): void {
  for (const topic of ['orders-1', 'acme.x', '']) {
    grants.mayRead(topic);
    grants.mayWrite(topic);
    grants.mayCommit(topic);
  }
}
