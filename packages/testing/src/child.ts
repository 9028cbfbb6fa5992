import { type ChildProcess, spawn } from 'node:child_process';
import { eventually } from './eventually.ts';

/** How a program ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What a program that was run to its end said. */
export interface Finished extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

export interface ChildOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Text for its standard input, which is then closed; without it the input is closed at once. */
  readonly input?: string | Uint8Array;
  /** Leave the standard input open for `write`. */
  readonly keepInput?: boolean;
  /** A program of ours: it stops when we are gone, however we went. */
  readonly lifeline?: boolean;
}

/** Names the descriptor of a pipe whose end a program of ours takes for the end of its launcher. */
const LIFELINE_VARIABLE = 'MILLRACE_LIFELINE_FD';

const STOP_TIMEOUT_MS = 60_000;
const RUN_TIMEOUT_MS = 110_000;

/** A started program with everything it said so far. Never outlives `stop` or `kill`. */
export class Child {
  readonly process: ChildProcess;
  readonly exited: Promise<Exit>;
  stdout = '';
  stderr = '';
  readonly #name: string;

  constructor(command: string, argv: readonly string[], options: ChildOptions = {}) {
    this.#name = [command, ...argv].join(' ').slice(0, 200);
    this.process = spawn(command, argv, {
      cwd: options.cwd,
      env: {
        ...process.env,
        ...(options.lifeline === true ? { [LIFELINE_VARIABLE]: '3' } : {}),
        ...options.env,
      },
      stdio: ['pipe', 'pipe', 'pipe', ...(options.lifeline === true ? ['pipe' as const] : [])],
    });
    this.exited = new Promise((resolve, reject) => {
      this.process.once('error', reject);
      this.process.once('close', (code, signal) => resolve({ code, signal }));
    });
    this.exited.catch(() => undefined);
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    // A program that ends before it has read its input is no failure of ours.
    this.process.stdin?.on('error', () => undefined);
    if (options.input !== undefined) this.process.stdin?.end(options.input);
    else if (options.keepInput !== true) this.process.stdin?.end();
  }

  get pid(): number {
    if (this.process.pid === undefined) throw new Error(`${this.#name} was not started`);
    return this.process.pid;
  }

  get running(): boolean {
    return (
      this.process.pid !== undefined &&
      this.process.exitCode === null &&
      this.process.signalCode === null
    );
  }

  write(text: string): void {
    this.process.stdin?.write(text);
  }

  /** Waits until `pattern` is in what it said on either stream. Fails when it ends before. */
  async saying(pattern: RegExp, timeoutMs: number): Promise<RegExpExecArray> {
    const look = (): RegExpExecArray | null =>
      pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
    let hasEnded = false;
    const noteEnd = (): void => {
      hasEnded = true;
    };
    this.exited.then(noteEnd, noteEnd);
    try {
      const found = await eventually(`${this.#name} says ${pattern}`, timeoutMs, () => {
        return look() ?? (hasEnded ? null : undefined);
      });
      if (found !== null) return found;
      const { code, signal } = await this.exited;
      throw new Error(`${this.#name} ended (${signal ?? code}) before it said ${pattern}`);
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.stdout}${this.stderr}`, {
        cause: error,
      });
    }
  }

  /** Asks it to end, insists after a while, and waits until it is gone. */
  async stop(
    signal: NodeJS.Signals = 'SIGTERM',
    timeoutMs: number = STOP_TIMEOUT_MS,
  ): Promise<Exit> {
    if (this.running) this.process.kill(signal);
    const insist = setTimeout(() => this.process.kill('SIGKILL'), timeoutMs);
    try {
      return await this.exited;
    } finally {
      clearTimeout(insist);
    }
  }

  /** Ends it as a power cut would, and waits until it is gone. */
  async kill(): Promise<void> {
    await this.stop('SIGKILL');
  }
}

/**
 * Runs a program to its end.
 *
 * @throws Error with both its streams when it does not end within `timeoutMs`, or not with code 0 unless `anyCode`.
 */
export async function runProgram(
  command: string,
  argv: readonly string[],
  options: ChildOptions & { readonly timeoutMs?: number; readonly anyCode?: boolean } = {},
): Promise<Finished> {
  const child = new Child(command, argv, options);
  const { timeoutMs = RUN_TIMEOUT_MS } = options;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.process.kill('SIGKILL');
  }, timeoutMs);
  try {
    const { code, signal } = await child.exited;
    if (late || (code !== 0 && options.anyCode !== true)) {
      const how = late ? `took longer than ${timeoutMs} ms` : `ended with ${signal ?? code}`;
      throw new Error(`${command} ${argv.join(' ')} ${how}\n${child.stdout}${child.stderr}`);
    }
    return { code, signal, stdout: child.stdout, stderr: child.stderr };
  } finally {
    clearTimeout(timer);
  }
}
