// Reads mutated messages of the gateway's protocol, binary and JSON, until something gives way.
//
//   node --conditions=@millrace/source packages/gateway-protocol/fuzz/run.ts [--frames 1000000] [--seed 1]
import { parseArgs } from 'node:util';
import { fuzz } from './fuzzer.ts';

const { values } = parseArgs({
  options: {
    frames: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
  },
});
const started = performance.now();
const result = fuzz({
  frames: Number(values.frames),
  seed: Number(values.seed),
  progress: (done) => process.stderr.write(`\r${done}`),
});
const seconds = ((performance.now() - started) / 1000).toFixed(1);
const outcomes = Object.entries(result.outcomes)
  .sort(([a], [b]) => a.localeCompare(b))
  .map(([name, count]) => `${name} ${count}`);
const cost = `${result.micros.toFixed(1)} µs a message (dearest batch ${result.microsMax.toFixed(1)})`;
process.stdout.write(
  `\rframes ${values.frames}, seed ${values.seed}, ${seconds} s, ${cost}, ${result.microsPerKb.toFixed(1)} µs/KB, ` +
    `heap ${result.heapPerByte.toFixed(1)} B per byte; ${outcomes.join(', ')}\n`,
);
