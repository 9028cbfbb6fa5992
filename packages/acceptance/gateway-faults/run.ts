// Gateways, a broker and the ways between them fail at random while clients read:
//   node --conditions=@millrace/source packages/acceptance/gateway-faults/run.ts \
//     [--kills 100] [--clients 200] [--records 1000000] [--seconds 3600] [--seed N] [--rate 600] [--pause 300] [--drop N] \
//     [--faults 'gateway kill -9,broker kill -9,reset,half-open']
// `--drop N` keeps the N-th record from a client's ear: the run then has to fail.
import { parseArgs } from 'node:util';
import { runSeed } from '@millrace/testing';
import { FAULT_NAMES } from './faults.ts';
import { lineOf, ordeal } from './ordeal.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    clients: { type: 'string', default: '200' },
    records: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '3600' },
    seed: { type: 'string', default: String(runSeed()) },
    rate: { type: 'string', default: '600' },
    pause: { type: 'string', default: '300' },
    drop: { type: 'string', default: '0' },
    faults: { type: 'string', default: FAULT_NAMES.join(',') },
  },
});
const faults = values.faults.split(',').map((text) => {
  const name = FAULT_NAMES.find((known) => known === text);
  if (name === undefined)
    throw new Error(`no fault '${text}'; there are ${FAULT_NAMES.join(', ')}`);
  return name;
});
console.log(`seed ${values.seed}`);
const report = await ordeal({
  kills: Number(values.kills),
  clients: Number(values.clients),
  records: Number(values.records),
  seconds: Number(values.seconds),
  seed: Number(values.seed),
  rate: Number(values.rate),
  pauseMs: Number(values.pause),
  drop: Number(values.drop),
  faults,
  note: (text) => console.log(`  ${text}`),
});
console.log(lineOf(report));
for (const complaint of report.complaints) console.log(complaint);
// What was killed may still be waited for.
process.exit(report.complaints.length > 0 ? 1 : 0);
