/**
 * The production body of `SocketServer`: uWebSockets.js.
 *
 * Its facts that shape this file: `message` data is detached after the handler; calls on a closed socket throw, so
 * the handle is dropped in `close`; `end` and `close` call the close handler before they return; its own topics skip
 * messages silently, so they are never used.
 */
import {
  App,
  type HttpRequest,
  type HttpResponse,
  SSLApp,
  type TemplatedApp,
  type us_listen_socket,
  us_listen_socket_close,
  type us_socket_context_t,
  us_socket_local_port,
  type WebSocket,
} from 'uWebSockets.js';
import { addressText } from './address-text.ts';
import {
  ListenError,
  type ListenOptions,
  type PlainAnswer,
  type SendResult,
  type Socket,
  type SocketServer,
  type SocketServerOptions,
  type UpgradeRequest,
} from './socket-server.ts';

/** LIBUS_LISTEN_EXCLUSIVE_PORT: without it the kernel lets two processes share the port unasked. */
const EXCLUSIVE_PORT = 1;
/** A net below rule P3, which stops at 60 KiB: reached only by a bug. Bytes. */
const BACKPRESSURE_BYTES_MAX = 131_072;
/** Of `idleTimeout`, by its own limits. It ends sockets whose session is over; the heartbeat ends the others earlier. */
const IDLE_S_MIN = 60;
const IDLE_S_MAX = 960;
/** Of plain answers that do not say. */
const TEXT = 'text/plain; charset=utf-8';
const NOT_FOUND: PlainAnswer = { status: 404, body: 'Not found.\n' };

type ListenFunction = (
  this: TemplatedApp,
  host: string,
  port: number,
  flags: number,
  listening: (socket: us_listen_socket | false) => void,
) => void;

interface UserData {
  readonly context: unknown;
  socket: UwsSocket | null;
}

export class UwsSocketServer implements SocketServer {
  readonly #options: SocketServerOptions;
  readonly #open = new Set<UwsSocket>();
  #app: TemplatedApp | null = null;
  #listening: us_listen_socket | null = null;
  #nextId = 1;

  constructor(options: SocketServerOptions) {
    this.#options = options;
  }

  listen(options: ListenOptions): Promise<{ readonly port: number }> {
    const app =
      options.tls === undefined
        ? App()
        : SSLApp({ key_file_name: options.tls.key, cert_file_name: options.tls.cert });
    this.#app = app;
    this.#route(app);
    // The native function takes host, port and options; its type file knows them only in pairs.
    const { listen } = app as unknown as { listen: ListenFunction };
    return new Promise((resolve, reject) => {
      const flags = options.sharedPort === true ? 0 : EXCLUSIVE_PORT;
      listen.call(app, options.host, options.port, flags, (socket) => {
        if (socket === false) {
          reject(
            new ListenError(`Cannot listen on ${options.host}:${options.port}: taken or not ours.`),
          );
          return;
        }
        this.#listening = socket;
        resolve({ port: us_socket_local_port(socket) });
      });
    });
  }

