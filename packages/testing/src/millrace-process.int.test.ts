import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'vitest';
import { runProgram } from './child.ts';
import { eventually } from './eventually.ts';

const STOPPED_MS_MAX = 60_000;

test('a broker does not outlive the process that started it', async () => {
  const source = new URL('./millrace-process.ts', import.meta.url).href;
  const program = `
    const { MillraceProcess } = await import(${JSON.stringify(source)});
    const { pid, dataFolder } = await MillraceProcess.start();
    process.stdout.write(JSON.stringify([pid, dataFolder]), () => process.exit(0));
  `;
  const { stdout } = await runProgram(process.execPath, ['--input-type=module', '-e', program]);
  const [pid, dataFolder] = JSON.parse(stdout) as [number, string];
  await eventually('the broker is gone', STOPPED_MS_MAX, () => !existsSync(`/proc/${pid}`));
  rmSync(path.dirname(dataFolder), { recursive: true });
});
