import { AdminServer, RuntimeMetrics } from '@millrace/admin';
import {
  type Clock,
  type Logger,
  type Prng,
  type RenderedFamily,
  renderMetrics,
  silentLogger,
  systemClock,
  systemRandom,
} from '@millrace/base';
import { AcceptQueue } from './accept-queue.ts';
import type { Authenticator } from './auth/authenticator.ts';
import type { FetchKeys } from './auth/key-source.ts';
import { openAuth } from './auth/open-authenticator.ts';
import { addressText } from './config/address.ts';
import type { GatewayConfig } from './config/gateway-config.ts';
import { type ConfigInputs, readGatewayConfig } from './config/read-config.ts';
import { topicMatcher } from './config/topic-patterns.ts';
import { openFanOut } from './fan-out/open-fan-out.ts';
import { ClientHttp } from './http/client-http.ts';
import { Health } from './http/health.ts';
import { PageFiles } from './http/page-files.ts';
import { KernelUnsent } from './kernel-unsent.ts';
import { loadListenerOptions } from './listener-options.ts';
import { type AllGatewayMetrics, createGatewayMetrics, type GatewayMetrics } from './metrics.ts';
import { Sessions } from './session/sessions.ts';
import { Undo } from './undo.ts';
import { KafkaUpstream } from './upstream.ts';
import { clientOptionsOf } from './upstream-options.ts';
import type { SocketHandlers } from './ws/socket-server.ts';
import { UwsSocketServer } from './ws/uws-socket-server.ts';

/** How to start a gateway; everything may be left out but a key source. */
export interface GatewayOptions extends ConfigInputs {
  /** Where the gateway says what happens; silent when absent. */
  readonly logger?: Logger;
  /** One of several processes on the port; `index` moves the admin port. */
  readonly process?: { readonly index: number };
  /** Instead of the network, for `gateway.auth.jwks.url`; for tests. */
  readonly fetchKeys?: FetchKeys;
}

/** A gateway that serves. */
export interface RunningGateway {
  readonly config: GatewayConfig;
  /** Of the clients' listener. */
  readonly port: number;
  readonly adminPort: number;
  /** Stops as §17 says: clients are told to go, spread over time. The same promise however often it is called. */
  close(): Promise<void>;
  /** Closes every connection at once; `close` then ends. */
  hurry(): void;
}

/** The transport ends a silent socket this much after the heartbeat should have. */
const TRANSPORT_PATIENCE_MS = 10_000;
/** Time for a closing handshake on a socket that is cut anyway. */
const CUT_AFTER_MS = 250;

/**
 * Starts a gateway in the caller's process.
 * @throws ConfigError, PropertiesError, UpstreamError when no broker answers, ListenError for a taken port; nothing is
 * left behind then.
 */
export async function startGateway(options: GatewayOptions = {}): Promise<RunningGateway> {
  const undo = new Undo();
  try {
    return await start(options, undo);
  } catch (error) {
    // What cannot be closed either matters less than why there is no gateway.
    await undo.run().catch(() => undefined);
    throw error;
  }
}

/** What all rooms share. */
interface Basics {
  readonly config: GatewayConfig;
  readonly metrics: GatewayMetrics;
  readonly clock: Clock;
  readonly random: Prng;
  readonly log: Logger;
}

