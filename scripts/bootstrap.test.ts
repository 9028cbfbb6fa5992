import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ROOT } from './lib/workspace.ts';

let root: string;

function put(place: string, text: string): string {
  const file = path.join(root, place);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

/** A program of the given name that prints and ends as told, on a path of its own. */
function tool(name: string, prints: string, code = 0): void {
  chmodSync(put(`bin/${name}`, `#!/bin/sh\necho "${prints}"\nexit ${code}\n`), 0o755);
}

function bootstrap(...argv: string[]): { code: number | null; said: string; lines: number } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [path.join(root, 'scripts/bootstrap.mjs'), ...argv],
    {
      env: { PATH: path.join(root, 'bin') },
      encoding: 'utf8',
    },
  );
  const said = stdout + stderr;
  return { code: status, said, lines: said.trim().split('\n').length };
}

/** A checkout whose Node packages are installed and whose core is not built. */
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'millrace-bootstrap-'));
  mkdirSync(path.join(root, 'bin'));
  mkdirSync(path.join(root, 'packages/engine/scripts'), { recursive: true });
  cpSync(path.join(ROOT, 'scripts/bootstrap.mjs'), put('scripts/bootstrap.mjs', ''));
  cpSync(path.join(ROOT, 'native/Cargo.toml'), put('native/Cargo.toml', ''));
  const lock = JSON.stringify({ packages: { '': {}, 'node_modules/a': { version: '1.0.0' } } });
  put('package-lock.json', lock);
  put('node_modules/.package-lock.json', lock);
  mkdirSync(path.join(root, 'node_modules/node/bin'), { recursive: true });
  symlinkSync(process.execPath, path.join(root, 'node_modules/node/bin/node'));
});

afterEach(() => rmSync(root, { recursive: true }));

test('without Rust it says so in one sentence with the command that mends it', () => {
  const { code, said, lines } = bootstrap('setup');
  expect(code).toBe(1);
  expect(lines).toBe(1);
  expect(said).toMatch(/found no working cargo: install it with "curl .*"/);
});

test('with a Rust older than the workspace and the README say it says so in one sentence', () => {
  const manifest = readFileSync(path.join(ROOT, 'native/Cargo.toml'), 'utf8');
  const [, minor] = /^rust-version = "1\.(\d+)"$/m.exec(manifest) as RegExpExecArray;
  expect(readFileSync(path.join(ROOT, 'README.md'), 'utf8')).toContain(`1.${minor} or newer`);
  const older = `1.${Number(minor) - 1}`;
  tool('cargo', `cargo ${older}.0 (aaa 2022-03-01)`);
  const { code, said, lines } = bootstrap('setup');
  expect(code).toBe(1);
  expect(lines).toBe(1);
  expect(said).toContain(`with Rust 1.${minor} or newer and this is ${older}:`);
  expect(said).toContain('bring it up to date with "rustup update stable"');
});

test('with an old Node it says so in one sentence', () => {
  // The script looks at process.versions, which a preload may set.
  const old = put(
    'old.cjs',
    "Object.defineProperty(process.versions, 'node', { value: '18.1.0' });",
  );
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--require', old, path.join(root, 'scripts/bootstrap.mjs')],
    {
      encoding: 'utf8',
    },
  );
  expect(status).toBe(1);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr).toMatch(/needs Node 20 or newer.*nvm install 22/);
});

test('installs when node_modules differs from the lock, and stops with a sentence when that fails', () => {
  put(
    'node_modules/.package-lock.json',
    JSON.stringify({ packages: { 'node_modules/a': { version: '0.9.0' } } }),
  );
  tool('npm', 'no registry today', 3);
  const { code, said } = bootstrap('setup');
  expect(code).toBe(1);
  expect(said).toMatch(/Installing Node packages/);
  expect(said).toMatch(/no registry today/);
  expect(said).toMatch(/Installing Node packages \(npm install\) failed \(exit 3\)/);
});

test('an unknown command is one sentence', () => {
  const { code, lines, said } = bootstrap('dance');
  expect(code).toBe(1);
  expect(lines).toBe(1);
  expect(said).toMatch(/Unknown command "dance"/);
});
