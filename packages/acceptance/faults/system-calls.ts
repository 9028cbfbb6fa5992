import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Child, eventually, type TempFolder, tempFolder } from '@millrace/testing';
import { requireProgram } from './loop-disk.ts';

const ATTACH_TIMEOUT_MS = 10_000;

/** One call of a traced process. */
export interface TracedCall {
  /** Seconds since the epoch. */
  readonly at: number;
  readonly name: string;
  /** Arguments and result, files by their paths. */
  readonly text: string;
  readonly isInjected: boolean;
}

/** strace on a running process and its threads: traces calls and makes some of them fail or wait. */
export class SystemCalls {
  readonly #strace: Child;
  readonly #folder: TempFolder;

  private constructor(strace: Child, folder: TempFolder) {
    this.#strace = strace;
    this.#folder = folder;
  }

  /**
   * @param calls traced, comma-separated.
   * @param injections as strace's `-e inject=` takes them: `fdatasync:error=EIO:when=1`.
   * @throws MissingTool without strace or the right to attach.
   */
  static async attach(
    pid: number,
    calls: string,
    injections: readonly string[],
  ): Promise<SystemCalls> {
    await requireProgram('strace', ['-V']);
    const folder = tempFolder('strace');
    const argv = ['-f', '-y', '-ttt', '-s', '0', '-e', `trace=${calls}`];
    for (const injection of injections) argv.push('-e', `inject=${injection}`);
    argv.push('-o', path.join(folder.path, 'trace'), '-p', String(pid));
    const strace = new Child('strace', argv);
    await strace.saying(/attached/, ATTACH_TIMEOUT_MS);
    return new SystemCalls(strace, folder);
  }

  /** What was traced so far, in order. */
  get calls(): TracedCall[] {
    const text = readFileSync(path.join(this.#folder.path, 'trace'), 'utf8');
    return text.split('\n').flatMap((line) => {
      const [, at, name, rest] = /^\d+\s+(\d+\.\d+) (?:<\.\.\. )?(\w+)(.*)$/.exec(line) ?? [];
      if (at === undefined || name === undefined || rest === undefined) return [];
      return [{ at: Number(at), name, text: rest, isInjected: rest.includes('INJECTED') }];
    });
  }

  /** Waits for the first call that was tampered with. */
  injected(timeoutMs: number): Promise<TracedCall> {
    return eventually('an injected fault', timeoutMs, () =>
      this.calls.find((call) => call.isInjected),
    );
  }

  /** Lets the process go on alone. */
  async detach(): Promise<void> {
    await this.#strace.stop('SIGINT');
    this.#folder.remove();
  }
}
