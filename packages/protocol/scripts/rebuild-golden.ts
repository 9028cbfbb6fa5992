/**
 * Rebuilds the golden frames: `node scripts/rebuild-golden.ts`, with Java 17 or newer and Maven at hand.
 * Frames come from the newest client; versions that it dropped come from the last that had them.
 */
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { apis, messageFiles } from '../schemas/index.ts';
import { jar, kafkaJar, NEWEST, OLDER } from './maven.ts';
import { parseRange, type Range } from './model.ts';

const golden = join(dirname(fileURLToPath(import.meta.url)), '../golden');

/** First versions that the newest client still writes, where ours go lower. */
const firstOfNewest: Readonly<Record<string, number>> = {
  Produce: 3,
  OffsetCommit: 2,
  DescribeConfigs: 1,
  DescribeLogDirs: 1,
};

function write(
  program: string,
  file: string,
  classPath: readonly string[],
  messages: readonly string[],
): void {
  const source = join(golden, `${program}.java`);
  const target = join(golden, file);
  execFileSync('java', ['-cp', classPath.join(':'), source, target, ...messages], {
    stdio: 'inherit',
  });
}

const text = (name: string, { min, max }: Range) => `${name}:${min}-${max}`;
const newest: string[] = [];
const dropped: string[] = [];
for (const { name, versions } of apis) {
  const range = parseRange(versions);
  const first = firstOfNewest[name] ?? range.min;
  newest.push(text(name, { ...range, min: first }));
  if (first > range.min) dropped.push(text(name, { min: range.min, max: first - 1 }));
}
// Keys of the group log are numbered by type here; in the jar each is version 0 of a class of its own.
for (const { name, versions } of messageFiles.flatMap(({ messages }) => messages)) {
  newest.push(name.endsWith('Key') ? `${name}:0-0` : text(name, parseRange(versions)));
}

const logging = jar('org.slf4j', 'slf4j-api', '1.7.36');
const clients = kafkaJar('kafka-clients', NEWEST);
const coordinator = kafkaJar('kafka-group-coordinator', NEWEST);
const older = kafkaJar('kafka-clients', OLDER);
write('GoldenFrames', `frames-${NEWEST}.bin`, [clients, coordinator, logging], newest);
write('GoldenFrames', `frames-${OLDER}.bin`, [older, logging], dropped);
write('GoldenErrors', `errors-${NEWEST}.txt`, [clients, logging], []);
