import { booleanConfig, intConfig, listConfig, longConfig, stringConfig } from '@millrace/base';
import { parseListenAddress } from '../address.ts';
import { TrustedProxies } from '../client-address.ts';
import { parseHostRule, parseOrigin } from '../web-names.ts';

const DAY_MS = 86_400_000;

/** Where the gateway listens, who may come, and how long a connection lives. */
export const networkRows = {
  listen: addressConfig(
    'gateway.listen',
    '127.0.0.1:8089',
    'Where WebSocket clients connect. Port 0 is any free one.',
  ),
  demo: booleanConfig({
    name: 'gateway.demo',
    default: false,
    sentence: 'Serves the demo page at `/` and the topics that the token may read at `/v1/topics`.',
  }),
  adminListen: addressConfig(
    'gateway.admin.listen',
    '127.0.0.1:9189',
    'Where `/metrics`, `/healthz` and `/readyz` are; never the address of clients.',
  ),
  metricsTopics: listConfig({
    name: 'gateway.metrics.topics',
    default: '',
    validText: 'topic, prefix* or *, …',
    read: (items) => items,
    sentence: 'Topics that have metrics of their own; no label names any other topic.',
  }),
  processes: intConfig({
    name: 'gateway.processes',
    default: 1,
    atLeast: 1,
    atMost: 128,
    sentence:
      'Processes that listen on the same port; each has its own feeds and reads a partition once.',
  }),
  hosts: listConfig({
    name: 'gateway.hosts',
    default: '',
    validText: 'HOST or HOST:PORT, …',
    read: (items) => items.map(parseHostRule),
    sentence: 'Values of the Host header that are answered; without a port, any port. Empty: none.',
  }),
  origins: listConfig({
    name: 'gateway.origins',
    default: '',
    validText: 'SCHEME://HOST[:PORT], …',
    read: (items) => items.map(parseOrigin),
    sentence: 'Origins of pages that may connect, exactly. Empty: no browser may.',
  }),
  originsAllowMissing: booleanConfig({
    name: 'gateway.origins.allow.missing',
    default: false,
    sentence: 'Lets clients that send no Origin connect (programs, not browsers), with a token.',
  }),
  proxies: listConfig({
    name: 'gateway.proxies',
    default: '',
    validText: 'ADDRESS or ADDRESS/BITS, …',
    read: (items) => new TrustedProxies(items),
    sentence:
      'Proxies whose X-Forwarded-For or, without TLS here, PROXY v2 header names the client.',
  }),
  tlsCert: stringConfig({
    name: 'gateway.tls.cert',
    default: null,
    sentence: 'Path of the certificate chain, PEM.',
  }),
  tlsKey: stringConfig({
    name: 'gateway.tls.key',
    default: null,
    sentence: 'Path of the private key, PEM.',
  }),
  tlsTerminatedUpstream: booleanConfig({
    name: 'gateway.tls.terminated.upstream',
    default: false,
    sentence: 'A proxy in front does TLS, so plaintext may be served on a public address.',
  }),
  helloTimeoutMs: intConfig({
    name: 'gateway.hello.timeout.ms',
    default: 5000,
    atLeast: 100,
    atMost: 60_000,
    sentence: 'A connection whose Hello has not come by then is closed with 4502.',
  }),
  pingIntervalMs: intConfig({
    name: 'gateway.ping.interval.ms',
    default: 25_000,
    atLeast: 1000,
    atMost: 600_000,
    sentence: 'Quiet time after which the gateway sends Ping.',
  }),
  pongGraceMs: intConfig({
    name: 'gateway.pong.grace.ms',
    default: 8000,
    atLeast: 500,
    atMost: 600_000,
    sentence: 'Time beyond the ping interval until a silent client is closed with 4004.',
  }),
  connectionLifetimeMs: longConfig({
    name: 'gateway.connection.lifetime.ms',
    default: DAY_MS,
    atLeast: 1000,
    sentence: 'Age, give or take 10 %, at which a connection is asked to reconnect.',
  }),
  socketStallMs: intConfig({
    name: 'gateway.socket.stall.ms',
    default: 30_000,
    atLeast: 1000,
    atMost: 600_000,
    sentence: 'A socket with unsent bytes and no progress for this long is closed with 4008.',
  }),
  socketNotsentLowat: intConfig({
    name: 'gateway.socket.notsent.lowat',
    default: 16_384,
    atLeast: 4096,
    atMost: 16_777_216,
    sentence: 'TCP_NOTSENT_LOWAT of client sockets, bytes: bounds kernel memory of slow readers.',
  }),
  socketUserTimeoutMs: intConfig({
    name: 'gateway.socket.user.timeout.ms',
    // Longer than gateway.socket.stall.ms: the kernel's timer tells a stopped reader nothing.
    default: 40_000,
    atLeast: 1000,
    atMost: 600_000,
    sentence: 'TCP_USER_TIMEOUT of client sockets: a peer that acknowledges nothing is cut off.',
  }),
  drainSpreadMs: intConfig({
    name: 'gateway.drain.spread.ms',
    default: 5000,
    atLeast: 0,
    atMost: 600_000,
    sentence: 'At shutdown, connections are told to go at random moments of this time.',
  }),
  drainCloseAfterMs: intConfig({
    name: 'gateway.drain.close.after.ms',
    default: 5000,
    atLeast: 0,
    atMost: 600_000,
    sentence: 'Time between telling a connection to go and closing it.',
  }),
  drainDeadlineMs: intConfig({
    name: 'gateway.drain.deadline.ms',
    default: 20_000,
    atLeast: 0,
    atMost: 3_600_000,
    sentence: 'A shutdown ends at the latest after this.',
  }),
};

function addressConfig(name: string, fallback: string, sentence: string) {
  return listConfig({
    name,
    default: fallback,
    validText: 'HOST:PORT',
    read: (items) => {
      if (items.length !== 1) throw new Error('one HOST:PORT is wanted');
      return parseListenAddress(items[0] as string);
    },
    sentence,
  });
}
