/** One scenario's run: its broker, gateways, topics and the records that are produced meanwhile. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Admin, Producer } from '@millrace/client';
import type { MillraceProcess } from '@millrace/testing';
import { GatewayServer, startBroker } from '../gateway/servers.ts';

const TURN_MS = 5;
/** `1700000000000.12`: how every value begins. */
const STAMP_LENGTH = 16;

export interface FeedOptions {
  readonly topic: string;
  readonly perSecond: number;
  readonly valueBytes: number;
  /** Keys `k00000` … in turn; 0 = none. */
  readonly keys?: number;
}

export class Run {
  readonly scale: number;
  /** How long the script's load lasts. */
  readonly seconds: number;
  readonly gateways: GatewayServer[] = [];
  readonly #workDir = mkdtempSync(join(tmpdir(), 'millrace-k6-'));
  readonly #timers = new Set<NodeJS.Timeout>();
  #broker: MillraceProcess | undefined;
  #producer: Producer | undefined;
  #server: Server | undefined;
  #error: unknown;

  constructor(scale: number, seconds: number) {
    this.scale = scale;
    this.seconds = seconds;
  }

  /** As the scripts' `scaled`. */
  scaled(count: number): number {
    return Math.max(1, Math.round(count * this.scale));
  }

  async broker(): Promise<MillraceProcess> {
    this.#broker ??= await startBroker(this.#workDir);
    return this.#broker;
  }

  async topic(name: string): Promise<string> {
    const admin = new Admin({ bootstrapServers: (await this.broker()).bootstrap });
    await admin.createTopics([{ name, partitionCount: 1 }]);
    await admin.close();
    return name;
  }

  /** Another gateway before the same broker. */
  async gateway(overrides: Readonly<Record<string, string>> = {}): Promise<GatewayServer> {
    const { bootstrap } = await this.broker();
    const workDir = join(this.#workDir, `gateway-${this.gateways.length}`);
    const gateway = await GatewayServer.start(bootstrap, { workDir, overrides });
    this.gateways.push(gateway);
    return gateway;
  }

  /** The gateways as the scripts are told of them. */
  urls(): string {
    return this.gateways.map(({ address }) => `ws://${address}/v1/ws`).join(',');
  }

  /** Where files of this run may lie. */
  file(name: string): string {
    return join(this.#workDir, name);
  }

  /** Produces from now on until `stopFeeds`. */
  async feed(options: FeedOptions): Promise<void> {
    const producer = await this.producer();
    const { topic, perSecond, keys = 0, valueBytes } = options;
    const startedAt = performance.now();
    let sent = 0;
    const timer = setInterval(() => {
      const due = ((performance.now() - startedAt) / 1000) * perSecond;
      for (; sent < due; sent++) {
        const key = keys === 0 ? null : keyName(sent % keys);
        this.#watch(producer.send({ topic, partition: 0, key, value: stamped(valueBytes) }));
      }
    }, TURN_MS);
    this.#timers.add(timer);
  }

  stopFeeds(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers.clear();
  }

  async producer(): Promise<Producer> {
    this.#producer ??= new Producer({
      bootstrapServers: (await this.broker()).bootstrap,
      lingerMs: 1,
    });
    return this.#producer;
  }

  /** Serves `answer` over HTTP; its URL. */
  async serve(answer: () => Promise<string>): Promise<string> {
    const server = createServer((_request, response) => {
      answer().then(
        (text) => response.end(text),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  /** Ends everything. @throws what producing failed with. */
  async close(): Promise<void> {
    this.stopFeeds();
    this.#server?.close();
    await this.#producer?.close();
    for (const gateway of this.gateways) await gateway.kill();
    await this.#broker?.stop();
    rmSync(this.#workDir, { recursive: true, force: true });
    if (this.#error !== undefined) throw this.#error;
  }

  #watch(sending: Promise<unknown>): void {
    sending.catch((error: unknown) => {
      this.#error ??= error;
    });
  }
}

export function keyName(index: number): string {
  return `k${String(index).padStart(5, '0')}`;
}

/** A value that begins with the moment it was made. */
export function stamped(valueBytes: number, note = ''): string {
  const now = performance.timeOrigin + performance.now();
  return `${now.toFixed(2).slice(0, STAMP_LENGTH)} ${note}`.padEnd(valueBytes, 'x');
}
