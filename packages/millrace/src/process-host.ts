import { spawn } from 'node:child_process';
import { Socket } from 'node:net';

/** Why the process is asked to stop. */
export type StopReason = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'launcher';

/** What a command may do to its process; the rest of this package never touches `process`. */
export interface CommandHost {
  /** The command line behind `millrace`. */
  readonly argv: readonly string[];
  /** Writes to standard output as it is. */
  out(text: string): void;
  /** One line on standard error. */
  complain(line: string): void;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Calls back at every signal to stop, and once when the launcher is gone. */
  onStop(callback: (reason: StopReason) => void): void;
  /** Calls back with what nobody caught. */
  onUncaught(callback: (error: unknown) => void): void;
  /** Ends the process at once. */
  exit(code: number): never;
  /** Runs `millrace` with these arguments in a process that ends when this one does. Its output is ours. */
  spawnSelf(argv: readonly string[], environment: Readonly<Record<string, string>>): OwnChild;
}

/** Another `millrace` process that we started. */
export interface OwnChild {
  /** Sends SIGTERM. */
  terminate(): void;
  /** Calls back once it has ended; a signal counts as exit code 1. */
  onExit(callback: (code: number) => void): void;
}

/** Names the file descriptor of a pipe whose other end the launcher holds. */
const LIFELINE_VARIABLE = 'MILLRACE_LIFELINE_FD';
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Exit codes as shells give them: 128 and the signal's number. */
export const SIGNAL_EXIT_CODES: Readonly<Record<StopReason, number>> = {
  SIGHUP: 129,
  SIGINT: 130,
  SIGTERM: 143,
  launcher: 143,
};

/** The process itself. */
export function processHost(): CommandHost {
  // A reader that went away (`millrace dump-log … | head`) is no error of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
  });
  process.stderr.on('error', () => {});
  return {
    argv: process.argv.slice(2),
    out: (text) => process.stdout.write(text),
    complain: (line) => process.stderr.write(`${line}\n`),
    environment: process.env,
    onStop: (callback) => {
      for (const signal of SIGNALS) process.on(signal, () => callback(signal));
      watchLifeline(process.env[LIFELINE_VARIABLE], () => callback('launcher'));
    },
    onUncaught: (callback) => {
      process.on('uncaughtException', callback);
      process.on('unhandledRejection', callback);
    },
    exit: (code) => process.exit(code),
    spawnSelf: (argv, environment) => {
      const [, cli = ''] = process.argv;
      // It holds the other end of our pipe: when we are gone, however we went, it reads the end and stops.
      const child = spawn(process.execPath, [...process.execArgv, cli, ...argv], {
        stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
        env: { ...process.env, ...environment, [LIFELINE_VARIABLE]: '3' },
        detached: true,
      });
      return {
        terminate: () => child.kill('SIGTERM'),
        onExit: (callback) => child.on('exit', (code) => callback(code ?? 1)),
      };
    },
  };
}

/**
 * The launcher gives us one end of a pipe and never writes to it. However the launcher ends, kill -9 included,
 * the kernel closes its end and we read the end of file. @throws Error when the variable names no open pipe.
 */
function watchLifeline(variable: string | undefined, onEnd: () => void): void {
  if (variable === undefined || variable === '') return;
  let pipe: Socket;
  try {
    pipe = new Socket({ fd: Number(variable), readable: true, writable: false });
  } catch (error) {
    throw new Error(`${LIFELINE_VARIABLE}=${variable} is not an open pipe`, { cause: error });
  }
  let isOver = false;
  const end = () => {
    if (!isOver) onEnd();
    isOver = true;
  };
  pipe.on('end', end);
  pipe.on('error', end);
  pipe.on('close', end);
  pipe.resume();
  pipe.unref();
}
