import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { silentLogger } from '@millrace/base';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type AdminParts, AdminServer } from './admin-server.ts';

let server: AdminServer;
let root: string;
let isReady: boolean;
let page: string | null;

const parts: AdminParts = {
  title: 'A test',
  configName: 'test.listen',
  probes: {
    '/live': () => ({ isGood: true, status: 'ok' }),
    '/ready': () => ({ isGood: isReady, status: 'starting', reason: 'It starts.' }),
  },
  metrics: (names, format) =>
    page === null
      ? null
      : Promise.resolve([Buffer.from(page), Buffer.from(`${[...(names ?? [])]} ${format}`)]),
  log: silentLogger,
};

beforeEach(async () => {
  [isReady, page] = [false, 'a page '];
  server = new AdminServer(parts);
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  root = `http://127.0.0.1:${port}`;
});

afterEach(() => server.close());

test('probes answer 200 or 503, and what they say', async () => {
  const live = await fetch(`${root}/live`);
  expect([live.status, await live.json()]).toEqual([200, { status: 'ok' }]);
  const ready = await fetch(`${root}/ready`);
  expect([ready.status, await ready.json()]).toEqual([
    503,
    { status: 'starting', reason: 'It starts.' },
  ]);
  isReady = true;
  expect((await fetch(`${root}/ready`)).status).toBe(200);
});

test('metrics in the format and of the families that were asked for', async () => {
  expect(await (await fetch(`${root}/metrics`)).text()).toBe('a page  prometheus');
  const headers = { accept: 'application/openmetrics-text; version=1.0.0, text/plain' };
  const some = await fetch(`${root}/metrics?name[]=a&name[]=b`, { headers });
  expect(await some.text()).toBe('a page a,b openmetrics');
  expect(some.headers.get('content-type')).toContain('openmetrics');
  expect(some.headers.get('content-encoding')).toBeNull();
});

test('what is large is compressed for whoever takes that', async () => {
  page = 'much '.repeat(1000);
  const packed = await fetch(`${root}/metrics`, { headers: { 'accept-encoding': 'gzip' } });
  expect(packed.headers.get('content-encoding')).toBe('gzip');
  expect(Number(packed.headers.get('content-length'))).toBeLessThan(500);
  expect(await packed.text()).toBe(`${page} prometheus`);
});

test('nothing to show yet is 503; other paths and methods are refused', async () => {
  page = null;
  expect((await fetch(`${root}/metrics`)).status).toBe(503);
  expect(await (await fetch(root)).text()).toBe('A test\n\n/metrics\n/live\n/ready\n');
  expect((await fetch(`${root}/toString`)).status).toBe(404);
  expect((await fetch(`${root}/live`, { method: 'POST' })).status).toBe(405);
  const head = await fetch(`${root}/live`, { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
});

test('a taken address is one clear error, and closing leaves nothing', async () => {
  const { port } = new URL(root);
  const other = new AdminServer(parts);
  await expect(other.listen({ host: '127.0.0.1', port: Number(port) })).rejects.toThrow(
    `Address 127.0.0.1:${port} of test.listen is taken; set another, or port 0 for any.`,
  );
  await other.close();
  await server.close();
  const again: Server = createServer().listen(Number(port), '127.0.0.1');
  await once(again, 'listening');
  again.close();
  await once(again, 'close');
});
