// The front door. `npm start`, `npm test`, `npm run check` and `npm run compat` come through here: whatever a clean
// checkout lacks is installed and built, then the command goes on under the Node of node_modules.
//
// Dependency-free and plain JavaScript on purpose: it must run on Node 20 before anything is installed.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const STAMPS = path.join(ROOT, 'node_modules', '.millrace');
const NODE_MAJOR_MIN = 20;
const LIFELINE_FD = 3;
const KILL_AFTER_MS = 30_000;
const PARENT_POLL_MS = 250;

/** What is run once everything stands; `args` are the user's. */
const COMMANDS = {
  setup: () => undefined,
  start: (args) => ({ argv: [umbrellaBin(), 'start', ...brokerArguments(args)], lifeline: true }),
  millrace: (args) => ({ argv: [umbrellaBin(), ...args], lifeline: false }),
  test: (args) => script('run-tests.ts', args),
  check: (args) => script('check.ts', args),
  bench: (args) => script('bench.ts', args),
  compat: (args) => script('../packages/acceptance/compat/run.ts', args),
  fuzz: (args) => script('../packages/acceptance/hostile/run.ts', args),
};

class Refusal extends Error {}

let current; // the child that runs now
let stopping; // the signal that ends us, once one came

main().then(
  (code) => process.exit(code),
  (error) => {
    if (!(error instanceof Refusal)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  },
);

async function main() {
  const [command = 'start', ...args] = process.argv.slice(2);
  const run = COMMANDS[command];
  if (run === undefined)
    throw new Refusal(`Unknown command "${command}": one of ${Object.keys(COMMANDS).join(', ')}.`);
  requireNode();
  watchSignals();
  await installPackages();
  await buildNative();
  await buildTypeScript();
  const target = run(args);
  if (target === undefined) return 0;
  return runChild(nodeBinary(), target.argv, { lifeline: target.lifeline });
}

function script(name, args) {
  const file = path.join(ROOT, 'scripts', name);
  return { argv: ['--conditions=@millrace/source', file, ...args], lifeline: false };
}

// ---------------------------------------------------------------------------------------------------------------
// What must be there

function requireNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < NODE_MAJOR_MIN)
    throw new Refusal(
      `Millrace needs Node ${NODE_MAJOR_MIN} or newer and this is ${process.version}: ` +
        'install one, for example with "nvm install 22", and run the command again.',
    );
}

function requireRust() {
  const found = spawnSync('cargo', ['--version'], { encoding: 'utf8' });
  const [wanted, ...least] = oldestRust();
  if (found.error !== undefined || found.status !== 0)
    throw new Refusal(
      `Millrace builds its core with Rust ${wanted} or newer and found no working cargo: ` +
        'install it with "curl -sSf https://sh.rustup.rs | sh -s -- -y" and open a new shell.',
    );
  const version = /cargo (\d+)\.(\d+)/.exec(found.stdout);
  if (version === null) return;
  const [major, minor] = [Number(version[1]), Number(version[2])];
  if (major > least[0] || (major === least[0] && minor >= least[1])) return;
  throw new Refusal(
    `Millrace builds its core with Rust ${wanted} or newer and this is ${major}.${minor}: ` +
      'bring it up to date with "rustup update stable".',
  );
}

/** What the workspace says that it needs: as text, then its two numbers. */
function oldestRust() {
  const manifest = fs.readFileSync(path.join(ROOT, 'native', 'Cargo.toml'), 'utf8');
  const [, text] = /^rust-version = "(\d+\.\d+)"$/m.exec(manifest);
  return [text, ...text.split('.').map(Number)];
}

// ---------------------------------------------------------------------------------------------------------------
// Install and build what is missing

async function installPackages() {
  if (packagesAgree()) return;
  // Not `npm ci`: it refuses a lock file that lacks optional packages of other platforms, which a registry that does
  // not carry them leaves out. This keeps to the lock file as well, and does not write it.
  const argv = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  await step('Installing Node packages (npm install)', npmBinary(), argv);
}

/** True when node_modules holds what package-lock.json says: npm's own hidden lockfile tells. */
function packagesAgree() {
  const wanted = readJson(path.join(ROOT, 'package-lock.json'));
  const found = readJson(path.join(ROOT, 'node_modules', '.package-lock.json'));
  if (wanted === undefined || found === undefined) return false;
  if (!fs.existsSync(path.join(ROOT, 'node_modules', 'node', 'bin', 'node'))) return false;
  for (const [place, entry] of Object.entries(wanted.packages)) {
    if (!place.startsWith('node_modules/') && !place.includes('/node_modules/')) continue;
    const there = found.packages[place];
    if (there === undefined) {
      if (entry.optional === true || entry.peer === true || entry.devOptional === true) continue;
      return false;
    }
    if (there.version !== entry.version || Boolean(there.link) !== Boolean(entry.link))
      return false;
  }
  return true;
}

async function buildNative() {
  const builder = path.join(ROOT, 'packages', 'engine', 'scripts', 'build-native.mjs');
  const print = fingerprint([path.join(ROOT, 'native'), builder]);
  const present = fs
    .readdirSync(path.join(ROOT, 'packages', 'engine'), { recursive: true })
    .some((file) => String(file).endsWith('.node') && !String(file).includes('node_modules'));
  if (present && stampHolds('native', print)) return;
  requireRust();
  await step('Building the Rust core (release)', nodeBinary(), [builder]);
  writeStamp('native', print);
}

