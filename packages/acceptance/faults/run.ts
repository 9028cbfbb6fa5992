// Breaks the disk below a broker and looks at what clients were told. One fault, as long as one likes:
//   npm run compat -- --only power            (with every other check: `npm run compat`)
//   node --conditions=@millrace/source packages/acceptance/faults/run.ts power [--rounds 20] [--durability fsync] [--seed N]
import { parseArgs } from 'node:util';
import { seededPrng } from '@millrace/base';
import { complaintsOf, countsOf } from '../load/verdict.ts';
import { powerCuts } from './power-cuts.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '20' },
    durability: { type: 'string', default: 'fsync' },
    seed: { type: 'string', default: String(process.pid) },
  },
});
const random = seededPrng(Number(values.seed));
console.log(`seed ${values.seed}`, positionals);
const report = await powerCuts({
  rounds: Number(values.rounds),
  durability: values.durability === 'page-cache' ? 'page-cache' : 'fsync',
  random: () => random.float(),
  note: (text) => console.log(text),
});
console.log(countsOf(report));
const complaints = complaintsOf(report);
for (const complaint of complaints) console.log(complaint);
if (complaints.length > 0) process.exitCode = 1;
