import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { get } from 'node:https';
import path from 'node:path';
import { createLogger } from '@millrace/base';
import { Admin } from '@millrace/client';
import { GatewayClient, type GatewayError } from '@millrace/gateway-client';
import { ErrorCode } from '@millrace/gateway-protocol';
import {
  eventually,
  FrameClient,
  MillraceProcess,
  type TempFolder,
  tempFolder,
} from '@millrace/testing';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RunningGateway, startGateway } from './gateway.ts';

/** It is looked at every 200 ms; what is promised is five seconds. */
const GONE_MS_MAX = 60_000;

let folder: TempFolder;
let broker: MillraceProcess;
/** All that the gateways of this file said, at the level that says most. */
const logged: string[] = [];
/** What must never stand there: tokens and their parts, keys, values. */
const secrets: string[] = [];
let sign: (claims: Record<string, unknown>) => Promise<string>;
let gateways: RunningGateway[] = [];
let clients: GatewayClient[] = [];

beforeAll(async () => {
  folder = tempFolder('gateway');
  broker = await MillraceProcess.start();
  const admin = new Admin({ bootstrapServers: broker.bootstrap });
  const topics = ['orders', 'secret'].map((name) => ({ name, partitionCount: 1 }));
  for (const topic of topics) await admin.createTopics([topic]);
  admin.close();
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1' }] };
  writeFileSync(inFolder('keys.json'), JSON.stringify(keys));
  sign = async (claims) => {
    const token = await new SignJWT({ sub: 'ann', ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1', typ: 'at+jwt' })
      .setIssuer('https://issuer.test')
      .setAudience('millrace')
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(privateKey);
    secrets.push(token, ...token.split('.').slice(1));
    return token;
  };
});
beforeEach(() => writeFileSync(inFolder('revoked.json'), '[]'));
afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await Promise.all(gateways.map((gateway) => gateway.close()));
  [gateways, clients] = [[], []];
});
afterAll(async () => {
  await broker?.stop();
  folder.remove();
});

const inFolder = (name: string): string => path.join(folder.path, name);

async function gateway(...more: readonly string[]): Promise<RunningGateway> {
  const logger = createLogger({ level: 'debug', sink: (line) => void logged.push(line) });
  const started = await startGateway({
    logger,
    overrides: [
      `gateway.kafka.bootstrap.servers=${broker.bootstrap}`,
      'gateway.listen=127.0.0.1:0',
      'gateway.admin.listen=127.0.0.1:0',
      'gateway.hosts=127.0.0.1',
      'gateway.origins.allow.missing=true',
      `gateway.auth.keys=${inFolder('keys.json')}`,
      'gateway.auth.issuer=https://issuer.test',
      'gateway.auth.audience=millrace',
      `gateway.auth.revocations.file=${inFolder('revoked.json')}`,
      'gateway.auth.revocations.ms=200',
      'gateway.drain.spread.ms=0',
      'gateway.drain.close.after.ms=0',
      ...more,
    ],
  });
  gateways.push(started);
  return started;
}

/** A client whose end, once it came, is in `end`. */
function clientOf({ port }: RunningGateway, getToken: () => Promise<string>) {
  const url = `ws://127.0.0.1:${port}/v1/ws`;
  const client = new GatewayClient({ url, getToken, reconnect: { attempts: 0 } });
  clients.push(client);
  const seen: { end: GatewayError | null } = { end: null };
  client.on('error', (error) => {
    seen.end = error;
  });
  return { client, seen };
}

const READ_ORDERS = { v: 1, read: [{ topic: 'orders' }], write: [{ topic: 'orders' }] };

describe('tokens, from the broker to the client', () => {
  test('C41: a revoked jti is closed with 4508', async () => {
    const token = await sign({ jti: 'j1', mr: READ_ORDERS });
    const { client, seen } = clientOf(await gateway(), async () => token);
    await client.ping();
    writeFileSync(inFolder('revoked.json'), '[{"jti":"j1"}]');
    await eventually('it is closed', GONE_MS_MAX, () => client.state === 'closed');
    expect(seen.end?.code).toBe(4508);
  });

  test('C40: a token of a key that is not known is closed with 4503', async () => {
    const other = await generateKeyPair('ES256');
    const token = await new SignJWT({ sub: 'ann' })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1', typ: 'at+jwt' })
      .setIssuer('https://issuer.test')
      .setAudience('millrace')
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(other.privateKey);
    const { client, seen } = clientOf(await gateway(), async () => token);
    await expect(client.ping()).rejects.toThrow();
    expect(seen.end?.code).toBe(4503);
  });

  test('C43: an unknown and a forbidden topic answer alike', async () => {
    const token = await sign({ mr: READ_ORDERS });
    const { client } = clientOf(await gateway(), async () => token);
    const answers = await Promise.all(
      ['secret', 'nowhere'].map(async (topic) => {
        const subscription = client.subscribe(topic);
        const error = await subscription[Symbol.asyncIterator]()
          .next()
          .then(
            () => null,
            (refused: GatewayError) => refused,
          );
        return [error?.code, error?.message];
      }),
    );
    expect(answers[0]?.[0]).toBe(103);
    expect(answers[1]).toEqual(answers[0]);
  });

  test('without gateway.demo there is no list of topics', async () => {
    const authorization = `Bearer ${await sign({ mr: READ_ORDERS })}`;
    const list = async (of: RunningGateway) =>
      fetch(`http://127.0.0.1:${of.port}/v1/topics`, { headers: { authorization } });
    expect((await list(await gateway())).status).toBe(404);
  });
});

