import path from 'node:path';
import { Child, freePort } from '@millrace/testing';

const MILLRACE = path.resolve(import.meta.dirname, '../../../millrace');
/** What runs: the sources as they are now, or what was built, as users run it. */
export const PROGRAMS = {
  sources: ['--conditions=@millrace/source', path.join(MILLRACE, 'src/cli.ts')],
  built: [path.join(MILLRACE, 'bin/millrace.js')],
} as const;
const START_TIMEOUT_MS = 120_000;

/** `millrace gateway` beside a broker, in a process of its own that can be killed. */
export class GatewayProcess {
  readonly port: number;
  readonly #overrides: readonly string[];
  readonly #program: readonly string[];
  #child: Child | undefined;
  #saidBefore = '';

  private constructor(port: number, overrides: readonly string[], program: readonly string[]) {
    this.port = port;
    this.#overrides = overrides;
    this.#program = program;
  }

  /** In development mode on a free port; `more` are settings, `key=value` each. */
  static async start(
    bootstrap: string,
    more: readonly string[] = [],
    program: readonly string[] = PROGRAMS.sources,
  ): Promise<GatewayProcess> {
    const port = await freePort();
    const overrides = [
      `gateway.kafka.bootstrap.servers=${bootstrap}`,
      `gateway.listen=127.0.0.1:${port}`,
      'gateway.admin.listen=127.0.0.1:0',
      'gateway.auth.mode=none',
      'gateway.demo=true',
      'gateway.hosts=127.0.0.1',
      `gateway.origins=http://127.0.0.1:${port}`,
      'gateway.origins.allow.missing=true',
      'gateway.handshakes.per.address=1000',
      ...more,
    ];
    const gateway = new GatewayProcess(port, overrides, program);
    await gateway.resume();
    return gateway;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/v1/ws`;
  }

  /** @throws Error when it does not run. */
  get pid(): number {
    if (this.#child === undefined) throw new Error('the gateway was not started');
    return this.#child.pid;
  }

  /** What it said since it was started last. */
  get output(): string {
    return `${this.#child?.stdout ?? ''}${this.#child?.stderr ?? ''}`;
  }

  /** What it said in all its lives. */
  get allOutput(): string {
    return this.#saidBefore + this.output;
  }

  /** Starts it again on the same port. */
  async resume(): Promise<void> {
    this.#saidBefore = this.allOutput;
    const argv = this.#overrides.flatMap((override) => ['--override', override]);
    this.#child = new Child(process.execPath, [...this.#program, 'gateway', ...argv], {
      lifeline: true,
    });
    await this.#child.saying(/health and metrics are on/, START_TIMEOUT_MS);
  }

  /** As `kill -9` does. */
  async kill(): Promise<void> {
    await this.#child?.kill();
  }

  /** In order, as a supervisor does. @throws Error unless it ends with code 0. */
  async stop(): Promise<void> {
    const exit = await this.#child?.stop();
    if (exit !== undefined && exit.code !== 0)
      throw new Error(`the gateway ended with ${exit.code}: ${this.output}`);
  }
}
