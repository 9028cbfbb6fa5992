// Kills a broker under load, again and again: npm run crash -- [--cycles 50] [--pause 1000] [--seed N]
import { parseArgs } from 'node:util';
import { seededPrng } from '@millrace/base';
import { crashCycles } from './crash-cycles.ts';

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '50' },
    pause: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(process.pid) },
  },
});
const random = seededPrng(Number(values.seed));
console.log(`seed ${values.seed}`);
const report = await crashCycles(
  Number(values.cycles),
  Number(values.pause),
  () => random.float(),
  (text) => console.log(text),
);
const { lost, duplicated, misplaced, ...counts } = report;
console.log(counts);
for (const [what, values] of Object.entries({ lost, duplicated, misplaced })) {
  console.log(`${what}: ${values.length}${values.length > 0 ? ` (${values.slice(0, 5)})` : ''}`);
}
if (lost.length + duplicated.length + misplaced.length > 0) process.exitCode = 1;