/** Makes every room and connects them. */
async function start(options: GatewayOptions, undo: Undo): Promise<RunningGateway> {
  const config = readGatewayConfig(options);
  const allMetrics = createGatewayMetrics(topicMatcher(config.metricsTopics));
  const basics: Basics = {
    config,
    metrics: allMetrics.families,
    clock: systemClock,
    random: systemRandom,
    log: options.logger ?? silentLogger,
  };
  const { clock, log, metrics } = basics;
  const fetchKeys = options.fetchKeys === undefined ? {} : { fetchKeys: options.fetchKeys };
  const auth = await openAuth({ ...basics, ...fetchKeys });
  undo.push(() => auth.close());
  const health = new Health();
  const adminPort = await openAdmin(basics, allMetrics, health, options.process?.index ?? 0, undo);

  const upstream = await KafkaUpstream.open({
    client: clientOptionsOf(config, clock, basics.random),
    clock,
    coldReadBytes: config.coldReadBytes,
  });
  undo.push(() => upstream.close());
  const fanOut = openFanOut({ ...basics, upstream });
  undo.push(() => fanOut.close());
  const { authenticator, revocations } = auth;
  const sessions = new Sessions({ ...basics, authenticator, revocations, upstream, fanOut });
  const http = await openHttp(basics, authenticator, upstream);
  const acceptQueue = new AcceptQueue(clock, log);
  undo.push(() => acceptQueue.close());
  const server = new UwsSocketServer({
    handlers: { ...sessions.handlers, upgrade: counted(sessions.handlers.upgrade, acceptQueue) },
    http: http.answer,
    messageBytesMax: config.inboundMessageMaxBytes,
    quietMs: config.pingIntervalMs + config.pongGraceMs + TRANSPORT_PATIENCE_MS,
  });
  undo.push(() => server.destroyAll());
  // Undone before the sockets are cut: whoever is connected is told to go.
  undo.push(() => sessions.drain());
  const { tlsCert: cert, tlsKey: key } = config;
  const applyListenerOptions = await loadListenerOptions(basics, acceptQueue);
  const { port } = await server.listen({
    ...config.listen,
    sharedPort: options.process !== undefined,
    ...(cert === null || key === null ? {} : { tls: { cert, key } }),
  });
  // The event loop had no turn since: nobody was accepted yet.
  applyListenerOptions(port);
  const kernelUnsent = new KernelUnsent(clock, port, () => metrics.kernelUnsentBytes.with());
  undo.push(() => kernelUnsent.close());
  health.stage = 'ready';
  log.info('the gateway serves', { listen: addressText({ ...config.listen, port }) });
  return { config, port, adminPort, ...closingOf({ basics, health, server, sessions, undo }) };
}

/** The upgrade checks, whose refusals the queue hears of. */
function counted(
  upgrade: SocketHandlers['upgrade'],
  acceptQueue: AcceptQueue,
): SocketHandlers['upgrade'] {
  return (request) => {
    const answer = upgrade(request);
    if ('reject' in answer) acceptQueue.refused();
    return answer;
  };
}

/** Opens the listener of operators and says where: its port, moved by the number of the process. */
async function openAdmin(
  { config, metrics, clock, log }: Basics,
  allMetrics: AllGatewayMetrics,
  health: Health,
  processIndex: number,
  undo: Undo,
): Promise<number> {
  const runtime = new RuntimeMetrics(clock);
  undo.push(() => runtime.close());
  const families = (): RenderedFamily[] => {
    const ofProcess = [...runtime.families()];
    metrics.eventLoopLag.with().set(runtime.lagMaxSeconds);
    return [...allMetrics.rendered(), ...ofProcess];
  };
  const admin = new AdminServer({
    title: 'Millrace gateway',
    configName: 'gateway.admin.listen',
    probes: { '/healthz': () => health.live(), '/readyz': () => health.ready() },
    metrics: async (names, format) => {
      const wanted = families().filter(({ name }) => names === null || names.has(name));
      return [Buffer.from([...renderMetrics(wanted, format)].join(''))];
    },
    log,
  });
  const { host, port } = config.adminListen;
  const bound = await admin.listen({ host, port: port === 0 ? 0 : port + processIndex });
  undo.push(() => admin.close());
  return bound.port;
}

async function openHttp(
  { config, log }: Basics,
  authenticator: Authenticator,
  upstream: KafkaUpstream,
): Promise<ClientHttp> {
  return new ClientHttp({
    config,
    log,
    page: config.demo ? await PageFiles.read() : null,
    authenticator,
    topics: async () => {
      const topics = await upstream.topics();
      return topics.map(({ name, partitions }) => ({ name, partitionCount: partitions.length }));
    },
  });
}

interface ClosingParts {
  readonly basics: Basics;
  readonly health: Health;
  readonly server: UwsSocketServer;
  readonly sessions: Sessions;
  readonly undo: Undo;
}

function closingOf(parts: ClosingParts): Pick<RunningGateway, 'close' | 'hurry'> {
  const { basics, health, server, sessions, undo } = parts;
  const { clock, config, metrics } = basics;
  /** Closes politely; a peer that does not take part in closing is cut a moment later. */
  const hurry = (): void => {
    sessions.closeAll();
    clock.setTimer(CUT_AFTER_MS, () => server.destroyAll());
  };
  const closeOnce = async (): Promise<void> => {
    health.stage = 'draining';
    metrics.draining.with().set(1);
    server.stopListening();
    // By then the sessions have closed whatever was left.
    const cutAfterMs = config.drainDeadlineMs + CUT_AFTER_MS;
    const cutting = clock.setTimer(cutAfterMs, () => server.destroyAll());
    try {
      await undo.run();
    } finally {
      cutting.cancel();
    }
  };
  let closing: Promise<void> | null = null;
  return {
    close: () => {
      closing ??= closeOnce();
      return closing;
    },
    hurry,
  };
}
