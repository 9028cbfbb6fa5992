/**
 * The servers that a run compares, each alone on core 0:
 *
 *   A  a bare epoll server that writes ready-made frames     native/src/bin/bare.rs
 *   B  a plain uWebSockets.js server                         plain-uws.ts
 *   N  Debian's nats-server over its WebSocket listener
 *   M  the gateway, fed by a broker on core 1
 *
 * This process, and so the broker and the load generator that it starts, stays on core 1.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  Child,
  type ChildOptions,
  freePorts,
  MillraceProcess,
  MissingTool,
  runProgram,
} from '@millrace/testing';
import type { BareRead } from './bare-report.ts';
import { binary, type Protocol, type Sink } from './generator.ts';

export type ServerName = 'A' | 'B' | 'N' | 'M';

export interface Server {
  readonly name: ServerName;
  readonly address: string;
  readonly protocol: Protocol;
  readonly sink: Sink;
  readonly pid: number;
  stop(): Promise<void>;
}

const SERVER_CORE = '0';
const LOAD_CORE = '1';
const START_TIMEOUT_MS = 20_000;
const MILLRACE = join(import.meta.dirname, '../../packages/millrace/bin/millrace.js');
const NODE = [process.execPath, '--conditions=@millrace/source'];

/** Keeps this process and all that it starts off the server's core. */
export async function pinHarness(): Promise<void> {
  await pin(process.pid);
}

async function pin(pid: number): Promise<void> {
  await runProgram('taskset', ['--all-tasks', '--cpu-list', '--pid', LOAD_CORE, String(pid)]);
}

/** A program alone on the server's core. */
function onServerCore(argv: readonly string[], options: ChildOptions = {}): Child {
  return new Child('taskset', ['--cpu-list', SERVER_CORE, ...argv], options);
}

async function startFed(name: 'A' | 'B', argv: readonly string[]): Promise<Server> {
  const [port, feedPort] = await freePorts(2);
  const child = onServerCore([...argv, String(port), String(feedPort)]);
  await child.saying(/listening on/, START_TIMEOUT_MS);
  return {
    name,
    address: `127.0.0.1:${port}`,
    protocol: 'frames',
    sink: { kind: 'frames', address: `127.0.0.1:${feedPort}` },
    pid: child.pid,
    stop: () => child.kill(),
  };
}

export function startBare(): Promise<Server> {
  return startFed('A', [binary('bare')]);
}

export function startPlainUws(): Promise<Server> {
  return startFed('B', [...NODE, join(import.meta.dirname, 'plain-uws.ts')]);
}

/** @throws MissingTool when Debian's nats-server is not installed. */
export async function startNats(workDir: string): Promise<Server> {
  const found = await runProgram('which', ['nats-server'], { anyCode: true });
  if (found.code !== 0) throw new MissingTool('nats-server', 'apt-get install nats-server');
  const [port, clientPort] = await freePorts(2);
  const config = join(workDir, 'nats.conf');
  writeFileSync(
    config,
    `listen: "127.0.0.1:${clientPort}"\nwebsocket { listen: "127.0.0.1:${port}", no_tls: true }\n`,
  );
  const child = onServerCore(['nats-server', '--config', config], {
    env: { GOMAXPROCS: '1' },
  });
  await child.saying(/Server is ready/, START_TIMEOUT_MS);
  return {
    name: 'N',
    address: `127.0.0.1:${port}`,
    protocol: 'nats',
    sink: { kind: 'nats', address: `127.0.0.1:${clientPort}` },
    pid: child.pid,
    stop: () => child.kill(),
  };
}

/** Reads a topic on the server's core and has no clients (R). */
export class BareReader {
  readonly #child: Child;

  private constructor(child: Child) {
    this.#child = child;
  }

  static async start(bootstrap: string, topic: string): Promise<BareReader> {
    const script = join(import.meta.dirname, 'bare-reader.ts');
    const child = onServerCore([...NODE, script, bootstrap, topic], { keepInput: true });
    await child.saying(/reading/, START_TIMEOUT_MS);
    return new BareReader(child);
  }

  /** What was read before does not count. */
  begin(): void {
    this.#child.write('now\n');
  }

  /** Its report. */
  async end(): Promise<BareRead> {
    this.#child.process.stdin?.end();
    const [, text = ''] = await this.#child.saying(/(\{.*\})/, START_TIMEOUT_MS);
    await this.#child.kill();
    return JSON.parse(text) as BareRead;
  }
}

