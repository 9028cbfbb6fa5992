import path from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  Child,
  eventually,
  freePort,
  portIsBound,
  type TempFolder,
  tempFolder,
} from '@millrace/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { RecordingHost } from '../recording-host.ts';
import { runBrokerCommand } from './broker-command.ts';

const CLI = fileURLToPath(new URL('../cli.ts', import.meta.url));
const LISTENING = /listening on 127\.0\.0\.1:(\d+)/;
const START_TIMEOUT_MS = 60_000;

let folder: TempFolder;
let children: Child[];
beforeEach(() => {
  folder = tempFolder('command');
  children = [];
});
afterEach(async () => {
  for (const child of children) if (child.running) process.kill(child.pid, 'SIGKILL');
  await Promise.all(children.map((child) => child.exited));
  folder.remove();
});

function millrace(...argv: string[]): Child {
  const child = new Child(process.execPath, ['--conditions=@millrace/source', CLI, ...argv]);
  children.push(child);
  return child;
}

/** No port is taken beside the one named. */
function overrides(port: number, data = 'data'): string[] {
  return [
    `listeners=PLAINTEXT://127.0.0.1:${port}`,
    `log.dirs=${path.join(folder.path, data)}`,
    'millrace.metrics.listener=',
  ].flatMap((override) => ['--override', override]);
}

async function started(port: number): Promise<Child> {
  const child = millrace('broker', ...overrides(port));
  const found = await child.saying(LISTENING, START_TIMEOUT_MS);
  expect(found[1]).toBe(String(port));
  return child;
}

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s stops it cleanly', async (signal) => {
  const port = await freePort();
  const child = await started(port);
  expect(child.stdout).toContain(`kcat -C -b 127.0.0.1:${port}`);
  expect(child.stdout).toContain('Kafka Server started (kafka.server.KafkaServer)');
  process.kill(child.pid, signal);
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(child.stderr).toContain('millrace: stopped');
  expect(await portIsBound(port)).toBe(false);
});

test('a second signal ends it at once; what nobody caught is one line and exit code 1', async () => {
  const host = new RecordingHost();
  const ended = runBrokerCommand(overrides(0), host);
  await eventually('it listens', START_TIMEOUT_MS, () => LISTENING.exec(host.output) ?? undefined);
  expect(() => host.throwUncaught(new TypeError('x is undefined'))).toThrow('exit 1');
  expect(host.complaints.at(-1)).toMatch(/^millrace: ended by .* TypeError: x is undefined \(at /);
  host.stop('SIGTERM');
  expect(() => host.stop('SIGINT')).toThrow('exit 130');
  expect(await ended).toBe(0);
  expect(host.complaints).toContain('millrace: stopping (SIGTERM)');
});

test('a signal that comes while it starts stops it too', async () => {
  const child = millrace('broker', ...overrides(await freePort()));
  await new Promise((resolve) => child.process.once('spawn', resolve));
  // Early enough to meet the start, late enough for the handler to stand; either way it must end.
  await eventually(
    'a data directory',
    START_TIMEOUT_MS,
    () => child.stdout !== '' || child.running,
  );
  process.kill(child.pid, 'SIGTERM');
  const { code, signal } = await child.exited;
  expect([code === 0, signal === 'SIGTERM']).toContain(true);
});

test('a taken port is one sentence and exit code 1', async () => {
  const port = await freePort();
  await started(port);
  const second = millrace('broker', ...overrides(port, 'other'));
  expect((await second.exited).code).toBe(1);
  expect(
    second.stderr
      .trim()
      .split('\n')
      .filter((line) => line.startsWith('millrace:')),
  ).toEqual([expect.stringMatching(new RegExp(`127\\.0\\.0\\.1:${port}`))]);
  expect(second.stderr).not.toMatch(/^\s+at /m);
});

test('a data directory in use is one sentence and exit code 1', async () => {
  await started(await freePort());
  const second = millrace('broker', ...overrides(await freePort()));
  expect((await second.exited).code).toBe(1);
  expect(second.stderr).toMatch(/Another broker uses that directory/);
});

test.each([
  ['a missing file', ['broker', 'nowhere.properties'], /cannot read nowhere\.properties/],
  ['a bad override', ['broker', '--override', 'nonsense'], /key=value/],
  ['a bad value', ['broker', '--override', 'num.partitions=many'], /num\.partitions/],
  ['an unknown command', ['brokr'], /no command brokr/],
])('%s is one sentence and exit code 1', async (_, argv, sentence) => {
  const child = millrace(...argv);
  expect((await child.exited).code).toBe(1);
  expect(child.stderr).toMatch(sentence);
  expect(child.stderr.trim().split('\n')).toHaveLength(1);
});

test('it stops when the pipe of its launcher ends, though the launcher was killed', async () => {
  const port = await freePort();
  const launcher = new Child(process.execPath, ['-e', LAUNCHER, CLI, ...overrides(port)]);
  children.push(launcher);
  const [, pid] = await launcher.saying(/broker (\d+) is up/, START_TIMEOUT_MS);
  expect(await portIsBound(port)).toBe(true);
  process.kill(launcher.pid, 'SIGKILL');
  await eventually('the broker is gone', START_TIMEOUT_MS, async () => {
    if (await portIsBound(port)) return undefined;
    try {
      process.kill(Number(pid), 0);
      return undefined;
    } catch {
      return true;
    }
  });
});

/** Starts a broker with a lifeline in a process group of its own, as a launcher does. */
const LAUNCHER = `
  const [cli, ...argv] = process.argv.slice(1);
  const child = require('node:child_process').spawn(
    process.execPath,
    ['--conditions=@millrace/source', cli, 'broker', ...argv],
    { detached: true, env: { ...process.env, MILLRACE_LIFELINE_FD: '3' }, stdio: ['ignore', 'pipe', 'ignore', 'pipe'] },
  );
  child.stdout.on('data', (text) => {
    if (String(text).includes('listening on')) console.log('broker ' + child.pid + ' is up');
  });
`;
