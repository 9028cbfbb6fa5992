// Faults of disk and process below a broker, as long as one likes. `npm run compat` runs the short form of all.
//   node --conditions=@millrace/source packages/acceptance/faults/run.ts [NAME…] [--rounds 200] [--seed N]
import { parseArgs } from 'node:util';
import { MissingTool, runSeed } from '@millrace/testing';
import { FAULT_CHECKS } from './checks.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string' }, seed: { type: 'string' } },
});
const seed = Number(values.seed ?? runSeed());
console.log(`seed ${seed}`);
for (const [name, check] of Object.entries(FAULT_CHECKS)) {
  if (positionals.length > 0 && !positionals.some((part) => name.includes(part))) continue;
  const since = performance.now();
  const seconds = () => `${((performance.now() - since) / 1_000).toFixed(1)} s`;
  try {
    const rounds = values.rounds === undefined ? {} : { rounds: Number(values.rounds) };
    const seen = await check({ ...rounds, seed, note: (text) => console.log(`  ${text}`) });
    console.log(`ok      ${name} (${seconds()}): ${seen}`);
  } catch (error) {
    const isMissing = error instanceof MissingTool && process.env.CI !== 'true';
    console.log(`${isMissing ? 'missing' : 'FAIL   '} ${name} (${seconds()}):`, error);
    if (!isMissing) process.exitCode = 1;
  }
}
// Loads of brokers that were killed may still wait for an answer.
process.exit();
