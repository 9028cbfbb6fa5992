// The front door as a stranger uses it: npm start, and every way to end it.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import {
  Child,
  eventually,
  freePorts,
  portIsBound,
  runProgram,
  type TempFolder,
  tempFolder,
} from '@millrace/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ROOT } from './workspace.ts';

const READY_MS_MAX = 2_000;
/** What `npm --version` takes on a machine for which that is meant and which does nothing else. */
const NPM_MS = 300;
const GONE_MS_MAX = 5_000;
/** For ends that are not timed, and for those of a machine that does something else meanwhile. */
const PATIENCE_MS = 60_000;
const START_TIMEOUT_MS = 60_000;
const TRIES_MAX = 5;

let folder: TempFolder;
let port: number;
let gatewayPort: number;

beforeEach(async () => {
  folder = tempFolder('launcher');
  [port = 0, gatewayPort = 0] = await freePorts(2);
});

afterEach(async () => {
  for (const pid of brokersOn(folder.path)) process.kill(pid, 'SIGKILL');
  folder.remove();
});

function npmStart(...more: string[]): Child {
  return new Child(
    'npm',
    [
      ...['start', '--silent', '--'],
      ...['--override', `listeners=PLAINTEXT://127.0.0.1:${port}`],
      ...['--override', `log.dirs=${folder.path}/data`],
      ...['--override', `gateway.listen=127.0.0.1:${gatewayPort}`],
      ...['--override', 'gateway.admin.listen=127.0.0.1:0'],
      ...['--override', 'millrace.metrics.listener=127.0.0.1:0'],
      ...more,
    ],
    { cwd: ROOT },
  );
}

async function started(): Promise<Child> {
  const npm = npmStart();
  await npm.saying(new RegExp(`listening on .*:${port}`), START_TIMEOUT_MS);
  return npm;
}

/** Processes whose command line names the folder: npm, the launcher and the broker of this test. */
function brokersOn(place: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(place);
      } catch {
        return false; // gone meanwhile
      }
    })
    .map(Number);
}

/** The process below another in the family: npm's child is the launcher, the launcher's the broker. */
function childOf(pid: number): number {
  for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid) return Number(name);
    } catch {
      // gone meanwhile
    }
  }
  throw new Error(`${pid} has no child`);
}

async function expectNothingLeft(): Promise<void> {
  await eventually('no process and no bound port is left', PATIENCE_MS, async () => {
    const isBound = (await portIsBound(port)) || (await portIsBound(gatewayPort));
    return brokersOn(folder.path).length === 0 && !isBound;
  });
  expect(existsSync(path.join(folder.path, 'data', '.kafka_cleanshutdown'))).toBe(true);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const at = performance.now();
  await work();
  return performance.now() - at;
}

test('starts within two seconds, says where it listens and what to try, and starts again from a clean shutdown', async () => {
  await (await started()).stop('SIGINT'); // so that everything is built and warm
  let npm = await started();
  let [fastest, tries] = [Number.POSITIVE_INFINITY, 0];
  // The machine may be slow, or busy with something else: what counts is what the launcher adds to npm's own start.
  while (fastest > READY_MS_MAX && tries++ < TRIES_MAX) {
    process.kill(npm.pid, 'SIGTERM');
    await expectNothingLeft();
    const npmMs = await timed(() => runProgram('npm', ['--version']));
    const readyMs = await timed(async () => {
      npm = await started();
    });
    fastest = Math.min(fastest, readyMs / Math.max(1, npmMs / NPM_MS));
  }
  expect(fastest).toBeLessThan(READY_MS_MAX);
  expect(npm.stdout + npm.stderr).toContain(`${folder.path}/data`);
  expect(npm.stdout).toMatch(/kcat|console-producer/);
  const url = /^millrace: open (http:\/\/\S+)$/m.exec(npm.stdout.split('\n')[0] ?? '')?.[1] ?? '';
  expect(await (await fetch(url)).text()).toContain('<title>Millrace</title>');
  expect(npm.stdout).toContain('reachable from this machine only');
  process.kill(npm.pid, 'SIGTERM');
  await expectNothingLeft();
});

/** Starts and ends until an end took no longer than promised: a busy machine gets a few tries. */
async function expectEnd(signal: NodeJS.Signals, whom: (npm: Child) => number): Promise<void> {
  let [fastest, tries] = [Number.POSITIVE_INFINITY, 0];
  while (fastest > GONE_MS_MAX && tries++ < TRIES_MAX) {
    const npm = await started();
    process.kill(whom(npm), signal);
    fastest = Math.min(fastest, await timed(expectNothingLeft));
    await npm.exited;
  }
  expect(fastest).toBeLessThanOrEqual(GONE_MS_MAX);
}

test('npm alone is asked to end: all is gone within five seconds', async () => {
  await expectEnd('SIGTERM', (npm) => npm.pid);
});

test('npm alone is killed: all is gone within five seconds', async () => {
  await expectEnd('SIGKILL', (npm) => npm.pid);
});

test('the launcher alone is killed: all is gone within five seconds', async () => {
  await expectEnd('SIGKILL', (npm) => childOf(npm.pid));
});

test('the launcher is interrupted, as by Ctrl-C: all is gone within five seconds', async () => {
  await expectEnd('SIGINT', (npm) => childOf(npm.pid));
});

test('a taken port is one clear error', async () => {
  const npm = await started();
  const second = npmStart(
    ...['--override', `log.dirs=${folder.path}/other`],
    ...['--override', 'gateway.listen=127.0.0.1:0'],
  );
  await expectOneClearError(second, port);
  const third = npmStart(
    ...['--override', 'listeners=PLAINTEXT://127.0.0.1:0'],
    ...['--override', `log.dirs=${folder.path}/third`],
  );
  await expectOneClearError(third, gatewayPort);
  process.kill(npm.pid, 'SIGTERM');
  await expectNothingLeft();
});

async function expectOneClearError(npm: Child, taken: number): Promise<void> {
  const { code } = await npm.exited;
  expect(code).not.toBe(0);
  const said = npm.stderr.trim().split('\n');
  expect(said.filter((line) => /^\s+at /.test(line))).toEqual([]);
  expect(said.join('\n')).toMatch(new RegExp(`${taken}.*(in use|taken)|(in use|taken).*${taken}`));
}
