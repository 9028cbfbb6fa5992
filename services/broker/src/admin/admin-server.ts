import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { ConfigError, type Logger, type MetricFormat } from '@millrace/base';
import type { Health, HealthAnswer } from './health.ts';
import type { MetricsPage } from './metrics-page.ts';

const CONTENT_TYPES: Readonly<Record<MetricFormat, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};
/** Someone who takes longer than this to send a request or read an answer is cut off. */
const PEER_TIMEOUT_MS = 30_000;
const MAX_CONNECTIONS = 64;
/** Below this, compressing costs more than it saves. */
const GZIP_FROM_BYTES = 1024;
const LISTENER_CONFIG = 'millrace.metrics.listener';

const INDEX = `Millrace broker

/metrics       metrics for Prometheus
/health/live   200 while the broker is sound
/health/ready  200 while clients are served
`;

const compress = promisify(gzip);

export interface AdminServerParts {
  readonly health: Health;
  /** null while there is nothing to show yet. */
  readonly page: () => MetricsPage | null;
  readonly log: Logger;
}

/** The HTTP listener of /metrics and /health, apart from everything Kafka's clients touch. */
export class AdminServer {
  readonly #parts: AdminServerParts;
  readonly #server: Server;
  #opening: Promise<unknown> | null = null;

  constructor(parts: AdminServerParts) {
    this.#parts = parts;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        parts.log.error('admin request failed', { error: String(error) });
        response.destroy();
      });
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.requestTimeout = PEER_TIMEOUT_MS;
    this.#server.timeout = PEER_TIMEOUT_MS;
  }

  /** Binds `HOST:PORT`; port 0 = any free one. @throws ConfigError in one sentence. */
  async listen(address: string): Promise<AddressInfo> {
    const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:]*)):(\d{1,5})$/.exec(address);
    if (match === null) {
      throw new ConfigError(LISTENER_CONFIG, `${LISTENER_CONFIG} wants HOST:PORT, not ${address}.`);
    }
    const host = match[1] ?? match[2] ?? '';
    this.#server.listen(Number(match[3]), host === '' ? '0.0.0.0' : host);
    this.#opening = once(this.#server, 'listening');
    try {
      await this.#opening;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const why = code === 'EADDRINUSE' ? 'is taken' : `cannot be bound (${code})`;
      throw new ConfigError(
        LISTENER_CONFIG,
        `Address ${address} of ${LISTENER_CONFIG} ${why}; set another, port 0 for any, or nothing for none.`,
        { cause: error },
      );
    }
    return this.#server.address() as AddressInfo;
  }

  /** Leaves no handle. */
  async close(): Promise<void> {
    await this.#opening?.catch(() => {});
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
      return;
    }
    const url = new URL(request.url ?? '/', 'http://admin');
    const { health } = this.#parts;
    switch (url.pathname) {
      case '/health/live':
        return answerHealth(response, health.live());
      case '/health/ready':
        return answerHealth(response, health.ready());
      case '/metrics':
        return this.#serveMetrics(request, response, url);
      case '/':
        response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(INDEX);
        return;
      default:
        response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('Not found\n');
    }
  }

  async #serveMetrics(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const page = this.#parts.page();
    if (page === null) {
      response.writeHead(503, { 'retry-after': '1' }).end('The broker is starting.\n');
      return;
    }
    const names = url.searchParams.getAll('name[]');
    const format = formatFor(String(request.headers.accept ?? ''));
    const chunks = await page.chunks(names.length === 0 ? null : new Set(names), format);
    const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const headers: Record<string, string | number> = { 'content-type': CONTENT_TYPES[format] };
    const takesGzip = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
    if (takesGzip && size >= GZIP_FROM_BYTES && request.method === 'GET') {
      // zlib runs on its own thread pool.
      const body = await compress(Buffer.concat(chunks));
      headers['content-encoding'] = 'gzip';
      headers['content-length'] = body.length;
      response.writeHead(200, headers).end(body);
      return;
    }
    headers['content-length'] = size;
    response.writeHead(200, headers);
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    await pipeline(Readable.from(chunks), response).catch(() => response.destroy());
  }
}

/** OpenMetrics for whoever names its version 1, as Prometheus does; the older format for all others. */
function formatFor(accept: string): MetricFormat {
  const takesOpenMetrics = accept
    .split(',')
    .some((range) => /^\s*application\/openmetrics-text\s*(;(?!.*version=0)|$)/.test(range));
  return takesOpenMetrics ? 'openmetrics' : 'prometheus';
}

function answerHealth(response: ServerResponse, { isGood, status, reason }: HealthAnswer): void {
  response
    .writeHead(isGood ? 200 : 503, { 'content-type': 'application/json' })
    .end(`${JSON.stringify({ status, reason })}\n`);
}
