/** What every row needs: the options, the servers and topics of one run, and their end. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Admin } from '@millrace/client';
import type { MillraceProcess } from '@millrace/testing';
import { answers } from './frames.ts';
import { type Group, generate, type Phase, type Report } from './generator.ts';
import {
  BareReader,
  GatewayServer,
  type Server,
  type ServerName,
  startBare,
  startBroker,
  startNats,
  startPlainUws,
} from './servers.ts';

export interface BenchOptions {
  readonly clients: number;
  readonly rounds: number;
  /** Of one measured phase. */
  readonly seconds: number;
  /** Records a frame in the fan-out. */
  readonly records: readonly number[];
  readonly soakSeconds: number;
  readonly profileDir: string;
  readonly without: ReadonlySet<string>;
}

export class Bench {
  readonly options: BenchOptions;
  readonly #workDir = mkdtempSync(join(tmpdir(), 'millrace-gateway-bench-'));
  readonly #servers = new Map<ServerName, Server>();
  #broker: MillraceProcess | undefined;
  #admin: Admin | undefined;
  #topicCount = 0;

  constructor(options: BenchOptions) {
    this.options = options;
  }

  /** The server, started on first use and kept until `stopServers`. */
  async server(name: ServerName): Promise<Server> {
    const server = this.#servers.get(name) ?? (await this.#start(name));
    this.#servers.set(name, server);
    return server;
  }

  /** A gateway for one row, with settings of its own. The caller stops it. */
  async gateway(overrides: Readonly<Record<string, string>> = {}): Promise<GatewayServer> {
    const { profileDir } = this.options;
    const broker = await this.#runningBroker();
    return GatewayServer.start(broker.bootstrap, { workDir: this.#workDir, overrides, profileDir });
  }

  /** The servers of `names` that `--without` leaves in. */
  chosen(...names: ServerName[]): ServerName[] {
    return names.filter((name) => !this.options.without.has(name));
  }

  /** A new topic of one partition. */
  async topic(name: string): Promise<string> {
    const topic = `${name}-${++this.#topicCount}`;
    await (await this.#cluster()).createTopics([{ name: topic, partitionCount: 1 }]);
    return topic;
  }

  /** Where the broker is. */
  async bootstrap(): Promise<string> {
    return (await this.#runningBroker()).bootstrap;
  }

  /** R, which reads a topic on core 0. */
  async bareReader(topic: string): Promise<BareReader> {
    return BareReader.start(await this.bootstrap(), topic);
  }

  /** Cluster and topic as a resume token names them. */
  async identity(topic: string): Promise<{ readonly clusterId: string; readonly topicId: string }> {
    const admin = await this.#cluster();
    const { clusterId } = await admin.describeCluster();
    const [described] = await admin.describeTopics([topic]);
    return { clusterId: clusterId ?? '', topicId: described?.topicId ?? '' };
  }

  /** Runs the load generator against a server. */
  load(
    server: Server,
    groups: readonly Group[],
    phases: readonly Phase[],
    begins?: (phase: string) => void,
  ): Promise<Report[]> {
    const settings = {
      address: server.address,
      protocol: server.protocol,
      pid: server.pid,
      sink: server.sink,
      groups,
      phases,
      answers: server.protocol === 'gateway' ? answers() : null,
    };
    return generate(settings, begins);
  }

  async stopServers(): Promise<void> {
    for (const server of this.#servers.values()) await server.stop();
    this.#servers.clear();
  }

  async close(): Promise<void> {
    await this.stopServers();
    await this.#admin?.close();
    await this.#broker?.stop();
    rmSync(this.#workDir, { recursive: true, force: true });
  }

  async #start(name: ServerName): Promise<Server> {
    switch (name) {
      case 'A':
        return startBare();
      case 'B':
        return startPlainUws();
      case 'N':
        return startNats(this.#workDir);
      case 'M':
        return this.gateway();
    }
  }

  async #runningBroker(): Promise<MillraceProcess> {
    this.#broker ??= await startBroker(this.#workDir);
    return this.#broker;
  }

  async #cluster(): Promise<Admin> {
    const { bootstrap } = await this.#runningBroker();
    this.#admin ??= new Admin({ bootstrapServers: bootstrap });
    return this.#admin;
  }
}
