import { rmSync } from 'node:fs';
import path from 'node:path';
import type { Finished } from './child.ts';
import { freePorts } from './free-port.ts';
import { runKafkaTool } from './kafka-jars.ts';
import { KafkaNode } from './kafka-node.ts';
import { type TempFolder, tempFolder } from './temp-folder.ts';

/** As Apache Kafka's own scripts start a broker. */
const AS_SHIPPED = ['-Xmx1G', '-Xms1G', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20'];

export interface ApacheKafkaOptions {
  /** Lines of server.properties beside the least that one node needs. */
  readonly overrides?: Readonly<Record<string, string>>;
  /** Where the data lies; without it a temporary folder that `stop` removes. */
  readonly dataFolder?: string;
  readonly port?: number;
}

/** One Apache Kafka node in KRaft mode, broker and controller, on free ports of the loopback address. */
export class ApacheKafka {
  readonly port: number;
  readonly #node: KafkaNode;
  readonly #settings: TempFolder;
  readonly #ownsData: boolean;

  private constructor(port: number, node: KafkaNode, settings: TempFolder, ownsData: boolean) {
    this.port = port;
    this.#node = node;
    this.#settings = settings;
    this.#ownsData = ownsData;
  }

  /** Formats the data folder when it is new, starts the node and waits until it serves. */
  static async start(options: ApacheKafkaOptions = {}): Promise<ApacheKafka> {
    const [freePort = 0, controllerPort = 0] = await freePorts(2);
    const port = options.port ?? freePort;
    const settings = tempFolder('apache-kafka');
    const node = new KafkaNode({
      settingsFolder: settings.path,
      dataFolder: options.dataFolder ?? path.join(settings.path, 'data'),
      properties: { ...properties(port, controllerPort), ...options.overrides },
      jvm: AS_SHIPPED,
    });
    const kafka = new ApacheKafka(port, node, settings, options.dataFolder === undefined);
    try {
      await node.format(['--standalone']);
      await node.resume();
    } catch (error) {
      await node.kill();
      await kafka.stop();
      throw error;
    }
    return kafka;
  }

  /** `host:port` for clients. */
  get bootstrap(): string {
    return `127.0.0.1:${this.port}`;
  }

  get dataFolder(): string {
    return this.#node.dataFolder;
  }

  get pid(): number {
    return this.#node.pid;
  }

  /** Starts the node again on the same port and data. */
  resume(): Promise<void> {
    return this.#node.resume();
  }

  /** Shuts the node down in order and keeps the data, for `resume`. */
  pause(): Promise<void> {
    return this.#node.pause();
  }

  /** Ends the node as a power cut would and keeps the data, for `resume`. */
  kill(): Promise<void> {
    return this.#node.kill();
  }

  /** Shuts the node down and removes what it made, save for a data folder that was handed in. */
  async stop(): Promise<void> {
    await this.pause();
    if (this.#ownsData) rmSync(this.dataFolder, { recursive: true, force: true });
    this.#settings.remove();
  }

  /** Runs one of Apache Kafka's tools; `--bootstrap-server` is for the caller to give. */
  tool(mainClass: string, argv: readonly string[]): Promise<Finished> {
    return runKafkaTool(mainClass, argv);
  }
}

function properties(port: number, controllerPort: number): Record<string, string> {
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}`,
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
  };
}
