/** Starting a server under test, waiting until it answers, and stopping it by its own pid. */
import { type ChildProcess, spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A port that was free a moment ago; for programs that cannot be told 0. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

export interface Spawned {
  readonly pid: number;
  /** Ends the process; resolves when it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts a process; its output is kept and shown when it dies before `stop`. */
export function start(
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Spawned {
  const child: ChildProcess = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let tail = '';
  const keep = (chunk: Buffer) => {
    tail = (tail + chunk.toString()).slice(-4000);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  let stopping = false;
  const gone = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      process.stderr.write(`${command}: ${error.message}\n`);
      resolve();
    });
    child.once('exit', (code, signal) => {
      if (!stopping) process.stderr.write(`${command} ended (${code ?? signal}):\n${tail}\n`);
      resolve();
    });
  });
  return {
    pid: child.pid ?? 0,
    stop: async (signal = 'SIGTERM') => {
      stopping = true;
      child.kill(signal);
      await gone;
    },
  };
}

/** Metadata v0 for all topics: the smallest question every broker answers. */
const METADATA = Buffer.from([0, 0, 0, 14, 0, 3, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);

/** One try: connect, ask, true when an answer begins. */
export function answersMetadata(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const end = (ok: boolean) => {
      socket.destroy();
      resolve(ok);
    };
    socket.once('connect', () => socket.write(METADATA));
    socket.once('data', () => end(true));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
    socket.setTimeout(1000, () => end(false));
  });
}

/** Milliseconds from now until the port answers Metadata. */
export async function untilServing(port: number, timeoutMs = 60_000): Promise<number> {
  const since = performance.now();
  while (performance.now() - since < timeoutMs) {
    if (await answersMetadata(port)) return performance.now() - since;
    await sleep(5);
  }
  throw new Error(`nothing answered Metadata on port ${port} within ${timeoutMs} ms`);
}
