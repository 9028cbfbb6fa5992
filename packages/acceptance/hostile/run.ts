// A broker among hostile clients, the long form of src/hostile.int.test.ts; before it the gateway's readers and
// sessions, with messages that coverage leads to code which nothing reached yet:
//   npm run fuzz -- [--frames 1000000] [--seed N] [--idle 8000] [--guided 10]
import path from 'node:path';
import { parseArgs } from 'node:util';
import { MillraceProcess, runProgram } from '@millrace/testing';
import { Canary } from './canary.ts';
import { idleCrowd } from './crowds.ts';
import { fuzz } from './fuzz.ts';
import { MIB, rssBytes } from './process-facts.ts';

const { values } = parseArgs({
  options: {
    frames: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(process.pid) },
    idle: { type: 'string', default: '10000' },
    /** Seconds of each of the two guided runs. */
    guided: { type: 'string', default: '10' },
  },
});
for (const place of ['packages/gateway-protocol', 'services/gateway']) {
  const program = path.resolve(import.meta.dirname, '../../..', place, 'fuzz/run-guided.ts');
  const argv = ['--conditions=@millrace/source', program];
  const timeoutMs = 60_000 + Number(values.guided) * 2_000;
  const { stdout } = await runProgram(
    process.execPath,
    [...argv, '--seconds', values.guided, '--seed', values.seed],
    { timeoutMs },
  );
  console.log(`${place}: ${stdout.trim()}`);
}
const broker = await MillraceProcess.start({
  overrides: { 'millrace.max.partitions': '2000', 'num.partitions': '1' },
});
try {
  const canary = await Canary.open(broker.port, 'canary');
  const crowd = await idleCrowd(broker, canary, Number(values.idle));
  console.log(
    `${crowd.count} idle: ${crowd.bytesPerConnection.toFixed(0)} bytes each, ` +
      `p99 ${crowd.p99BeforeMs.toFixed(1)} -> ${crowd.p99WithMs.toFixed(1)} ms`,
  );
  console.log(`seed ${values.seed}`);
  const base = rssBytes(broker.pid);
  const report = await fuzz({
    port: broker.port,
    canary,
    seed: Number(values.seed),
    frameCount: Number(values.frames),
    note: (text) => console.log(`${text}, ${(rssBytes(broker.pid) / MIB).toFixed(0)} MiB`),
  });
  const grownMib = ((rssBytes(broker.pid) - base) / MIB).toFixed(0);
  console.log(
    `${report.frameCount} frames, ${report.closedCount} of ${report.connectionCount} connections closed, ` +
      `canary at most ${report.canaryMsMax.toFixed(0)} ms, memory grew ${grownMib} MiB`,
  );
  canary.close();
} finally {
  const errors = broker.output.split('\n').filter((line) => line.includes('ERROR'));
  for (const line of errors.slice(0, 20)) console.log(line);
  if (errors.length > 0) process.exitCode = 1;
  await broker.kill();
}
