import { defineMetrics } from '@millrace/base';

const REQUEST_LABELS = ['request'] as const;

/**
 * What the broker counts, under the names that the Prometheus JMX exporter gives Apache Kafka's metrics.
 * Series of partitions and groups are not here: they are read off their objects when asked for.
 */
export const brokerMetrics = defineMetrics({
  requests: {
    name: 'kafka_network_requestmetrics_requests_total',
    type: 'counter',
    labels: ['request', 'version'],
    sentence: 'Requests answered, by API and version.',
  },
  totalTime: {
    name: 'kafka_network_requestmetrics_totaltimems',
    type: 'distribution',
    labels: REQUEST_LABELS,
    sentence: 'Milliseconds from the arrival of a request to handing its answer to the socket.',
  },
  localTime: {
    name: 'kafka_network_requestmetrics_localtimems',
    type: 'distribution',
    labels: REQUEST_LABELS,
    sentence:
      'Milliseconds of the turn of the event loop that answered, the write to the log included.',
  },
  remoteTime: {
    name: 'kafka_network_requestmetrics_remotetimems',
    type: 'distribution',
    labels: REQUEST_LABELS,
    sentence:
      'Milliseconds spent waiting between two turns: for the flush, for more records, for a group.',
  },
  requestQueueTime: {
    name: 'kafka_network_requestmetrics_requestqueuetimems',
    type: 'distribution',
    labels: REQUEST_LABELS,
    sentence:
      "Milliseconds held back before the handler: behind the client's own long poll or beyond its share of a turn.",
  },
  responseQueueTime: {
    name: 'kafka_network_requestmetrics_responsequeuetimems',
    type: 'distribution',
    labels: REQUEST_LABELS,
    sentence: 'Milliseconds that a finished answer waited for earlier answers of its connection.',
  },
  flushTime: {
    name: 'kafka_log_logflushstats_logflushrateandtimems',
    type: 'distribution',
    sentence: 'Milliseconds of the flushes of logs to the device.',
  },
  tickTime: {
    name: 'millrace_tick_milliseconds',
    type: 'distribution',
    sentence: 'Milliseconds of the turns of the event loop in which requests were answered.',
  },
  produceRequests: meter('brokertopicmetrics_totalproducerequests', 'Produce requests.'),
  fetchRequests: meter('brokertopicmetrics_totalfetchrequests', 'Fetch requests.'),
  isrShrinks: meter('replicamanager_isrshrinks', 'Times that a replica fell out of sync.'),
  isrExpands: meter('replicamanager_isrexpands', 'Times that a replica came back in sync.'),
  failedIsrUpdates: meter(
    'replicamanager_failedisrupdates',
    'Changes of in-sync replicas refused.',
  ),
  uncleanElections: {
    name: 'kafka_controller_controllerstats_uncleanleaderelections_total',
    type: 'counter',
    sentence: 'Leaders elected from outside the in-sync replicas.',
  },
  receivedBytes: {
    name: 'millrace_received_bytes_total',
    type: 'counter',
    sentence: 'Bytes read from sockets.',
  },
  sentBytes: {
    name: 'millrace_sent_bytes_total',
    type: 'counter',
    sentence: 'Bytes written to sockets.',
  },
  rebalances: {
    name: 'kafka_server_group_coordinator_metrics_group_completed_rebalance_count',
    type: 'counter',
    sentence: 'Rebalances of groups that were completed.',
  },
  partitionCount: replica('partitioncount', 'Partitions this broker holds.'),
  leaderCount: replica('leadercount', 'Partitions this broker leads.'),
  offlineReplicaCount: replica('offlinereplicacount', 'Partitions whose log dir failed.'),
  producerIds: replica('produceridcount', 'Producers remembered, over all partitions.'),
  lateTransactions: replica(
    'partitionswithlatetransactionscount',
    'Partitions with a transaction older than it may be.',
  ),
  underReplicated: replica('underreplicatedpartitions', 'Partitions with replicas out of sync.'),
  underMinIsr: replica('underminisrpartitioncount', 'Partitions below min.insync.replicas.'),
  atMinIsr: replica('atminisrpartitioncount', 'Partitions at min.insync.replicas.'),
  reassigning: replica('reassigningpartitions', 'Partitions on the move.'),
  activeController: controller('activecontrollercount', '1 on the broker that is the controller.'),
  offlinePartitions: controller('offlinepartitionscount', 'Partitions without a leader.'),
  topicCount: controller('globaltopiccount', 'Topics of the cluster.'),
  globalPartitionCount: controller('globalpartitioncount', 'Partitions of the cluster.'),
  activeBrokers: controller('activebrokercount', 'Brokers alive.'),
  fencedBrokers: controller('fencedbrokercount', 'Brokers fenced.'),
  preferredImbalance: controller(
    'preferredreplicaimbalancecount',
    'Partitions not led by their preferred replica.',
  ),
  controllerState: controller('controllerstate', 'What the controller is doing; 0 = nothing.'),
  brokerState: {
    name: 'kafka_server_kafkaserver_brokerstate',
    type: 'gauge',
    sentence: '1 starting, 2 recovering, 3 running, 7 shutting down.',
  },
  offlineDirs: {
    name: 'kafka_log_logmanager_offlinelogdirectorycount',
    type: 'gauge',
    sentence: 'Log dirs that failed.',
  },
  dirOffline: {
    name: 'kafka_log_logmanager_logdirectoryoffline',
    type: 'gauge',
    labels: ['logDirectory'],
    sentence: '1 when the log dir failed.',
  },
  requestQueue: {
    name: 'kafka_network_requestchannel_requestqueuesize',
    type: 'gauge',
    sentence: 'Requests that are not answered yet, long polls included.',
  },
  waiting: {
    name: 'millrace_purgatory_size',
    type: 'gauge',
    sentence: 'Fetches waiting for records and produces waiting for the flush.',
  },
  fetchSessions: {
    name: 'kafka_server_fetchsessioncache_numincrementalfetchsessions',
    type: 'gauge',
    sentence: 'Fetch sessions open.',
  },
  connections: {
    name: 'kafka_server_socket_server_metrics_connection_count',
    type: 'gauge',
    sentence: 'Connections open.',
  },
  frameMemory: {
    name: 'millrace_frame_budget_bytes',
    type: 'gauge',
    labels: ['state'],
    sentence: 'Memory of requests being read.',
  },
  queuedSendBytes: {
    name: 'millrace_queued_send_bytes',
    type: 'gauge',
    sentence: 'Bytes of answers that sockets have not taken yet.',
  },
  groups: {
    name: 'kafka_coordinator_group_groupmetadatamanager_numgroups',
    type: 'gauge',
    sentence: 'Groups known.',
  },
  groupOffsets: {
    name: 'kafka_coordinator_group_groupmetadatamanager_numoffsets',
    type: 'gauge',
    sentence: 'Committed offsets held, over all groups.',
  },
  groupsStable: groupState('stable'),
  groupsPreparing: groupState('preparingrebalance'),
  groupsCompleting: groupState('completingrebalance'),
  groupsEmpty: groupState('empty'),
  groupsDead: groupState('dead'),
  brokers: { name: 'kafka_brokers', type: 'gauge', sentence: 'Brokers alive.' },
});

function meter<const N extends string>(name: N, sentence: string) {
  return { name: `kafka_server_${name}_total`, type: 'counter', sentence } as const;
}

function replica<const N extends string>(name: N, sentence: string) {
  return { name: `kafka_server_replicamanager_${name}`, type: 'gauge', sentence } as const;
}

function controller<const N extends string>(name: N, sentence: string) {
  return { name: `kafka_controller_kafkacontroller_${name}`, type: 'gauge', sentence } as const;
}

function groupState<const N extends string>(state: N) {
  const name = `kafka_coordinator_group_groupmetadatamanager_numgroups${state}`;
  return { name, type: 'gauge', sentence: `Groups that are ${state}.` } as const;
}
