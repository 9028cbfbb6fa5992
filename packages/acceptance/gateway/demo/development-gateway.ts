import path from 'node:path';
import { Child, freePorts, type TempFolder, tempFolder } from '@millrace/testing';

const CLI = path.resolve(import.meta.dirname, '../../../millrace/bin/millrace.js');
const START_TIMEOUT_MS = 30_000;

/** Broker and gateway as `npm start` runs them, in a process of their own. */
export class DevelopmentGateway {
  readonly url: string;
  readonly #overrides: readonly string[];
  readonly #folder: TempFolder;
  #child: Child | undefined;

  private constructor(folder: TempFolder, overrides: readonly string[], port: number) {
    this.#folder = folder;
    this.#overrides = overrides;
    this.url = `http://127.0.0.1:${port}/`;
  }

  /** On free ports, with an empty cluster; `more` are settings, `key=value` each. */
  static async start(more: readonly string[] = []): Promise<DevelopmentGateway> {
    const folder = tempFolder('demo');
    const [broker = 0, gateway = 0] = await freePorts(2);
    const overrides = [
      `listeners=PLAINTEXT://127.0.0.1:${broker}`,
      `log.dirs=${path.join(folder.path, 'data')}`,
      'millrace.metrics.listener=',
      `gateway.listen=127.0.0.1:${gateway}`,
      'gateway.admin.listen=127.0.0.1:0',
      ...more,
    ];
    const running = new DevelopmentGateway(folder, overrides, gateway);
    await running.resume();
    return running;
  }

  /** Starts it again on the same ports and data. */
  async resume(): Promise<void> {
    const argv = this.#overrides.flatMap((override) => ['--override', override]);
    this.#child = new Child(process.execPath, [CLI, 'start', ...argv], { lifeline: true });
    await this.#child.saying(/Kafka Server started/, START_TIMEOUT_MS);
  }

  /** As `kill -9` does. */
  async kill(): Promise<void> {
    await this.#child?.kill();
  }

  /** Stops it and removes its data. @throws Error unless it ends with code 0. */
  async stop(): Promise<void> {
    const exit = await this.#child?.stop();
    this.#folder.remove();
    if (exit !== undefined && exit.code !== 0) {
      throw new Error(`it ended with ${exit.code}: ${this.#child?.stderr}`);
    }
  }
}
