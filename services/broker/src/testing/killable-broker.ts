import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** A broker in a process of its own that can be killed. */
export class KillableBroker {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(...overrides: string[]): Promise<KillableBroker> {
    const program = new URL('./broker-process.ts', import.meta.url).pathname;
    const child = spawn(
      process.execPath,
      ['--conditions=@millrace/source', program, ...overrides],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
    return new KillableBroker(child, Number(line.toString()));
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill(signal);
    await exited;
  }
}
