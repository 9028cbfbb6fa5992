import { defineMetrics, type MetricFamilies, type Metrics } from '@millrace/base';

/**
 * What the gateway counts (§14, §21). Rooms get the families and count into them. Distributions whose name ends in
 * `_seconds` are recorded in milliseconds.
 */
export const gatewayMetrics = defineMetrics({
  connectionsOpened: counter('connections_opened_total', 'WebSocket connections opened.'),
  connectionsClosed: counter('connections_closed_total', 'Connections closed, by close code.', [
    'code',
  ]),
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
  unsentBytesMax: gauge('unsent_bytes_max', 'The most of them that one connection ever had.'),
  controlLaneBytes: gauge('control_lane_bytes', 'Control frames waiting, of all connections.'),
  listenerOptionsApplied: gauge(
    'listener_options_applied',
    '1 when TCP_NOTSENT_LOWAT and TCP_USER_TIMEOUT stand on the listening socket.',
  ),
  kernelUnsentBytes: gauge('kernel_unsent_bytes', 'Send memory in the kernel, sampled.'),
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

  tick: seconds('tick_seconds', 'Passes of the delivery loop.'),
  recordsPerWrite: distribution('records_per_write', 'Records in one write to a socket.'),
  bytesPerWrite: distribution('bytes_per_write', 'Bytes in one write to a socket.'),
  deliveryLag: seconds('delivery_lag_seconds', 'From the append of a record to its being sent.'),
  cursorLagRecords: distribution('cursor_lag_records', 'How far streams are behind, records.'),
  hello: seconds('hello_seconds', 'From Hello to Welcome.'),
  publish: seconds('publish_seconds', 'From Publish to its result.'),
  verify: seconds('verify_seconds', 'Checks of token signatures.'),
});

/** The counters of one gateway, and how to show them. */
export type AllGatewayMetrics = Metrics<typeof gatewayMetrics.rows>;

/** The counters of one gateway, by name. */
export type GatewayMetrics = MetricFamilies<typeof gatewayMetrics.rows>;

function counter(name: string, sentence: string, labels?: readonly string[]) {
  return family('counter', name, sentence, labels);
}

function gauge(name: string, sentence: string, labels?: readonly string[]) {
  return family('gauge', name, sentence, labels);
}

function distribution(name: string, sentence: string) {
  return family('distribution', name, sentence);
}

function seconds(name: string, sentence: string) {
  return { ...distribution(name, sentence), divisor: 1000 };
}

function family<const T extends 'counter' | 'gauge' | 'distribution'>(
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
