import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfigError, type RenderedFamily, renderMetrics } from '@millrace/base';
import { addressText, type ListenAddress } from '../config/address.ts';
import type { Health, HealthAnswer } from './health.ts';

/** Someone who takes longer than this to send a request or read an answer is cut off. */
const PEER_TIMEOUT_MS = 10_000;
const CONNECTIONS_MAX = 64;
const CONFIG = 'gateway.admin.listen';
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
const INDEX = `Millrace gateway

/metrics  metrics for Prometheus
/healthz  200 while the process turns
/readyz   200 while it takes clients
`;

export interface AdminParts {
  readonly health: Health;
  /** Families that are up to date when this returns. */
  readonly families: () => Iterable<RenderedFamily>;
}

/** The HTTP listener of operators, apart from the address of clients. */
export class AdminServer {
  readonly #parts: AdminParts;
  readonly #server: Server;

  constructor(parts: AdminParts) {
    this.#parts = parts;
    this.#server = createServer((request, response) => {
      this.#answer(request.method ?? '', request.url ?? '/', response);
    });
    this.#server.maxConnections = CONNECTIONS_MAX;
    this.#server.requestTimeout = PEER_TIMEOUT_MS;
    this.#server.timeout = PEER_TIMEOUT_MS;
  }

  /** @throws ConfigError in one sentence when the address cannot be bound. */
  async listen(address: ListenAddress): Promise<{ readonly port: number }> {
    this.#server.listen({ host: address.host, port: address.port, exclusive: true });
    try {
      await once(this.#server, 'listening');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const why = code === 'EADDRINUSE' ? 'is taken' : `cannot be bound (${code})`;
      const text = `Address ${addressText(address)} of ${CONFIG} ${why}; set another, or port 0 for any.`;
      throw new ConfigError(CONFIG, text, { cause: error });
    }
    return { port: (this.#server.address() as AddressInfo).port };
  }

  /** Leaves no handle. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  #answer(method: string, url: string, response: ServerResponse): void {
    const { status, type, body } = this.#page(method, url.split('?', 1)[0] ?? '/');
    response.writeHead(status, { 'content-type': type }).end(body);
  }

  #page(method: string, path: string): AdminPage {
    if (method !== 'GET' && method !== 'HEAD') return text(405, 'GET or HEAD.\n');
    const { health, families } = this.#parts;
    switch (path) {
      case '/healthz':
        return healthPage(health.live());
      case '/readyz':
        return healthPage(health.ready());
      case '/metrics':
        return text(200, [...renderMetrics(families())].join(''), METRICS_TYPE);
      case '/':
        return text(200, INDEX);
      default:
        return text(404, 'Not found.\n');
    }
  }
}

interface AdminPage {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

function text(status: number, body: string, type = 'text/plain; charset=utf-8'): AdminPage {
  return { status, type, body };
}

function healthPage({ isGood, status }: HealthAnswer): AdminPage {
  return text(isGood ? 200 : 503, `${JSON.stringify({ status })}\n`, 'application/json');
}
