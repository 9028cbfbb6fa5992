import { Admin, Producer } from '@millrace/client';
import { ApacheKafkaCluster, eventually, MillraceProcess } from '@millrace/testing';
import { GatewayProcess, PROGRAMS } from '../gateway/sdk/gateway-process.ts';
import { KafkaOracle } from './kafka-oracle.ts';

/** Compaction looks often, and needs little memory for it. */
const BROKER_OVERRIDES = {
  'log.cleaner.backoff.ms': '200',
  'log.cleaner.dedupe.buffer.size': '2097152',
};
/** Many connections and questions from one address are no subject here. */
const GATEWAY_SETTINGS = [
  'gateway.requests.per.second=100000',
  'gateway.position.queries.per.second=100000',
  'gateway.connections.per.principal=1000',
  'gateway.connections.per.address=1000',
];
const READY_MS = 60_000;

/** A cluster, a gateway before it as users run it, and what the checks need beside them. */
export interface Stage {
  readonly name: string;
  readonly bootstrap: string;
  readonly gateway: GatewayProcess;
  readonly admin: Admin;
  readonly producer: Producer;
  readonly oracle: KafkaOracle;
  /** Three nodes of Apache Kafka; null: one broker of ours. */
  readonly cluster: ApacheKafkaCluster | null;
  close(): Promise<void>;
}

interface Cluster {
  readonly bootstrap: string;
  stop(): Promise<void>;
}

/** Three nodes of Apache Kafka 4.3.1 behind a gateway. */
export async function kafkaStage(): Promise<Stage> {
  const cluster = await ApacheKafkaCluster.start({ overrides: BROKER_OVERRIDES });
  return stageOver('Apache Kafka', cluster, cluster);
}

/** Our broker behind a gateway. */
export async function millraceStage(): Promise<Stage> {
  const broker = await MillraceProcess.start({ overrides: BROKER_OVERRIDES });
  return stageOver('Millrace', broker, null);
}

async function stageOver(
  name: string,
  broker: Cluster,
  cluster: ApacheKafkaCluster | null,
): Promise<Stage> {
  const { bootstrap } = broker;
  const opened: (() => Promise<void> | void)[] = [() => broker.stop()];
  const close = async (): Promise<void> => {
    const failures: unknown[] = [];
    // Whatever one leaves behind, the next must not: these are processes.
    for (const step of opened.splice(0).reverse()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join('; '));
  };
  try {
    const [gateway, oracle] = await Promise.all([
      GatewayProcess.start(bootstrap, GATEWAY_SETTINGS, PROGRAMS.built),
      KafkaOracle.open(bootstrap),
    ]);
    opened.push(() => oracle.close());
    opened.push(() => gateway.kill());
    const client = { bootstrapServers: bootstrap, retryBackoffMs: 20, retryBackoffMaxMs: 200 };
    const admin = new Admin(client);
    opened.push(() => admin.close());
    const producer = new Producer(client);
    opened.push(() => producer.abort());
    return { ...{ name, bootstrap, gateway, admin, producer, oracle, cluster }, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * A gateway beside the stage's own, for as long as the work takes.
 *
 * @param own settings of this gateway alone
 */
export async function withGateway(
  { bootstrap }: Stage,
  own: readonly string[],
  work: (gateway: GatewayProcess) => Promise<void>,
): Promise<void> {
  const gateway = await GatewayProcess.start(bootstrap, own, PROGRAMS.built);
  try {
    await work(gateway);
  } finally {
    await gateway.kill();
  }
}

let topicCount = 0;

type TopicOptions = Omit<Parameters<Admin['createTopics']>[0][number], 'name'>;

/** Makes a topic of a name of its own and waits until every node knows a leader of each partition. */
export async function newTopic(
  { admin, bootstrap }: Stage,
  what: string,
  options: TopicOptions = {},
): Promise<string> {
  const name = `${what}-${++topicCount}`;
  const partitionCount = options.partitionCount ?? options.replicas?.length ?? 1;
  const counts = options.replicas === undefined ? { partitionCount } : {};
  await admin.createTopics([{ name, ...counts, ...options }]);
  for (const node of bootstrap.split(','))
    await eventually(`${node} knows ${name}`, READY_MS, () => knows(node, name, partitionCount));
  return name;
}

/** Asks one node; a client that knows the cluster would ask any. */
async function knows(node: string, topic: string, partitionCount: number): Promise<boolean> {
  const admin = new Admin({ bootstrapServers: node });
  try {
    const [found] = await admin.lookUpTopics([topic]);
    const leaders = (found?.partitions ?? []).filter(({ leaderId }) => leaderId >= 0);
    return found?.errorCode === 0 && leaders.length === partitionCount;
  } finally {
    admin.close();
  }
}