  stopListening(): void {
    if (this.#listening !== null) us_listen_socket_close(this.#listening);
    this.#listening = null;
  }

  destroyAll(): void {
    for (const socket of [...this.#open]) socket.destroy();
    this.stopListening();
    this.#app?.close();
    this.#app = null;
  }

  #route(app: TemplatedApp): void {
    const { handlers, http, quietMs = 0 } = this.#options;
    app.ws<UserData>('/*', {
      maxPayloadLength: this.#options.messageBytesMax,
      maxBackpressure: BACKPRESSURE_BYTES_MAX,
      closeOnBackpressureLimit: true,
      idleTimeout: Math.min(IDLE_S_MAX, Math.max(IDLE_S_MIN, Math.ceil(quietMs / 1000))),
      sendPingsAutomatically: false,
      maxLifetime: 0,
      upgrade: (response, request, context) => this.#upgrade(response, request, context),
      open: (handle) => {
        const data = handle.getUserData();
        const socket = new UwsSocket(this.#nextId++, handle, data.context);
        data.socket = socket;
        this.#open.add(socket);
        handlers.open(socket);
      },
      message: (handle, message, isBinary) => {
        const { socket } = handle.getUserData();
        if (socket !== null) handlers.message(socket, new Uint8Array(message), !isBinary);
      },
      drain: (handle) => {
        const { socket } = handle.getUserData();
        if (socket !== null) handlers.drain(socket);
      },
      dropped: (handle) => {
        const { socket } = handle.getUserData();
        if (socket !== null) handlers.dropped(socket);
      },
      close: (handle, code) => {
        const data = handle.getUserData();
        const { socket } = data;
        if (socket === null) return;
        data.socket = null;
        socket.forget();
        this.#open.delete(socket);
        handlers.close(socket, code);
      },
    });
    app.any('/*', (response, request) => {
      const plain = { ...requestOf(response, request), method: request.getMethod() };
      const isHead = plain.method === 'head';
      const answer = http?.(plain) ?? NOT_FOUND;
      if (!(answer instanceof Promise)) {
        writeAnswer(response, answer, isHead);
        return;
      }
      let isGone = false;
      response.onAborted(() => {
        isGone = true;
      });
      answer.then(
        (late) => {
          if (!isGone) response.cork(() => writeAnswer(response, late, isHead));
        },
        () => {
          if (!isGone) response.close();
        },
      );
    });
  }

  #upgrade(response: HttpResponse, request: HttpRequest, context: us_socket_context_t): void {
    const answer = this.#options.handlers.upgrade(requestOf(response, request));
    if ('accept' in answer) {
      const data: UserData = { context: answer.context, socket: null };
      const key = request.getHeader('sec-websocket-key');
      response.upgrade(data, key, answer.accept, '', context);
      return;
    }
    response.writeStatus(statusLine(answer.reject));
    for (const [name, value] of Object.entries(answer.headers ?? {}))
      response.writeHeader(name, value);
    response.endWithoutBody(0, true);
  }
}

class UwsSocket implements Socket {
  readonly id: number;
  readonly context: unknown;
  #handle: WebSocket<UserData> | null;

  constructor(id: number, handle: WebSocket<UserData>, context: unknown) {
    this.id = id;
    this.#handle = handle;
    this.context = context;
  }

  unsentBytes(): number {
    return this.#handle?.getBufferedAmount() ?? 0;
  }

  cork(write: () => void): void {
    if (this.#handle === null) write();
    else this.#handle.cork(write);
  }

  send(bytes: Uint8Array, isText: boolean): SendResult {
    const result = this.#handle?.send(bytes, !isText, false) ?? 2;
    return result === 1 ? 'sent' : result === 0 ? 'buffered' : 'dropped';
  }

  end(code: number, reason: string): void {
    this.#handle?.end(code, reason);
  }

  destroy(): void {
    this.#handle?.close();
  }

  /** Every later call on the handle would throw. */
  forget(): void {
    this.#handle = null;
  }
}

/** @param isHead the length of the body is told, but no body sent (RFC 9110 §9.3.2). */
function writeAnswer(response: HttpResponse, answer: PlainAnswer, isHead: boolean): void {
  response.writeStatus(statusLine(answer.status));
  const headers = { 'content-type': TEXT, ...answer.headers };
  for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
  if (!isHead) {
    response.end(answer.body);
    return;
  }
  // Told the length itself, `endWithoutBody` of this version takes the request for unanswered and ends the process.
  response.writeHeader('content-length', String(Buffer.byteLength(answer.body)));
  response.endWithoutBody();
}

/** `header` works only until the handler returns: the native request is gone then. */
function requestOf(response: HttpResponse, request: HttpRequest): UpgradeRequest {
  const proxied = new Uint8Array(response.getProxiedRemoteAddress());
  return {
    path: request.getUrl(),
    query: request.getQuery() ?? null,
    peerAddress: addressText(new Uint8Array(response.getRemoteAddress())),
    proxiedAddress: proxied.length === 0 ? '' : addressText(proxied),
    header: (name) => request.getHeader(name),
    headerLines: (name) => linesOf(request, name).join(','),
  };
}

function linesOf(request: HttpRequest, wanted: string): string[] {
  const values: string[] = [];
  request.forEach((name, value) => {
    if (name === wanted) values.push(value);
  });
  return values;
}

const STATUS_TEXT: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  421: 'Misdirected Request',
  426: 'Upgrade Required',
  429: 'Too Many Requests',
  503: 'Service Unavailable',
};

function statusLine(status: number): string {
  return `${status} ${STATUS_TEXT[status] ?? 'Error'}`;
}
