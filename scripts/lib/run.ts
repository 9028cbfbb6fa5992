import { spawn } from 'node:child_process';
import { ROOT } from './workspace.ts';

/** How a command ended; `output` is both its streams as they came. */
export interface RunResult {
  readonly code: number;
  readonly output: string;
  readonly seconds: number;
}

/**
 * Runs a command in the root and hands its output on as it comes (`quiet`: only when it fails).
 *
 * A command that cannot be started ends with code 127.
 */
export function run(command: string, argv: readonly string[], quiet = false): Promise<RunResult> {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const child = spawn(command, argv, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks: string[] = [];
    const take = (stream: NodeJS.WriteStream) => (chunk: Buffer) => {
      chunks.push(chunk.toString());
      if (!quiet) stream.write(chunk);
    };
    child.stdout.on('data', take(process.stdout));
    child.stderr.on('data', take(process.stderr));
    const end = (code: number): void => {
      const output = chunks.join('');
      if (quiet && code !== 0) process.stdout.write(output);
      resolve({ code, output, seconds: (performance.now() - startedAt) / 1000 });
    };
    child.on('error', (error) => {
      process.stdout.write(`${command}: ${error.message}\n`);
      end(127);
    });
    child.on('close', (code) => end(code ?? 1));
  });
}
