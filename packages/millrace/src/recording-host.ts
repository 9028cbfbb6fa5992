import type { CommandHost, OwnChild, StopReason } from './process-host.ts';

/** A process for tests: it remembers what was written, and is told to stop by hand. */
export class RecordingHost implements CommandHost {
  readonly argv: readonly string[] = [];
  readonly environment: Readonly<Record<string, string | undefined>> = {};
  readonly complaints: string[] = [];
  output = '';
  #stop: ((reason: StopReason) => void) | undefined;
  #uncaught: ((error: unknown) => void) | undefined;

  out(text: string): void {
    this.output += text;
  }

  complain(line: string): void {
    this.complaints.push(line);
  }

  onStop(callback: (reason: StopReason) => void): void {
    this.#stop = callback;
  }

  /** Sends a signal, as it were. */
  stop(reason: StopReason): void {
    this.#stop?.(reason);
  }

  onUncaught(callback: (error: unknown) => void): void {
    this.#uncaught = callback;
  }

  /** Something throws, and nobody catches it. */
  throwUncaught(error: unknown): void {
    this.#uncaught?.(error);
  }

  spawnSelf(): OwnChild {
    throw new Error('no processes here');
  }

  exit(code: number): never {
    throw new Error(`exit ${code}`);
  }
}
