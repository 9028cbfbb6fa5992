// Builds the native binary and puts it where the package loads it from. Plain Node, no dependencies:
// it runs before anything is installed. Cheap when nothing changed.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const engine = join(dirname(fileURLToPath(import.meta.url)), '..');
const native = join(engine, '..', '..', 'native');
const target = join(engine, 'native', 'millrace-engine.linux-x64-gnu.node');

function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

if (process.platform !== 'linux' || process.arch !== 'x64') {
  fail(
    `the native engine is built for linux-x64 only, this is ${process.platform}-${process.arch}`,
  );
}
const cargo = spawnSync('cargo', ['build', '--release', '--package', 'millrace-napi'], {
  cwd: native,
  stdio: ['ignore', 2, 2],
});
if (cargo.error !== undefined) {
  fail(`cargo cannot be started (${cargo.error.message}): install Rust from https://rustup.rs`);
}
if (cargo.status !== 0) fail('cargo build failed');

const folder = process.env.CARGO_TARGET_DIR ?? join(native, 'target');
const built = join(folder, 'release', 'libmillrace_napi.so');
if (!existsSync(target) || !readFileSync(built).equals(readFileSync(target))) {
  mkdirSync(dirname(target), { recursive: true });
  // Renamed into place: a process that has the old one mapped keeps it.
  copyFileSync(built, `${target}.tmp`);
  renameSync(`${target}.tmp`, target);
}
