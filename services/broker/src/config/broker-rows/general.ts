import {
  booleanConfig,
  doubleConfig,
  intConfig,
  listConfig,
  longConfig,
  stringConfig,
} from '@millrace/base';
import { readListeners, readProtocolMap } from '../listener.ts';

const MAX_INT = 2_147_483_647;
const unused = { hasNoEffect: true } as const;

/** Who the broker is, where it listens, what it takes from connections. */
export const generalRows = {
  brokerId: intConfig({
    name: 'broker.id',
    synonyms: ['node.id'],
    default: -1,
    atLeast: -1,
    sentence: 'Number of the broker; -1 takes that of the data directory, or 1 in a fresh one.',
  }),
  nodeId: intConfig({
    name: 'node.id',
    synonyms: ['broker.id'],
    default: -1,
    atLeast: -1,
    sentence: 'Another name for broker.id.',
  }),
  listeners: listConfig({
    name: 'listeners',
    default: 'PLAINTEXT://:9092',
    validText: 'NAME://HOST:PORT, …; port 0 = any free one',
    read: readListeners,
    sentence: 'Where the broker listens. An empty host is every address.',
  }),
  advertisedListeners: listConfig({
    name: 'advertised.listeners',
    default: null,
    validText: 'NAME://HOST:PORT, …',
    read: (items) => {
      const listeners = readListeners(items);
      for (const { host } of listeners) {
        if (host === '' || host === '0.0.0.0' || host === '::') {
          throw new Error(
            'advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP address.',
          );
        }
      }
      return listeners;
    },
    sentence: 'What clients are told to connect to. Unset: the address they came in on.',
  }),
  listenerSecurityProtocolMap: listConfig({
    name: 'listener.security.protocol.map',
    default: 'PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL',
    validText: 'NAME:PROTOCOL, …',
    read: readProtocolMap,
    sentence: 'Security protocol of each listener name; only PLAINTEXT is served.',
  }),
  controlPlaneListenerName: stringConfig({
    ...unused,
    name: 'control.plane.listener.name',
    default: null,
    sentence: 'Listener of a ZooKeeper-era controller.',
  }),
  processRoles: listConfig({
    name: 'process.roles',
    default: '',
    oneOf: ['broker', 'controller'],
    read: (items) => items,
    sentence: 'Roles of a KRaft node; a file with broker among them starts a single node.',
  }),
  controllerListenerNames: listConfig({
    name: 'controller.listener.names',
    default: '',
    read: (items) => items,
    sentence: 'Listeners of a KRaft controller; they are not opened.',
  }),
  controllerQuorumVoters: stringConfig({
    ...unused,
    name: 'controller.quorum.voters',
    default: '',
    sentence: 'Voters of a KRaft quorum.',
  }),
  controllerQuorumBootstrapServers: stringConfig({
    ...unused,
    name: 'controller.quorum.bootstrap.servers',
    default: '',
    sentence: 'Bootstrap servers of a KRaft quorum.',
  }),
  brokerSessionTimeoutMs: intConfig({
    ...unused,
    name: 'broker.session.timeout.ms',
    default: 9000,
    sentence: 'Session of a KRaft broker.',
  }),
  brokerHeartbeatIntervalMs: intConfig({
    ...unused,
    name: 'broker.heartbeat.interval.ms',
    default: 2000,
    sentence: 'Heartbeat of a KRaft broker.',
  }),
  metadataLogDir: stringConfig({
    ...unused,
    name: 'metadata.log.dir',
    default: null,
    sentence: 'Directory of a KRaft metadata log.',
  }),
  interBrokerListenerName: stringConfig({
    ...unused,
    name: 'inter.broker.listener.name',
    default: null,
    sentence: 'Listener for other brokers; a single node has none.',
  }),
  interBrokerProtocolVersion: stringConfig({
    ...unused,
    name: 'inter.broker.protocol.version',
    default: null,
    sentence: 'Protocol between brokers.',
  }),
  numNetworkThreads: threads('num.network.threads', 3, 'Network threads of Apache Kafka.'),
  numIoThreads: threads('num.io.threads', 8, 'Request threads of Apache Kafka.'),
  backgroundThreads: threads('background.threads', 10, 'Background threads of Apache Kafka.'),
  queuedMaxRequests: intConfig({
    name: 'queued.max.requests',
    default: 500,
    atLeast: 1,
    sentence: 'Requests in progress above which the broker stops reading.',
  }),
  queuedMaxRequestBytes: longConfig({
    name: 'queued.max.request.bytes',
    default: -1,
    sentence: 'Memory for requests being read; -1 takes a bound of our own, never none.',
  }),
  requestTimeoutMs: intConfig({
    name: 'request.timeout.ms',
    default: 30_000,
    atLeast: 1,
    sentence: 'Time in which a request that was begun must have arrived.',
  }),
  socketSendBufferBytes: intConfig({
    name: 'socket.send.buffer.bytes',
    default: 102_400,
    atLeast: -1,
    sentence: 'SO_SNDBUF; -1 leaves the system’s.',
  }),
  /**
   * A size that is set ends Linux's own sizing: at Kafka's 102400 a frame of a megabyte comes in some eight pieces,
   * each with a wake-up, where a buffer that grows with the load takes it in two.
   */
  socketReceiveBufferBytes: intConfig({
    name: 'socket.receive.buffer.bytes',
    default: -1,
    atLeast: -1,
    sentence:
      'SO_RCVBUF; -1 leaves the system’s, which grows with the load. Apache Kafka’s default, 102400, makes large requests dearer.',
  }),
  socketRequestMaxBytes: intConfig({
    name: 'socket.request.max.bytes',
    default: 104_857_600,
    atLeast: 1,
    sentence: 'Largest request.',
  }),
  socketListenBacklogSize: intConfig({
    name: 'socket.listen.backlog.size',
    default: 50,
    atLeast: 1,
    sentence: 'Connections that may wait to be accepted.',
  }),
  maxConnections: intConfig({
    name: 'max.connections',
    dynamic: 'cluster-wide',
    default: MAX_INT,
    atLeast: 0,
    sentence: 'Connections in all.',
  }),
  maxConnectionsPerIp: intConfig({
    name: 'max.connections.per.ip',
    dynamic: 'cluster-wide',
    default: MAX_INT,
    atLeast: 0,
    sentence: 'Connections of one address.',
  }),
  connectionsMaxIdleMs: longConfig({
    name: 'connections.max.idle.ms',
    default: 600_000,
    atLeast: 1,
    sentence: 'Time without traffic after which a connection is closed.',
  }),
  fetchMaxBytes: intConfig({
    name: 'fetch.max.bytes',
    default: 57_671_680,
    atLeast: 1024,
    sentence: 'Largest answer to a Fetch.',
  }),
  maxIncrementalFetchSessionCacheSlots: intConfig({
    name: 'max.incremental.fetch.session.cache.slots',
    default: 1000,
    atLeast: 0,
    sentence: 'Fetch sessions kept.',
  }),
  maxRequestPartitionSizeLimit: intConfig({
    name: 'max.request.partition.size.limit',
    default: 2000,
    atLeast: 1,
    sentence: 'Partitions in one page of DescribeTopicPartitions.',
  }),
  fetchPurgatoryPurgeIntervalRequests: purge('fetch.purgatory', 1000),
  producerPurgatoryPurgeIntervalRequests: purge('producer.purgatory', 1000),
  deleteRecordsPurgatoryPurgeIntervalRequests: purge('delete.records.purgatory', 1),
  metricReporters: stringConfig({
    ...unused,
    name: 'metric.reporters',
    dynamic: 'cluster-wide',
    default: '',
    sentence: 'Java classes that report metrics.',
  }),
  metricsRecordingLevel: stringConfig({
    ...unused,
    name: 'metrics.recording.level',
    default: 'INFO',
    sentence: 'Detail of Apache Kafka’s metrics.',
  }),
  metricsNumSamples: intConfig({
    ...unused,
    name: 'metrics.num.samples',
    default: 2,
    sentence: 'Samples of Apache Kafka’s metrics.',
  }),
  metricsSampleWindowMs: longConfig({
    ...unused,
    name: 'metrics.sample.window.ms',
    default: 30_000,
    sentence: 'Window of Apache Kafka’s metrics.',
  }),
  metricsListener: stringConfig({
    name: 'millrace.metrics.listener',
    default: '127.0.0.1:9404',
    sentence: 'HOST:PORT of /metrics and /health over HTTP; empty = none, port 0 = any free one.',
  }),
  durability: stringConfig({
    name: 'millrace.log.durability',
    default: 'fsync',
    oneOf: ['fsync', 'page-cache'],
    sentence:
      'When acks=all is answered: after the flush to the device, or once in the page cache as Apache Kafka does.',
  }),
  maxPartitions: intConfig({
    name: 'millrace.max.partitions',
    default: -1,
    atLeast: -1,
    sentence:
      'Partitions of all topics together; creation beyond is refused. -1 is what the open files of the process allow.',
  }),
  logCleanerIoMaxBytesPerSecond: doubleConfig({
    ...unused,
    name: 'log.cleaner.io.max.bytes.per.second',
    dynamic: 'cluster-wide',
    default: Number.MAX_VALUE,
    sentence: 'Limit of the cleaner’s reading and writing.',
  }),
  deleteTopicEnable: booleanConfig({
    name: 'delete.topic.enable',
    default: true,
    sentence: 'Whether topics can be deleted.',
  }),
  autoCreateTopicsEnable: booleanConfig({
    name: 'auto.create.topics.enable',
    default: true,
    sentence: 'Whether asking for the metadata of an unknown topic creates it.',
  }),
  numPartitions: intConfig({
    name: 'num.partitions',
    default: 1,
    atLeast: 1,
    sentence: 'Partitions of a topic made without saying how many.',
  }),
  defaultReplicationFactor: intConfig({
    hasNoEffect: true,
    name: 'default.replication.factor',
    default: 1,
    sentence: 'Replicas of a topic made without saying how many; one broker holds one.',
  }),
};

function threads(name: string, count: number, sentence: string) {
  return intConfig({
    ...unused,
    name,
    dynamic: 'cluster-wide',
    default: count,
    atLeast: 1,
    sentence,
  });
}

function purge(prefix: string, count: number) {
  return intConfig({
    ...unused,
    name: `${prefix}.purge.interval.requests`,
    default: count,
    sentence: 'How often Apache Kafka tidies parked requests.',
  });
}
