// npm run bench -- throughput | librdkafka | life | gateway | k6 | micro, with what follows handed on.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { run } from './lib/run.ts';
import { ROOT } from './lib/workspace.ts';

const THROUGHPUT = 'benchmarks/throughput';
const GATEWAY = 'benchmarks/gateway';
const MICRO = 'benchmarks/micro';
const PROGRAMS: Readonly<Record<string, () => readonly string[]>> = {
  throughput: () => [`${THROUGHPUT}/run.ts`],
  librdkafka: () => [`${THROUGHPUT}/librdkafka.ts`],
  life: () => [`${THROUGHPUT}/life.ts`],
  gateway: () => [`${GATEWAY}/run.ts`],
  k6: () => ['benchmarks/k6/run.ts'],
  micro: () =>
    readdirSync(path.join(ROOT, MICRO))
      .filter((name) => name.endsWith('.bench.ts'))
      .map((name) => `${MICRO}/${name}`),
};

const [name = '', ...rest] = process.argv.slice(2);
const files = PROGRAMS[name]?.();
if (files === undefined) {
  process.stdout.write(`npm run bench -- ${Object.keys(PROGRAMS).join(' | ')}\n`);
  process.exitCode = 1;
}
for (const file of files ?? []) {
  const { code } = await run('node', [
    '--expose-gc',
    '--conditions=@millrace/source',
    file,
    ...rest,
  ]);
  if (code !== 0) process.exitCode = code;
}