async function buildTypeScript() {
  const workspaces = workspaceFolders();
  const sources = workspaces.flatMap((folder) =>
    ['src', 'scripts', 'page', 'schemas', 'package.json', 'tsconfig.build.json'].map((name) =>
      path.join(folder, name),
    ),
  );
  const print = fingerprint([...sources, path.join(ROOT, 'tsconfig.base.json')]);
  const built = workspaces.every((folder) => {
    const builds = fs.existsSync(path.join(folder, 'tsconfig.build.json'));
    return !builds || fs.existsSync(path.join(folder, 'dist'));
  });
  if (built && stampHolds('build', print)) return;
  const turbo = path.join(ROOT, 'node_modules', '.bin', 'turbo');
  await step('Building the packages (turbo run build)', turbo, [
    'run',
    'build',
    '--output-logs=errors-only',
    '--no-update-notifier',
  ]);
  writeStamp('build', print);
}

async function step(title, command, argv) {
  const startedAt = process.hrtime.bigint();
  process.stderr.write(`millrace: ${title} …\n`);
  const code = await runChild(command, argv, { stdoutToStderr: true });
  const seconds = Number(process.hrtime.bigint() - startedAt) / 1e9;
  if (stopping !== undefined) process.exit(code);
  if (code !== 0)
    throw new Refusal(`millrace: ${title} failed (exit ${code}); what it said is above.`);
  process.stderr.write(`millrace: ${title} done in ${seconds.toFixed(1)} s\n`);
}

function stampHolds(name, print) {
  const stamp = path.join(STAMPS, name);
  return fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === print;
}

function writeStamp(name, print) {
  fs.mkdirSync(STAMPS, { recursive: true });
  fs.writeFileSync(path.join(STAMPS, name), print);
}

/** A hash over names and contents below `places`, in a fixed order: a checkout's times mean nothing. */
function fingerprint(places) {
  const hash = createHash('sha1');
  const visit = (place) => {
    const stat = fs.statSync(place, { throwIfNoEntry: false });
    if (stat === undefined) return;
    if (stat.isDirectory()) {
      for (const name of fs.readdirSync(place).sort())
        if (!['node_modules', 'target', 'dist', 'fuzz'].includes(name))
          visit(path.join(place, name));
      return;
    }
    if (place.endsWith('.node')) return;
    hash
      .update(path.relative(ROOT, place))
      .update('\0')
      .update(fs.readFileSync(place))
      .update('\0');
  };
  for (const place of places) visit(place);
  return hash.digest('hex');
}

function workspaceFolders() {
  return ['packages', 'services'].flatMap((group) => {
    const folder = path.join(ROOT, group);
    if (!fs.existsSync(folder)) return [];
    return fs
      .readdirSync(folder)
      .sort()
      .map((name) => path.join(folder, name))
      .filter((place) => fs.existsSync(path.join(place, 'package.json')));
  });
}

function readJson(file) {
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : undefined;
}

// ---------------------------------------------------------------------------------------------------------------
// Go on

function nodeBinary() {
  const installed = path.join(ROOT, 'node_modules', 'node', 'bin', 'node');
  return fs.existsSync(installed) ? installed : process.execPath;
}

/** npm as the one that runs us, or the first on the path. */
function npmBinary() {
  return process.platform === 'win32' ? 'npm.cmd' : 'npm';
}

function umbrellaBin() {
  const folder = path.join(ROOT, 'packages', 'millrace');
  return path.join(folder, readJson(path.join(folder, 'package.json')).bin.millrace);
}

/**
 * The arguments of broker and gateway: the user's own, with a properties file resolved from where npm was called. Without such a
 * file the data directory is ./data of this checkout; an `--override log.dirs=…` of the user comes later and wins.
 */
function brokerArguments(args) {
  const [first, ...rest] = args;
  if (first !== undefined && !first.startsWith('-'))
    return [path.resolve(process.env.INIT_CWD ?? process.cwd(), first), ...rest];
  return ['--override', `log.dirs=${path.join(ROOT, 'data')}`, ...args];
}

/** Runs a child in a process group of its own, so that one signal reaches it once and nothing of it is left. */
function runChild(command, argv, { lifeline = false, stdoutToStderr = false }) {
  const bins = path.join(ROOT, 'node_modules', '.bin');
  const env = {
    ...process.env,
    PATH: `${bins}${path.delimiter}${process.env.PATH}`,
    TURBO_TELEMETRY_DISABLED: '1',
  };
  // What we start holds the other end of this pipe: when we are gone, however we went, it reads the end and stops.
  if (lifeline) env.MILLRACE_LIFELINE_FD = String(LIFELINE_FD);
  const stdio = [
    'inherit',
    stdoutToStderr ? 2 : 'inherit',
    'inherit',
    ...(lifeline ? ['pipe'] : []),
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(command, argv, { cwd: ROOT, env, stdio, detached: true });
    current = child;
    child.on('error', (error) =>
      reject(new Refusal(`millrace: cannot run ${command}: ${error.message}`)),
    );
    child.on('exit', (code, signal) => {
      current = undefined;
      if (stopping !== undefined && code === null) resolve(stopping === 'SIGINT' ? 130 : 143);
      else resolve(signal === null ? (code ?? 1) : 1);
    });
  });
}

function stop(signal) {
  const again = stopping !== undefined;
  stopping = signal;
  if (current === undefined) process.exit(signal === 'SIGINT' ? 130 : 143);
  signalGroup(again ? 'SIGKILL' : signal);
  setTimeout(() => signalGroup('SIGKILL'), KILL_AFTER_MS).unref();
}

function signalGroup(signal) {
  try {
    if (current !== undefined) process.kill(-current.pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

function watchSignals() {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop(signal));
  // npm does not pass SIGTERM on. With `exec` in the npm script npm is our parent, so a new parent means npm is gone.
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    stop('SIGTERM');
  }, PARENT_POLL_MS);
  watch.unref();
}
