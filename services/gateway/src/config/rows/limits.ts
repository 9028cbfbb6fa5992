import { doubleConfig, intConfig, longConfig } from '@millrace/base';
import { STREAMS_MAX } from '@millrace/gateway-protocol';

const MIB = 1 << 20;

/** How much of everything one process, one address, one principal and one connection may take. */
export const limitRows = {
  inboundMessageMaxBytes: intConfig({
    name: 'gateway.inbound.message.max.bytes',
    default: 65_536,
    atLeast: 8192,
    atMost: 65_536,
    sentence: 'Largest message from a client.',
  }),
  connectionsMax: count('gateway.connections.max', 15_000, 1, 'Connections of one process.'),
  connectionsUnauthenticatedMax: count(
    'gateway.connections.unauthenticated.max',
    512,
    1,
    'Connections of one process that have not been welcomed yet.',
  ),
  connectionsPerPrincipal: count(
    'gateway.connections.per.principal',
    50,
    1,
    'Connections of one principal in one process.',
  ),
  connectionsPerAddress: count(
    'gateway.connections.per.address',
    200,
    1,
    'Connections of one address (IPv6: of one /64) in one process.',
  ),
  handshakesPerSecond: count(
    'gateway.handshakes.per.second',
    2000,
    1,
    'WebSocket upgrades that one process takes in a second.',
  ),
  handshakesPerAddress: count(
    'gateway.handshakes.per.address',
    20,
    1,
    'WebSocket upgrades of one address (IPv6: of one /64) in a second.',
  ),
  subscriptionsMax: intConfig({
    name: 'gateway.subscriptions.max',
    default: 64,
    atLeast: 1,
    // Welcome has 16 bits for it.
    atMost: 0xffff,
    sentence: 'Subscriptions of one connection.',
  }),
  streamsMax: intConfig({
    name: 'gateway.streams.max',
    default: STREAMS_MAX,
    atLeast: 1,
    // No frame and no resume token names more.
    atMost: STREAMS_MAX,
    sentence: 'Streams of one connection.',
  }),
  requestsPerSecond: count(
    'gateway.requests.per.second',
    50,
    1,
    'Subscribe, Commit and Auth of one connection in a second; Unsubscribe only of what is not there.',
  ),
  positionQueriesPerSecond: count(
    'gateway.position.queries.per.second',
    20,
    1,
    'Subscribes by time or name, and committed positions beyond what was delivered, of one principal in a second.',
  ),
  memoryBytes: longConfig({
    name: 'gateway.memory.bytes',
    default: 2048 * MIB,
    atLeast: 64 * MIB,
    sentence: 'Memory of one process. Near it, newcomers are refused and the slowest sent away.',
  }),
  admissionHigh: doubleConfig({
    name: 'gateway.admission.high',
    default: 0.85,
    atLeast: 0.1,
    atMost: 0.95,
    sentence: 'Share of gateway.memory.bytes above which no new connection is welcomed.',
  }),
};

function count(name: string, fallback: number, atLeast: number, sentence: string) {
  return intConfig({ name, default: fallback, atLeast, atMost: 1_000_000, sentence });
}