export interface GatewayOptions {
  readonly workDir: string;
  /** Settings beside the ones that lift the limits. */
  readonly overrides?: Readonly<Record<string, string>>;
  /** Where V8 leaves a profile when the gateway ends; empty = none is taken. */
  readonly profileDir?: string;
}

/**
 * The broker of one run, on core 1. It acknowledges from the page cache, as Apache Kafka does unless told otherwise: its
 * flushes would take the load generator's core.
 */
export async function startBroker(workDir: string): Promise<MillraceProcess> {
  const overrides = { 'millrace.log.durability': 'page-cache' };
  return MillraceProcess.start({ dataFolder: join(workDir, 'broker'), overrides });
}

/** The gateway before a broker, on core 0. `kill` and `resume` keep its address. */
export class GatewayServer implements Server {
  readonly name = 'M';
  readonly protocol = 'gateway';
  readonly address: string;
  readonly sink: Sink;
  /** Its settings, as a properties file. */
  readonly overrideFile: string;
  readonly #adminAddress: string;
  readonly #profileDir: string;
  #child: Child | undefined;

  private constructor(port: number, adminPort: number, bootstrap: string, options: GatewayOptions) {
    this.address = `127.0.0.1:${port}`;
    this.#adminAddress = `127.0.0.1:${adminPort}`;
    this.sink = { kind: 'kafka', address: bootstrap };
    this.#profileDir = options.profileDir ?? '';
    this.overrideFile = join(options.workDir, 'gateway.properties');
    const settings = {
      'gateway.listen': this.address,
      'gateway.admin.listen': this.#adminAddress,
      'gateway.kafka.bootstrap.servers': bootstrap,
      'gateway.hosts': this.address,
      'gateway.origins': `http://${this.address}`,
      ...LIFTED_LIMITS,
      ...options.overrides,
    };
    const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`);
    mkdirSync(options.workDir, { recursive: true });
    writeFileSync(this.overrideFile, lines.join(''));
  }

  static async start(bootstrap: string, options: GatewayOptions): Promise<GatewayServer> {
    const [port = 0, adminPort = 0] = await freePorts(2);
    const gateway = new GatewayServer(port, adminPort, bootstrap, options);
    await gateway.resume();
    return gateway;
  }

  get pid(): number {
    if (this.#child === undefined) throw new Error('the gateway is not running');
    return this.#child.pid;
  }

  /** A metric without labels, as it says now. */
  async metric(name: string): Promise<number> {
    const page = await (await fetch(`http://${this.#adminAddress}/metrics`)).text();
    const line = page.split('\n').find((text) => text.startsWith(`millrace_gateway_${name} `));
    return Number(line?.split(' ')[1]);
  }

  /** A metric by the values of its one label, as it says now. */
  async labelled(name: string, label: string): Promise<ReadonlyMap<string, number>> {
    const page = await (await fetch(`http://${this.#adminAddress}/metrics`)).text();
    const lines = page.matchAll(
      new RegExp(`^millrace_gateway_${name}\\{${label}="([^"]*)"\\} (\\S+)$`, 'gm'),
    );
    return new Map([...lines].map(([, value = '', count]) => [value, Number(count)]));
  }

  async resume(): Promise<void> {
    const profile =
      this.#profileDir === '' ? [] : ['--cpu-prof', `--cpu-prof-dir=${this.#profileDir}`];
    const argv = [process.execPath, ...profile, MILLRACE, 'gateway', this.overrideFile];
    this.#child = onServerCore(argv);
    await this.#child.saying(/the gateway listens on/, START_TIMEOUT_MS);
  }

  async kill(): Promise<void> {
    await this.#child?.kill();
    this.#child = undefined;
  }

  async stop(): Promise<void> {
    // In order only for the profile's sake: thousands of clients need no farewell.
    if (this.#profileDir === '') await this.kill();
    else await this.#child?.stop();
    this.#child = undefined;
  }
}

/** What a load of one machine needs: every client is one principal from a few dozen addresses. */
export const LIFTED_LIMITS: Readonly<Record<string, string>> = {
  'gateway.auth.mode': 'none',
  'gateway.connections.per.principal': '100000',
  'gateway.connections.per.address': '100000',
  'gateway.handshakes.per.second': '10000',
  'gateway.handshakes.per.address': '10000',
  'gateway.position.queries.per.second': '100000',
  'gateway.drain.spread.ms': '100',
  'gateway.drain.close.after.ms': '100',
};
