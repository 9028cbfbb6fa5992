import { defineMetrics, type MetricFamilies, type RenderedFamily } from '@millrace/base';
import { LAG_SECONDS, type TopicMeter, TopicMeters } from './topic-meters.ts';

/** Upper bounds of buckets, in what is shown: seconds, records, bytes. */
const SHORT_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.064, 0.256, 1];
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const RECORDS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
const BYTES = [64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536];
const LAG_RECORDS = [0, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000];

/**
 * What the gateway counts (§14, §21). Rooms get the families and count into them. Histograms whose name ends in
 * `_seconds` are recorded in milliseconds.
 */
export const gatewayMetrics = defineMetrics({
  connectionsOpened: counter('connections_opened_total', 'WebSocket connections opened.'),
  connectionsClosed: counter(
    'connections_closed_total',
    'Connections closed, by close code: ours, or 1000, 1001, 1005, 1006 or other of the client.',
    ['code'],
  ),
  handshakesRejected: counter(
    'handshakes_rejected_total',
    'Upgrades refused before the connection was a WebSocket.',
    ['reason'],
  ),
  framesIn: counter('frames_in_total', 'Frames from clients that passed the verifier.', ['kind']),
  framesRejected: counter('frames_rejected_total', 'Frames refused, by the check that failed.', [
    'check',
  ]),
  framesOut: counter('frames_out_total', 'Frames sent.', ['kind']),
  bytesOut: counter('bytes_out_total', 'Bytes of frames sent.'),
  writes: counter('writes_total', 'Corks, hence writes to sockets.'),
  recordsDelivered: counter(
    'records_delivered_total',
    'Records sent: from the ring (hot), from a cold read, or conflated.',
    ['path'],
  ),
  gaps: counter('gaps_total', 'Gap frames sent.', ['reason']),
  outcomes: counter('outcomes_total', 'Outcomes of stream starts and changes.', ['outcome']),
  socketDropped: counter(
    'socket_dropped_total',
    'Messages that the transport dropped: a bug, must stay 0.',
  ),
  framesEncoded: counter('frames_encoded_total', 'Records frames encoded, once per class.'),
  framesShared: counter('frames_shared_total', 'Records frames sent that were already encoded.'),
  coldFetches: counter('cold_fetches_total', 'Fetches for subscribers behind the ring.'),
  coldBytes: counter('cold_bytes_total', 'Bytes of those fetches.'),
  publishes: counter('publishes_total', 'Publish results, by code; 0 is appended.', ['code']),
  commits: counter('commits_total', 'Commit results, by code; 0 is committed.', ['code']),
  auth: counter('auth_total', 'Tokens checked, by result.', ['result']),
  goaways: counter('goaways_total', 'Goaway frames sent, by code.', ['code']),
  slow: counter('slow_total', 'Slow consumers acted upon, by policy.', ['policy']),
  ringEvictions: counter('ring_evictions_total', 'Blocks that left a ring to make room.'),

  connections: gauge('connections', 'Connections, by state.', ['state']),
  streams: gauge('streams', 'Streams, by state and by what holds them up.', ['state', 'overlay']),
  feeds: gauge('feeds', 'Partitions being read.'),
  ringBytes: gauge('ring_bytes', 'Bytes in rings, encoded copies included.'),
  stalledConnections: gauge('stalled_connections', 'Connections with unsent bytes.'),
  tokenCacheEntries: gauge('token_cache_entries', 'Tokens whose check is remembered.'),
  eventLoopLag: gauge('event_loop_lag_seconds', 'How late the event loop was lately, at most.'),
  draining: gauge('draining', '1 while the process is shutting down.'),
  unsentBytes: gauge('unsent_bytes', 'Bytes handed to sockets and not taken by the kernel, sum.'),
  unsentBytesMax: gauge(
    'unsent_bytes_max',
    'The most of them that was ever seen of one connection; looked at when it is written to, and each second.',
  ),
  controlLaneBytes: gauge('control_lane_bytes', 'Control frames waiting, of all connections.'),
  listenerOptionsApplied: gauge(
    'listener_options_applied',
    '1 when TCP_NOTSENT_LOWAT and TCP_USER_TIMEOUT stand on the listening socket.',
  ),
  kernelUnsentBytes: gauge(
    'kernel_unsent_bytes',
    'Bytes in the kernel that clients of the port have not acknowledged, looked at every 10 s and with many over half a minute.',
  ),
  connectionStateBytes: gauge('connection_state_bytes', 'State of connections and streams.'),
  filterClasses: gauge('filter_classes', 'Distinct filters at work.'),
  matchListBytes: gauge('match_list_bytes', 'Bytes of match lists of filters.'),
  coldCacheBytes: gauge('cold_cache_bytes', 'Bytes of cold blocks kept.'),
  conflateKeys: gauge('conflate_keys', 'Keys in latest-by-key lists.'),
  conflateBytes: gauge('conflate_bytes', 'Bytes of latest-by-key lists.'),
  publishInflightBytes: gauge('publish_inflight_bytes', 'Published bytes without a result.'),
  producerSessions: gauge('producer_sessions', 'Producer sessions remembered.'),
  memoryBudgetRatio: gauge(
    'memory_budget_ratio',
    'Memory in use as a share of gateway.memory.bytes.',
  ),

  tick: seconds('tick_seconds', 'Passes of the delivery loop.', SHORT_SECONDS),
  recordsPerWrite: histogram(
    'records_per_write',
    'Records in one write to a socket; one write in 64 is measured.',
    RECORDS,
  ),
  bytesPerWrite: histogram(
    'bytes_per_write',
    'Bytes in one write to a socket; one write in 64 is measured.',
    BYTES,
  ),
  deliveryLag: seconds(
    'delivery_lag_seconds',
    'From the append of a record to its being sent; one write in 64 is measured.',
    LAG_SECONDS,
  ),
  cursorLagRecords: histogram(
    'cursor_lag_records',
    'How far streams are behind the end of their partition, records, looked at each second.',
    LAG_RECORDS,
  ),
  hello: seconds('hello_seconds', 'From Hello to Welcome.', SECONDS),
  publish: seconds('publish_seconds', 'From Publish to its result.', SECONDS),
  verify: seconds('verify_seconds', 'Checks of token signatures.', SECONDS),
});

