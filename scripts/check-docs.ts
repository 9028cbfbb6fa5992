// docs/architecture.md names files: each must exist, and each corridor must be a numbered list of them.
//
//   node scripts/check-docs.ts
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { isMain, ROOT, report } from './lib/workspace.ts';

const PAGE = 'docs/architecture.md';
const STEPS_MIN = 5;

/** All complaints about the architecture page of the checkout at `root`. */
export function checkDocs(root: string = ROOT): string[] {
  if (!existsSync(path.join(root, PAGE))) return [`${PAGE} is missing`];
  const lines = readFileSync(path.join(root, PAGE), 'utf8').split('\n');
  const complaints: string[] = [];
  let corridor: { name: string; steps: number } | undefined;
  const closeCorridor = (): void => {
    if (corridor !== undefined && corridor.steps < STEPS_MIN)
      complaints.push(`${PAGE}: corridor "${corridor.name}" has ${corridor.steps} numbered steps`);
    corridor = undefined;
  };
  lines.forEach((line, index) => {
    const heading = /^#+ (.*)/.exec(line)?.[1];
    if (heading !== undefined) {
      closeCorridor();
      if (/^Corridor: /.test(heading)) corridor = { name: heading.slice(10), steps: 0 };
    }
    const step = /^(\d+)\. /.exec(line)?.[1];
    if (corridor !== undefined && step !== undefined) {
      corridor.steps += 1;
      if (Number(step) !== corridor.steps)
        complaints.push(`${PAGE}:${index + 1}: step ${step} should be ${corridor.steps}`);
      if (!/`[\w./-]+\.(ts|rs)`/.test(line))
        complaints.push(`${PAGE}:${index + 1}: a step names the file it happens in`);
    }
    for (const [, file = ''] of line.matchAll(
      /`((?:packages|services|native|scripts|benchmarks|docs)\/[\w./-]+)`/g,
    ))
      if (!existsSync(path.join(root, file)))
        complaints.push(`${PAGE}:${index + 1}: ${file} is gone`);
  });
  closeCorridor();
  if (!lines.some((line) => /^#+ Corridor: /.test(line)))
    complaints.push(`${PAGE}: names no corridor`);
  return complaints;
}

if (isMain(import.meta.url)) report('docs', checkDocs());