test('wss: the certificate is served, plaintext is not', async () => {
  const [cert, key] = [inFolder('cert.pem'), inFolder('key.pem')];
  const subject = ['-subj', '/CN=127.0.0.1', '-days', '1', '-nodes', '-x509'];
  const files = [
    '-keyout',
    key,
    '-out',
    cert,
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
  ];
  execFileSync('openssl', ['req', ...subject, ...files], { stdio: 'ignore' });
  const { port } = await gateway(`gateway.tls.cert=${cert}`, `gateway.tls.key=${key}`);
  const status = await new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, rejectUnauthorized: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject);
  });
  expect(status).toBe(404);
  await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
});

test('a start that fails leaves nothing behind', async () => {
  const { port, adminPort } = await gateway();
  await expect(gateway(`gateway.listen=127.0.0.1:${port}`)).rejects.toThrow(`${port}`);
  await expect(gateway(`gateway.admin.listen=127.0.0.1:${adminPort}`)).rejects.toThrow(/is taken/);
  const again = await gateway();
  expect((await fetch(`http://127.0.0.1:${again.adminPort}/readyz`)).status).toBe(200);
});

test('closing answers 503 on /readyz, tells clients to go, and ends', async () => {
  const token = await sign({ mr: READ_ORDERS });
  // It would wait a minute for clients: the end comes when the only one has gone.
  const running = await gateway(
    'gateway.drain.close.after.ms=60000',
    'gateway.drain.deadline.ms=60000',
  );
  const client = await FrameClient.open(running.port);
  client.send({ kind: 'hello', token });
  await client.take('welcome');
  const closed = running.close();
  const answer = await fetch(`http://127.0.0.1:${running.adminPort}/readyz`);
  expect([answer.status, await answer.json()]).toEqual([503, { status: 'draining' }]);
  expect((await client.take('goaway')).code).toBe(ErrorCode.GOING_AWAY);
  client.socket.close();
  await closed;
  await expect(fetch(`http://127.0.0.1:${running.adminPort}/readyz`)).rejects.toThrow();
});

test('C51: the logs of the whole run hold no token, key or value', async () => {
  const [key, value, other] = ['a key: Xk7-qP2', 'a value: Vw9-mN4', 'a value: Zt3-hB8'];
  secrets.push(key, value, other);
  const running = await gateway();
  const { client } = clientOf(running, () => sign({ jti: 'j2', mr: READ_ORDERS }));
  const subscription = client.subscribe('orders', {
    start: 'earliest',
    filter: { key: { eq: key } },
  });
  const reading = subscription[Symbol.asyncIterator]().next();
  await client.publish('orders', { key, value });
  await expect(client.publish('secret', { key, value: other })).rejects.toThrow();
  expect((await reading).done).toBe(false);
  const url = `ws://127.0.0.1:${running.port}/v1/ws`;
  const token = `${await sign({})}x`;
  const { client: refused, seen } = clientOf(running, async () => token);
  await expect(refused.ping()).rejects.toThrow();
  expect(seen.end?.code).toBe(4503);
  for (const message of [
    `{"t":"hello","token":"${token}"`,
    `{"t":"hello","token":"${token}"}`,
    `{"t":"publish","seq":"1","topic":"orders","value":"${value}"}`,
  ]) {
    const socket = new WebSocket(url, 'millrace.v1.json');
    socket.onopen = () => socket.send(message);
    await new Promise((resolve) => socket.addEventListener('close', resolve));
  }
  await client.close();
  await running.close();
  const text = logged.join('\n');
  expect(text).toContain('the gateway serves');
  for (const secret of secrets) expect(text).not.toContain(secret);
});
