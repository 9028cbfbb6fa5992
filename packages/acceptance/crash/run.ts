// Kills a broker under load, again and again:
//   npm run crash -- [--cycles 50] [--pause 1000] [--in-flight 400] [--seed N]
import { parseArgs } from 'node:util';
import { seededPrng } from '@millrace/base';
import { runSeed } from '@millrace/testing';
import { complaintsOf, countsOf } from '../load/verdict.ts';
import { crashCycles } from './crash-cycles.ts';

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '50' },
    pause: { type: 'string', default: '1000' },
    'in-flight': { type: 'string', default: '400' },
    seed: { type: 'string', default: String(runSeed()) },
  },
});
const random = seededPrng(Number(values.seed));
console.log(`seed ${values.seed}`);
// Ctrl-C ends the kills, not the comparison.
const stopping = new AbortController();
process.once('SIGINT', () => stopping.abort());
const report = await crashCycles({
  cycles: Number(values.cycles),
  pauseMs: Number(values.pause),
  inFlight: Number(values['in-flight']),
  random: () => random.float(),
  note: (text) => console.log(text),
  signal: stopping.signal,
});
console.log(countsOf(report));
const complaints = complaintsOf(report);
for (const complaint of complaints) console.log(complaint);
if (complaints.length > 0) process.exitCode = 1;
