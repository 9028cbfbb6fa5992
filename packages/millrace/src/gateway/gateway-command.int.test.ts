import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  Child,
  eventually,
  freePort,
  freePorts,
  MillraceProcess,
  portIsBound,
  type TempFolder,
  tempFolder,
} from '@millrace/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { RecordingHost } from '../recording-host.ts';
import { UsageError } from '../usage-error.ts';
import { runGatewayCommand } from './gateway-command.ts';

const CLI = fileURLToPath(new URL('../cli.ts', import.meta.url));
const START_TIMEOUT_MS = 60_000;
/** Three processes that start at once, on a machine with much else to do. */
const FLEET_TIMEOUT_MS = 180_000;

let folder: TempFolder;
let broker: MillraceProcess;
let children: Child[] = [];

beforeAll(async () => {
  folder = tempFolder('gateway-command');
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })).export({
    format: 'jwk',
  });
  writeFileSync(keysFile(), JSON.stringify({ keys: [{ ...jwk, kid: 'k1' }] }));
  broker = await MillraceProcess.start();
});
afterEach(async () => {
  for (const child of children) await child.kill();
  children = [];
});
afterAll(async () => {
  await broker.stop();
  folder.remove();
});

function keysFile(): string {
  return path.join(folder.path, 'keys.json');
}

function gateway(overrides: readonly string[]): Child {
  const argv = overrides.flatMap((override) => ['--override', override]);
  const child = new Child(process.execPath, [
    '--conditions=@millrace/source',
    CLI,
    'gateway',
    ...argv,
  ]);
  children.push(child);
  return child;
}

function settings(port: number, more: readonly string[] = []): string[] {
  return [
    `gateway.kafka.bootstrap.servers=${broker.bootstrap}`,
    `gateway.listen=127.0.0.1:${port}`,
    'gateway.admin.listen=127.0.0.1:0',
    `gateway.auth.keys=${keysFile()}`,
    'gateway.auth.issuer=https://issuer.test',
    'gateway.auth.audience=millrace',
    'gateway.drain.spread.ms=0',
    'gateway.drain.close.after.ms=0',
    ...more,
  ];
}

async function adminOf(child: Child): Promise<string> {
  const [, url = ''] = await child.saying(/health and metrics are on (\S+)/, START_TIMEOUT_MS);
  return url;
}

test('it serves health and metrics, keeps the page for itself, and drains at SIGTERM', async () => {
  const port = await freePort();
  const child = gateway(settings(port));
  const admin = await adminOf(child);
  expect(await (await fetch(`${admin}/readyz`)).json()).toEqual({ status: 'ready' });
  expect((await fetch(`${admin}/healthz`)).status).toBe(200);
  const metrics = await (await fetch(`${admin}/metrics`)).text();
  expect(metrics).toMatch(/^millrace_gateway_listener_options_applied 1$/m);
  for (const ofProcess of ['process_cpu_seconds_total', 'nodejs_eventloop_lag_max_seconds'])
    expect(metrics).toContain(`# TYPE ${ofProcess} `);
  expect((await fetch(`${admin}/metrics`, { method: 'POST' })).status).toBe(405);
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404);
  process.kill(child.pid, 'SIGTERM');
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(await portIsBound(port)).toBe(false);
});

/** What is refused before it serves, in this process. */
async function refusal(overrides: readonly string[]): Promise<string> {
  const argv = overrides.flatMap((override) => ['--override', override]);
  try {
    await runGatewayCommand(argv, new RecordingHost());
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as Error).message;
  }
  throw new Error('it ran');
}

test.each<[string, readonly string[], RegExp]>([
  ['no key source', ['gateway.listen=127.0.0.1:0'], /Nothing tells whether a token is genuine/],
  ['an unknown setting', ['gateway.lisen=x'], /gateway\.lisen is no setting/],
  ['a public address', ['gateway.auth.mode=none', 'gateway.listen=0.0.0.0:1'], /no TLS/],
])('C40: %s is one sentence', async (_, overrides, sentence) => {
  const said = await refusal(overrides);
  expect(said).toMatch(sentence);
  expect(said).not.toContain('\n');
});

test.each([
  ['keys that are not there', 'gateway.auth.keys=/nowhere.json', /gateway\.auth\.keys: ENOENT/],
  ['a cluster that is not there', 'gateway.kafka.bootstrap.servers=127.0.0.1:1', /did not start/],
])('%s: one sentence', async (_, override, sentence) => {
  const said = await refusal(
    settings(await freePort(), [override, 'gateway.kafka.request.timeout.ms=1000']),
  );
  expect(said).toMatch(sentence);
  expect(said).not.toContain('\n');
});

test.each([1, 2])('a taken port is one sentence, with %d process(es)', async (count) => {
  const port = await freePort();
  const stranger = createServer().listen(port, '127.0.0.1');
  const said = await refusal(settings(port, [`gateway.processes=${count}`]));
  expect(said).toMatch(new RegExp(`127\\.0\\.0\\.1:${port}.*taken`));
  await new Promise((resolve) => stranger.close(resolve));
});

test('several processes share the port, and all end with the first', async () => {
  // The second process takes the port after the first one's.
  const [adminPort = 0, , port = 0] = await freePorts(3);
  const child = gateway(
    settings(port, ['gateway.processes=2', `gateway.admin.listen=127.0.0.1:${adminPort}`]),
  );
  for (const admin of [adminPort, adminPort + 1]) {
    const became = await eventually('it is ready', FLEET_TIMEOUT_MS, async () => {
      if (!child.running) return `ended: ${child.stdout}${child.stderr}`;
      return (await fetch(`http://127.0.0.1:${admin}/readyz`)).status === 200 && 'ready';
    });
    expect(became).toBe('ready');
  }
  const processes = workersOn(port);
  expect(processes).toHaveLength(2);
  await child.kill();
  await eventually('nothing is left', START_TIMEOUT_MS, () => workersOn(port).length === 0);
  expect(await portIsBound(port)).toBe(false);
}, 400_000);

/** Processes of the fleet, without its head: they carry their number in the environment. */
function workersOn(port: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return environment.includes('MILLRACE_GATEWAY_PROCESS=') && line.includes(`:${port}\0`);
      } catch {
        return false; // gone meanwhile
      }
    });
}