/** The counters of one gateway, by name. */
export interface GatewayMetrics extends MetricFamilies<typeof gatewayMetrics.rows> {
  /** What is counted for this topic alone: null unless `gateway.metrics.topics` lists it. */
  ofTopic(topic: string): TopicMeter | null;
}

/** The counters of one gateway, and how to show them. */
export interface AllGatewayMetrics {
  readonly families: GatewayMetrics;
  rendered(): Iterable<RenderedFamily>;
}

/** @param isListed topics that have metrics of their own; none when absent */
export function createGatewayMetrics(
  isListed: (topic: string) => boolean = () => false,
): AllGatewayMetrics {
  const metrics = gatewayMetrics.create();
  const topics = new TopicMeters(isListed);
  // What has not happened yet is 0, not absent; but what the system does not tell stays absent.
  for (const [key, family] of Object.entries(metrics.families)) {
    const hasLabels = family.row.labels !== undefined && family.row.labels.length > 0;
    if (!hasLabels && key !== 'kernelUnsentBytes') family.with();
  }
  return {
    families: { ...metrics.families, ofTopic: (topic) => topics.of(topic) },
    *rendered() {
      yield* metrics.rendered();
      yield* topics.rendered();
    },
  };
}

function counter(name: string, sentence: string, labels?: readonly string[]) {
  return family('counter', name, sentence, labels);
}

function gauge(name: string, sentence: string, labels?: readonly string[]) {
  return family('gauge', name, sentence, labels);
}

function histogram(name: string, sentence: string, buckets: readonly number[]) {
  return { ...family('histogram', name, sentence), buckets };
}

function seconds(name: string, sentence: string, buckets: readonly number[]) {
  return { ...histogram(name, sentence, buckets), divisor: 1000 };
}

function family<const T extends 'counter' | 'gauge' | 'histogram'>(
  type: T,
  name: string,
  sentence: string,
  labels?: readonly string[],
) {
  return {
    name: `millrace_gateway_${name}`,
    type,
    sentence,
    ...(labels === undefined ? {} : { labels }),
  };
}
