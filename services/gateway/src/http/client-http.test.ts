import { silentLogger } from '@millrace/base';
import { describe, expect, test } from 'vitest';
import { AuthError } from '../auth/auth-error.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import { grantsOf, readGrantsClaim } from '../auth/grants-claim.ts';
import { readGatewayConfig } from '../config/read-config.ts';
import type { PlainAnswer, PlainRequest } from '../ws/socket-server.ts';
import { ClientHttp } from './client-http.ts';
import type { PageFiles } from './page-files.ts';

const MR = {
  v: 1,
  read: [{ topic: 'orders', watermark: true }, { topic: 'open.*' }],
  write: [{ topic: 'in' }],
};
const ann: Authenticator = {
  verify: async (token) => {
    if (token !== 'good') throw new AuthError('signature', 'The signature of the token is wrong.');
    return {
      subject: 'ann',
      tenant: '',
      expiresAtMs: 1,
      issuedAtMs: 0,
      jti: null,
      grants: grantsOf(readGrantsClaim(MR, 'ann')),
    };
  },
  verifyGrant: () => Promise.reject(new Error('not asked for')),
};
const page = { answer: (path: string) => (path === '/' ? { status: 200, body: 'page' } : null) };
const topics = ['secret', 'orders', 'open.a', 'in', '__consumer_offsets'].map((name) => ({
  name,
  partitionCount: 3,
}));

function http(hasPage = true, list = async () => topics): ClientHttp {
  const config = readGatewayConfig({
    overrides: [
      'gateway.auth.mode=none',
      'gateway.hosts=app.test',
      'gateway.origins=https://app.test',
    ],
  });
  return new ClientHttp({
    config,
    log: silentLogger,
    page: hasPage ? (page as PageFiles) : null,
    authenticator: ann,
    topics: list,
  });
}

function ask(path: string, headers: Record<string, string> = {}, method = 'get', of = http()) {
  const all: Record<string, string> = { host: 'app.test', ...headers };
  const request: PlainRequest = {
    path,
    method,
    query: null,
    peerAddress: '127.0.0.1',
    proxiedAddress: '',
    header: (name) => all[name] ?? '',
    headerLines: (name) => all[name] ?? '',
  };
  return Promise.resolve(of.answer(request));
}

const bodyOf = ({ body }: PlainAnswer) => JSON.parse(String(body)) as unknown;

test('topics are those of the principal, partitions only where watermarks may be seen', async () => {
  const answer = await ask('/v1/topics', { authorization: 'Bearer good' });
  expect(answer.status).toBe(200);
  expect(bodyOf(answer)).toEqual({
    subject: 'ann',
    topics: [
      { name: 'in', read: false, write: true },
      { name: 'open.a', read: true, write: false },
      { name: 'orders', read: true, write: false, partitions: 3 },
    ],
  });
});

describe('what is refused', () => {
  test.each<[string, string, Record<string, string>, string, number]>([
    ['no token', '/v1/topics', {}, 'get', 401],
    ['a wrong token', '/v1/topics', { authorization: 'Bearer bad' }, 'get', 401],
    ['a token in a query is not looked at', '/v1/topics?token=good', {}, 'get', 404],
    ['another host', '/', { host: 'evil.test' }, 'get', 421],
    ['another origin', '/v1/topics', { origin: 'https://evil.test' }, 'get', 403],
    ['another method', '/', {}, 'post', 405],
    ['another path', '/etc/passwd', {}, 'get', 404],
    ['no upgrade', '/v1/ws', {}, 'get', 426],
  ])('%s', async (_, path, headers, method, status) => {
    expect((await ask(path, headers, method)).status).toBe(status);
  });

  test('everything, without gateway.demo', async () => {
    for (const path of ['/', '/v1/topics', '/page.js']) {
      expect((await ask(path, { authorization: 'Bearer good' }, 'get', http(false))).status).toBe(
        404,
      );
    }
  });

  test('a cluster that does not answer is 503, and says nothing of why', async () => {
    const of = http(true, () => Promise.reject(new Error('10.1.2.3:9092 refused')));
    const answer = await ask('/v1/topics', { authorization: 'Bearer good' }, 'get', of);
    expect([answer.status, String(answer.body)]).toEqual([503, 'The cluster does not answer.\n']);
  });
});

test('the page itself needs no token', async () => {
  expect(await ask('/')).toEqual({ status: 200, body: 'page' });
});
