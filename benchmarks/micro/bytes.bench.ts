/**
 * What the checksums and hashes of @millrace/bytes cost in JavaScript, in MB a second of processor time.
 * `node --conditions=@millrace/source benchmarks/micro/bytes.bench.ts`
 */
import { crc32c, murmur2 } from '@millrace/bytes';

const ROUNDS = 7;
const ROUND_BYTES = 64 << 20;

let sink = 0;

/** Median over the rounds. */
function megabytesPerSecond(lengthBytes: number, turn: (bytes: Uint8Array) => number): number {
  const bytes = Uint8Array.from({ length: lengthBytes }, (_, index) => index * 31);
  const turns = Math.ceil(ROUND_BYTES / lengthBytes);
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const started = process.cpuUsage();
    for (let i = 0; i < turns; i++) sink ^= turn(bytes);
    const { user, system } = process.cpuUsage(started);
    rounds.push((turns * lengthBytes) / (user + system));
  }
  rounds.sort((a, b) => a - b);
  return rounds[ROUNDS >> 1] ?? 0;
}

const functions = { crc32c, murmur2 };

for (const [name, turn] of Object.entries(functions)) {
  for (const lengthBytes of [16, 118, 4096, 1 << 20]) {
    const speed = megabytesPerSecond(lengthBytes, (bytes) => turn(bytes));
    const label = `${name}, ${lengthBytes} bytes`.padEnd(28);
    process.stdout.write(`${label}${String(Math.round(speed)).padStart(6)} MB/s\n`);
  }
}
process.exitCode = Number.isInteger(sink) ? 0 : 1;
