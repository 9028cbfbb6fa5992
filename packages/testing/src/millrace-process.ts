import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from './child.ts';
import { freePort } from './free-port.ts';
import { type TempFolder, tempFolder } from './temp-folder.ts';

const PACKAGES = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const CLI = path.join(PACKAGES, 'millrace', 'bin', 'millrace.js');
const START_TIMEOUT_MS = 60_000;

export interface MillraceOptions {
  /** Lines of server.properties beside listener and data folder. */
  readonly overrides?: Readonly<Record<string, string>>;
  /** Where the data lies; without it a temporary folder that `remove` deletes. */
  readonly dataFolder?: string;
  readonly port?: number;
}

/** A Millrace broker as users run it, `millrace broker`, in a process of its own that can be killed. */
export class MillraceProcess {
  readonly port: number;
  readonly dataFolder: string;
  readonly #overrides: Readonly<Record<string, string>>;
  readonly #folder: TempFolder | undefined;
  #child: Child | undefined;

  private constructor(port: number, options: MillraceOptions) {
    this.port = port;
    this.#folder = options.dataFolder === undefined ? tempFolder('millrace') : undefined;
    this.dataFolder = options.dataFolder ?? path.join(this.#folder?.path ?? '', 'data');
    this.#overrides = {
      'group.initial.rebalance.delay.ms': '0',
      'millrace.metrics.listener': '127.0.0.1:0',
      ...options.overrides,
      listeners: `PLAINTEXT://127.0.0.1:${port}`,
      'log.dirs': this.dataFolder,
    };
  }

  /** Starts a broker on a free port and waits until it listens. */
  static async start(options: MillraceOptions = {}): Promise<MillraceProcess> {
    const broker = new MillraceProcess(options.port ?? (await freePort()), options);
    await broker.resume();
    return broker;
  }

  /** `host:port` for clients. */
  get bootstrap(): string {
    return `127.0.0.1:${this.port}`;
  }

  get pid(): number {
    if (this.#child === undefined) throw new Error('the broker is not running');
    return this.#child.pid;
  }

  /** Where its health and metrics are served. */
  get metricsUrl(): string {
    const found = /health and metrics on (\S+)/.exec(this.output)?.[1];
    if (found === undefined) throw new Error(`the broker serves no metrics: ${this.output}`);
    return found;
  }

  /** Everything the running broker said. */
  get output(): string {
    return `${this.#child?.stdout ?? ''}${this.#child?.stderr ?? ''}`;
  }

  /** Starts it again on the same port and data. */
  async resume(): Promise<void> {
    const overrides = Object.entries(this.#overrides).flatMap(([key, value]) => [
      '--override',
      `${key}=${value}`,
    ]);
    this.#child = new Child(process.execPath, [CLI, 'broker', ...overrides], { lifeline: true });
    await this.#child.saying(new RegExp(`listening on .*:${this.port}`), START_TIMEOUT_MS);
  }

  /** Ends it as `kill -9` does; what the kernel holds survives. */
  async kill(): Promise<void> {
    await this.#child?.kill();
    this.#child = undefined;
  }

  /** Shuts it down in order and keeps the data. @throws Error unless it ends with code 0. */
  async pause(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    const exit = await child?.stop();
    if (child !== undefined && exit?.code !== 0) {
      const how = exit?.signal ?? exit?.code;
      throw new Error(`the broker ended with ${how}: ${child.stdout}${child.stderr}`);
    }
  }

  /** Shuts it down and removes a temporary data folder. */
  async stop(): Promise<void> {
    try {
      await this.pause();
    } finally {
      this.remove();
    }
  }

  /** Removes a temporary data folder of a broker that is not running. */
  remove(): void {
    this.#folder?.remove();
  }
}
