import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { ConfigError, type Logger, type MetricFormat } from '@millrace/base';

const TEXT = 'text/plain; charset=utf-8';
const CONTENT_TYPES: Readonly<Record<MetricFormat, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};
/** Someone who takes longer than this to send a request or read an answer is cut off. */
const PEER_TIMEOUT_MS = 30_000;
const CONNECTIONS_MAX = 64;
/** Below this, compressing costs more than it saves. */
const GZIP_FROM_BYTES = 1024;

const compress = promisify(gzip);

/** The answer of a probe: 200 when good, 503 when not; all but `isGood` is its body, as JSON. */
export interface Probe {
  readonly isGood: boolean;
  readonly status: string;
  /** Why not, in one sentence. */
  readonly reason?: string;
}

export interface AdminParts {
  /** First line of the page at `/`. */
  readonly title: string;
  /** The config that holds the address, for errors. */
  readonly configName: string;
  /** By path. */
  readonly probes: Readonly<Record<string, () => Probe>>;
  /** The page of metrics in pieces; with names, only those families. null while there is nothing to show yet. */
  readonly metrics: (
    names: ReadonlySet<string> | null,
    format: MetricFormat,
  ) => Promise<readonly Buffer[]> | null;
  readonly log: Logger;
}

/** The HTTP listener of operators: `/metrics` and probes, apart from everything that clients touch. */
export class AdminServer {
  readonly #parts: AdminParts;
  readonly #server: Server;
  #opening: Promise<unknown> | null = null;

  constructor(parts: AdminParts) {
    this.#parts = parts;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        parts.log.error('admin request failed', { error: String(error) });
        response.destroy();
      });
    });
    this.#server.maxConnections = CONNECTIONS_MAX;
    this.#server.requestTimeout = PEER_TIMEOUT_MS;
    this.#server.timeout = PEER_TIMEOUT_MS;
  }

  /** Port 0 = any free one. @throws ConfigError in one sentence when the address cannot be bound. */
  async listen(address: { readonly host: string; readonly port: number }): Promise<AddressInfo> {
    const { host, port } = address;
    const { configName } = this.#parts;
    this.#server.listen({ host, port, exclusive: true });
    this.#opening = once(this.#server, 'listening');
    try {
      await this.#opening;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const why = code === 'EADDRINUSE' ? 'is taken' : `cannot be bound (${code})`;
      const shown = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
      throw new ConfigError(
        configName,
        `Address ${shown} of ${configName} ${why}; set another, or port 0 for any.`,
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
    const url = URL.parse(request.url ?? '/', 'http://admin');
    if (url === null) {
      response.writeHead(404, { 'content-type': TEXT }).end('Not found\n');
      return;
    }
    if (url.pathname === '/metrics') return this.#serveMetrics(request, response, url);
    const { probes } = this.#parts;
    const probe = Object.hasOwn(probes, url.pathname) ? probes[url.pathname] : undefined;
    if (probe !== undefined) answerProbe(response, probe());
    else if (url.pathname === '/')
      response.writeHead(200, { 'content-type': TEXT }).end(this.#index());
    else response.writeHead(404, { 'content-type': TEXT }).end('Not found\n');
  }

  async #serveMetrics(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const names = url.searchParams.getAll('name[]');
    const format = formatFor(String(request.headers.accept ?? ''));
    const page = this.#parts.metrics(names.length === 0 ? null : new Set(names), format);
    if (page === null) {
      response.writeHead(503, { 'retry-after': '1' }).end('Not started yet.\n');
      return;
    }
    const chunks = await page;
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

  #index(): string {
    const lines = ['/metrics', ...Object.keys(this.#parts.probes)];
    return `${this.#parts.title}\n\n${lines.join('\n')}\n`;
  }
}

/** OpenMetrics for whoever names its version 1, as Prometheus does; the older format for all others. */
function formatFor(accept: string): MetricFormat {
  const takesOpenMetrics = accept
    .split(',')
    .some((range) => /^\s*application\/openmetrics-text\s*(;(?!.*version=0)|$)/.test(range));
  return takesOpenMetrics ? 'openmetrics' : 'prometheus';
}

function answerProbe(response: ServerResponse, { isGood, ...body }: Probe): void {
  response
    .writeHead(isGood ? 200 : 503, { 'content-type': 'application/json' })
    .end(`${JSON.stringify(body)}\n`);
}
