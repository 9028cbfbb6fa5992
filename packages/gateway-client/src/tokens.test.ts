import { CloseCode } from '@millrace/gateway-protocol';
import { expect, test } from 'vitest';
import { filled, read } from './fake-consumer.test-server.ts';
import { FakeGateway, type Peer } from './fake-gateway.test-server.ts';
import type { TokenReason } from './options.ts';

const peerOf = (gateway: FakeGateway): Peer => [...gateway.peers.values()][0] as Peer;

test('tokens: one for each connection, a fresh one after a refusal, then the end', async () => {
  const gateway = new FakeGateway();
  filled(gateway, 't', 5);
  const asked: TokenReason[] = [];
  const getToken = async (why: TokenReason): Promise<string> => {
    asked.push(why);
    return `token ${asked.length}`;
  };
  let refusals = 1;
  gateway.intercept = (peer, frame) => {
    if (frame.kind !== 'hello' || refusals-- <= 0) return false;
    peer.socket.drop(CloseCode.UNAUTHENTICATED);
    return true;
  };
  const client = gateway.client({ getToken });
  const errors: number[] = [];
  client.on('error', ({ code }) => errors.push(code));
  client.subscribe('t');
  await gateway.run(50);
  expect(client.state).toBe('ready');
  expect(gateway.got('hello')[0]?.token).toBe('token 2');
  gateway.dropAll(CloseCode.TOKEN_EXPIRED);
  await gateway.run(1_000);
  expect(asked).toEqual(['connect', 'rejected', 'expiring']);
  refusals = 5;
  gateway.dropAll();
  await gateway.run(5_000);
  expect(asked.slice(3)).toEqual(['connect', 'rejected']);
  expect(client.state).toBe('closed');
  expect(errors).toContain(CloseCode.UNAUTHENTICATED);
});

test('a token is refreshed in place, again when getting one failed', async () => {
  const gateway = new FakeGateway();
  filled(gateway, 't', 5);
  let failures = 1;
  const getToken = async (why: TokenReason): Promise<string> => {
    if (why === 'expiring' && failures-- > 0) throw new Error('offline');
    return why;
  };
  const client = gateway.client({ getToken });
  const { seen } = read(client.subscribe('t', { start: 'earliest' }));
  await gateway.run(50);
  gateway.send(peerOf(gateway), { kind: 'tokenExpiring', tokenExpiresMs: 1n });
  await gateway.run(1_000);
  expect(gateway.got('auth').map(({ token }) => token)).toEqual(['expiring']);
  expect(gateway.sockets).toHaveLength(1);
  expect(seen).toHaveLength(5);
});

test('a refresh that the gateway has no room for is tried again when it said', async () => {
  const gateway = new FakeGateway();
  filled(gateway, 't', 5);
  const client = gateway.client({ getToken: async (why) => why });
  client.subscribe('t');
  await gateway.run(50);
  let refusals = 1;
  gateway.intercept = (peer, frame) => {
    if (frame.kind !== 'auth' || refusals-- <= 0) return false;
    const { req } = frame;
    const refusal = { code: 111, retryable: true, retryAfterMs: 1_000 };
    gateway.send(peer, { kind: 'error', id: req, ...refusal });
    return true;
  };
  gateway.send(peerOf(gateway), { kind: 'tokenExpiring', tokenExpiresMs: 1n });
  await gateway.run(900);
  expect(gateway.got('auth')).toHaveLength(1);
  await gateway.run(200);
  expect(gateway.got('auth')).toHaveLength(2);
  await gateway.run(20_000);
  expect(gateway.got('auth')).toHaveLength(2);
});

test('a token that does not come is asked for again', async () => {
  const gateway = new FakeGateway();
  filled(gateway, 't', 5);
  let failures = 2;
  const getToken = async (): Promise<string> => {
    if (failures-- > 0) throw new Error('offline');
    return 'token';
  };
  const client = gateway.client({ getToken });
  client.subscribe('t');
  await gateway.run(3_000);
  expect(client.state).toBe('ready');
});
