import { type Clock, type Logger, silentLogger, systemClock, systemRandom } from '@millrace/base';
import type { FetchKeys } from './auth/key-source.ts';
import { type OpenedAuth, openAuth } from './auth/open-authenticator.ts';
import { addressText } from './config/address.ts';
import type { GatewayConfig } from './config/gateway-config.ts';
import { type ConfigInputs, readGatewayConfig } from './config/read-config.ts';
import { openFanOut } from './fan-out/open-fan-out.ts';
import { AdminServer } from './http/admin-server.ts';
import { ClientHttp } from './http/client-http.ts';
import { Health } from './http/health.ts';
import { LoopLag } from './http/loop-lag.ts';
import { PageFiles } from './http/page-files.ts';
import { applyListenerOptions } from './listener-options.ts';
import { gatewayMetrics } from './metrics.ts';
import { Sessions } from './session/sessions.ts';
import { KafkaUpstream } from './upstream.ts';
import { clientOptionsOf } from './upstream-options.ts';
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

/** Ends the window over which quantiles are taken. */
const QUANTILE_WINDOW_MS = 60_000;
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
  const cleanUps: (() => void | Promise<void>)[] = [];
  const undo = async (): Promise<void> => {
    for (const cleanUp of cleanUps.reverse().splice(0)) await cleanUp();
  };
  try {
    return await start(options, cleanUps, undo);
  } catch (error) {
    await undo();
    throw error;
  }
}

/** Makes every room and connects them; what must be undone is left in `cleanUps`, latest last. */
async function start(
  options: GatewayOptions,
  cleanUps: (() => void | Promise<void>)[],
  undo: () => Promise<void>,
): Promise<RunningGateway> {
  const config = readGatewayConfig(options);
  const clock: Clock = systemClock;
  const random = systemRandom;
  const log = options.logger ?? silentLogger;
  const allMetrics = gatewayMetrics.create();
  const metrics = allMetrics.families;
  const health = new Health();
  const index = options.process?.index ?? 0;

  const auth: OpenedAuth = await openAuth({
    config,
    metrics,
    clock,
    log,
    ...(options.fetchKeys === undefined ? {} : { fetchKeys: options.fetchKeys }),
  });
  cleanUps.push(() => auth.close());
  const page = config.demo ? await PageFiles.read() : null;

  const loopLag = new LoopLag(metrics.eventLoopLag.with());
  cleanUps.push(() => loopLag.close());
  const rotation = clock.setInterval(QUANTILE_WINDOW_MS, () => allMetrics.rotate());
  cleanUps.push(() => rotation.cancel());
  const admin = new AdminServer({
    health,
    families: () => {
      loopLag.refresh();
      return allMetrics.rendered();
    },
  });
  const { host, port } = config.adminListen;
  const adminAddress = { host, port: port === 0 ? 0 : port + index };
  const { port: adminPort } = await admin.listen(adminAddress);
  cleanUps.push(() => admin.close());

  const upstream = await KafkaUpstream.open({
    client: clientOptionsOf(config, clock, random),
    clock,
    coldReadBytes: config.coldReadBytes,
  });
  cleanUps.push(() => upstream.close());
  const fanOut = openFanOut({ config, metrics, clock, log, upstream });
  cleanUps.push(() => fanOut.close());
  const sessions = new Sessions({
    config,
    metrics,
    clock,
    random,
    log,
    authenticator: auth.authenticator,
    revocations: auth.revocations,
    upstream,
    fanOut,
  });

  const http = new ClientHttp({
    config,
    log,
    page,
    authenticator: auth.authenticator,
    topics: async () => {
      const topics = await upstream.topics();
      return topics.map(({ name, partitions }) => ({ name, partitionCount: partitions.length }));
    },
  });
  const server = new UwsSocketServer({
    handlers: sessions.handlers,
    http: http.answer,
    messageBytesMax: config.inboundMessageMaxBytes,
    quietMs: config.pingIntervalMs + config.pongGraceMs + TRANSPORT_PATIENCE_MS,
  });
  cleanUps.push(() => server.destroyAll());
  // Undone before the sockets are cut: whoever is connected is told to go.
  cleanUps.push(() => sessions.drain());
  const bound = await server.listen({
    ...config.listen,
    sharedPort: options.process !== undefined,
    ...(config.tlsCert === null || config.tlsKey === null
      ? {}
      : { tls: { cert: config.tlsCert, key: config.tlsKey } }),
  });
  await applyListenerOptions(bound.port, config, metrics, log);
  health.stage = 'ready';
  log.info('the gateway serves', { listen: addressText({ ...config.listen, port: bound.port }) });

  /** Closes politely; a peer that does not take part in closing is cut a moment later. */
  const closeSockets = (): void => {
    sessions.closeAll();
    clock.setTimer(CUT_AFTER_MS, () => server.destroyAll());
  };
  const closeOnce = async (): Promise<void> => {
    health.stage = 'draining';
    metrics.draining.with().set(1);
    server.stopListening();
    const deadline = clock.setTimer(config.drainDeadlineMs, closeSockets);
    await undo();
    deadline.cancel();
  };
  let closing: Promise<void> | null = null;
  return {
    config,
    port: bound.port,
    adminPort,
    close: () => {
      closing ??= closeOnce();
      return closing;
    },
    hurry: closeSockets,
  };
}
