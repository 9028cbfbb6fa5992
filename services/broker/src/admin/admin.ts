import type { AddressInfo } from 'node:net';
import { AdminServer, RuntimeMetrics } from '@millrace/admin';
import { type Clock, ConfigError, type Logger, type Timer } from '@millrace/base';
import { apiSpec } from '@millrace/protocol';
import { BrokerMetrics, type MetricsRooms } from './broker-metrics.ts';
import { BrokerState, Health } from './health.ts';
import { HostMetrics } from './host-metrics.ts';
import { MetricsPage } from './metrics-page.ts';

/** Quantiles tell of the last one to two of these. */
const QUANTILE_WINDOW_MS = 60_000;
const LISTENER_CONFIG = 'millrace.metrics.listener';
const LOOPBACK = /^(127\.|\[?::1\]?:|localhost:)/;

export interface AdminParts {
  readonly clock: Clock;
  readonly log: Logger;
  /** Paths of the log dirs that failed. */
  readonly failedDirs: () => readonly string[];
  /** Paths of all of them. */
  readonly logDirs: readonly string[];
}

/** What operators see of the broker: its health and its metrics, counted always, shown when there is a listener. */
export class Admin {
  readonly health: Health;
  readonly metrics: BrokerMetrics;
  readonly #parts: AdminParts;
  #server: AdminServer | null = null;
  #page: MetricsPage | null = null;
  #host: HostMetrics | null = null;
  #rotation: Timer | null = null;

  constructor(parts: AdminParts) {
    this.#parts = parts;
    this.health = new Health(parts.failedDirs);
    this.metrics = new BrokerMetrics(parts.clock, (apiKey) => apiSpec(apiKey)?.name);
  }

  /**
   * Opens the listener; "" opens none. Health is answered at once, metrics once `show` was called.
   * @throws ConfigError when it cannot be bound.
   */
  async open(address: string): Promise<AddressInfo | null> {
    if (address === '') return null;
    const { clock, log, logDirs } = this.#parts;
    this.#host = new HostMetrics(clock, new RuntimeMetrics(clock), logDirs);
    this.#rotation = clock.setInterval(QUANTILE_WINDOW_MS, () => this.metrics.rotate());
    this.#server = new AdminServer({
      title: 'Millrace broker',
      configName: LISTENER_CONFIG,
      probes: {
        '/health/live': () => this.health.live(),
        '/health/ready': () => this.health.ready(),
      },
      metrics: (names, format) => this.#page?.chunks(names, format) ?? null,
      log,
    });
    const bound = await this.#server.listen(parseAddress(address));
    if (!LOOPBACK.test(address)) {
      log.warn('metrics are open to the network without authentication', { address });
    }
    return bound;
  }

  /** From now on there are metrics, and clients are served. */
  show(rooms: Omit<MetricsRooms, 'health'>): void {
    this.health.state = BrokerState.running;
    if (this.#host === null) return;
    const source = this.metrics.pageSource({ ...rooms, health: this.health }, this.#host);
    this.#page = new MetricsPage(this.#parts.clock, source);
  }

  /** Tells /health/ready that clients should go elsewhere. */
  closing(): void {
    this.health.state = BrokerState.shuttingDown;
  }

  /** Leaves no handle. */
  async close(): Promise<void> {
    this.#rotation?.cancel();
    this.#host?.close();
    await this.#server?.close();
  }
}

/** `HOST:PORT`; no host is every address. @throws ConfigError in one sentence. */
function parseAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:]*)):(\d{1,5})$/.exec(address);
  if (match === null)
    throw new ConfigError(LISTENER_CONFIG, `${LISTENER_CONFIG} wants HOST:PORT, not ${address}.`);
  const host = match[1] ?? match[2] ?? '';
  return { host: host === '' ? '0.0.0.0' : host, port: Number(match[3]) };
}
