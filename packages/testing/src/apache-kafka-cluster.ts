import path from 'node:path';
import { freePorts } from './free-port.ts';
import { KafkaNode } from './kafka-node.ts';
import { type TempFolder, tempFolder } from './temp-folder.ts';

/** Small and quick to start: three of them beside what is tested. */
const SMALL = [
  ...['-Xms64m', '-Xmx320m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'],
];
/** Who is also the controller, and so must stay while another node's leaders move. */
const CONTROLLER = 1;

export interface ApacheKafkaClusterOptions {
  /** Lines of every node's server.properties. */
  readonly overrides?: Readonly<Record<string, string>>;
}

/**
 * Three Apache Kafka brokers in KRaft mode, ids 1 to 3, on free ports of the loopback address; node 1 is the controller
 * too. A node that is killed loses its leaderships after four seconds.
 */
export class ApacheKafkaCluster {
  readonly #nodes: ReadonlyMap<number, KafkaNode>;
  readonly #ports: readonly number[];
  readonly #folder: TempFolder;

  private constructor(
    nodes: ReadonlyMap<number, KafkaNode>,
    ports: readonly number[],
    folder: TempFolder,
  ) {
    this.#nodes = nodes;
    this.#ports = ports;
    this.#folder = folder;
  }

  static async start(options: ApacheKafkaClusterOptions = {}): Promise<ApacheKafkaCluster> {
    const [controllerPort = 0, ...ports] = await freePorts(4);
    const folder = tempFolder('apache-kafka-cluster');
    const nodes = new Map<number, KafkaNode>();
    for (const [index, port] of ports.entries()) {
      const id = index + 1;
      const settingsFolder = path.join(folder.path, `node-${id}`);
      const node = new KafkaNode({
        settingsFolder,
        dataFolder: path.join(settingsFolder, 'data'),
        properties: { ...properties(id, port, controllerPort), ...options.overrides },
        jvm: SMALL,
      });
      nodes.set(id, node);
    }
    const cluster = new ApacheKafkaCluster(nodes, ports, folder);
    try {
      const format = ([id, node]: [number, KafkaNode]) =>
        node.format(id === CONTROLLER ? ['--standalone'] : []);
      await Promise.all([...nodes].map(format));
      await Promise.all([...nodes.values()].map((node) => node.resume()));
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** `host:port` of every node, for clients. */
  get bootstrap(): string {
    return this.#ports.map((port) => `127.0.0.1:${port}`).join(',');
  }

  /** Ends a node as a power cut would and keeps its data. @param id 2 or 3: the first is the controller. */
  async kill(id: number): Promise<void> {
    if (id === CONTROLLER) throw new Error('without its controller the cluster elects nobody');
    await this.#node(id).kill();
  }

  /** Starts a node that was killed again, on its port and data. */
  async resume(id: number): Promise<void> {
    if (!this.#node(id).isRunning) await this.#node(id).resume();
  }

  /** Ends all nodes and removes their data. */
  async stop(): Promise<void> {
    await Promise.all([...this.#nodes.values()].map((node) => node.kill()));
    this.#folder.remove();
  }

  #node(id: number): KafkaNode {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new Error(`there is no node ${id}`);
    return node;
  }
}

function properties(id: number, port: number, controllerPort: number): Record<string, string> {
  const isController = id === CONTROLLER;
  const broker = `PLAINTEXT://127.0.0.1:${port}`;
  return {
    'process.roles': isController ? 'broker,controller' : 'broker',
    'node.id': String(id),
    listeners: isController ? `${broker},CONTROLLER://127.0.0.1:${controllerPort}` : broker,
    'advertised.listeners': broker,
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}`,
    // Few partitions of the internal topics, on every node: a node may go.
    'offsets.topic.num.partitions': '3',
    'offsets.topic.replication.factor': '3',
    'transaction.state.log.num.partitions': '3',
    'transaction.state.log.replication.factor': '3',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.num.partitions': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    // Only who was killed loses its leaderships, and soon.
    'auto.leader.rebalance.enable': 'false',
    'broker.session.timeout.ms': '4000',
    'broker.heartbeat.interval.ms': '500',
  };
}
