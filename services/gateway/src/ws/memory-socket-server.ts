/**
 * `SocketServer` without a network, for tests in virtual time.
 *
 * Everything happens inside the call that causes it. Each client has a "kernel": a number of bytes that it takes
 * while its application does not read; what exceeds it counts as unsent, as in the real transport.
 */
import type {
  ListenOptions,
  PlainAnswer,
  SendResult,
  Socket,
  SocketServer,
  SocketServerOptions,
  UpgradeRequest,
} from './socket-server.ts';

/** As in the production body. Bytes. */
const BACKPRESSURE_BYTES_MAX = 131_072;
const ABNORMAL = 1006;

export interface MemoryRequest {
  readonly path?: string;
  readonly query?: string | null;
  readonly peerAddress?: string;
  readonly proxiedAddress?: string;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface MemoryMessage {
  readonly bytes: Uint8Array;
  readonly isText: boolean;
}

export interface MemoryClientOptions {
  /** Called for each message as it arrives, beside `received`. */
  readonly onMessage?: (message: MemoryMessage) => void;
}

/** Either a client that is connected, or the HTTP status that refused it. */
export type MemoryConnection =
  | { readonly client: MemoryClient; readonly protocol: string }
  | { readonly status: number; readonly headers: Readonly<Record<string, string>> };

export class MemorySocketServer implements SocketServer {
  readonly #options: SocketServerOptions;
  readonly #open = new Set<MemorySocket>();
  #isListening = false;
  #nextId = 1;

  constructor(options: SocketServerOptions) {
    this.#options = options;
  }

  listen(_options: ListenOptions): Promise<{ readonly port: number }> {
    this.#isListening = true;
    return Promise.resolve({ port: 1 });
  }

  stopListening(): void {
    this.#isListening = false;
  }

  destroyAll(): void {
    for (const socket of [...this.#open]) socket.destroy();
    this.#isListening = false;
  }

  /** What a browser does: one upgrade request. Status 0 when nothing listens. */
  connect(request: MemoryRequest, options: MemoryClientOptions = {}): MemoryConnection {
    if (!this.#isListening) return { status: 0, headers: {} };
    const answer = this.#options.handlers.upgrade(requestOf(request));
    if ('reject' in answer) return { status: answer.reject, headers: answer.headers ?? {} };
    const client = new MemoryClient(options);
    const socket = new MemorySocket(this.#nextId++, answer.context, client, {
      ...this.#options,
      closed: () => this.#open.delete(socket),
    });
    client.attach(socket);
    this.#open.add(socket);
    this.#options.handlers.open(socket);
    return { client, protocol: answer.accept };
  }

  /** A plain HTTP request. */
  async get(request: MemoryRequest & { readonly method?: string }): Promise<PlainAnswer> {
    const method = request.method ?? 'get';
    return (
      (await this.#options.http?.({ ...requestOf(request), method })) ?? {
        status: 404,
        body: 'Not found.\n',
      }
    );
  }
}

function requestOf(request: MemoryRequest): UpgradeRequest {
  return {
    path: request.path ?? '/v1/ws',
    query: request.query ?? null,
    peerAddress: request.peerAddress ?? '127.0.0.1',
    proxiedAddress: request.proxiedAddress ?? '',
    header: (name) => request.headers?.[name] ?? '',
    headerLines: (name) => request.headers?.[name] ?? '',
  };
}

/** The far end. */
export class MemoryClient {
  readonly #options: MemoryClientOptions;
  /** All messages that arrived, oldest first. */
  readonly received: MemoryMessage[] = [];
  /** Set when the connection is over. */
  closed: { readonly code: number; readonly reason: string } | null = null;
  /** Writes of the server that the transport would have made: one per cork, or per send outside of one. */
  writes = 0;
  #socket: MemorySocket | null = null;

  constructor(options: MemoryClientOptions) {
    this.#options = options;
  }

  attach(socket: MemorySocket): void {
    this.#socket = socket;
  }

  send(bytes: Uint8Array, isText = false): void {
    this.#socket?.arrive(bytes, isText);
  }

  close(code = 1005): void {
    this.#socket?.closeBy(code, '');
  }

  /** From now on only `kernelBytes` more are taken. */
  stopReading(kernelBytes = 0): void {
    this.#socket?.setRoom(kernelBytes);
  }

  /** Takes `bytes` more of what waits; everything from now on without it. */
  read(bytes: number = Number.POSITIVE_INFINITY): void {
    this.#socket?.addRoom(bytes);
  }

  deliver(message: MemoryMessage): void {
    this.received.push(message);
    this.#options.onMessage?.(message);
  }

  over(code: number, reason: string): void {
    this.closed ??= { code, reason };
    this.#socket = null;
  }
}

interface MemorySocketParts extends SocketServerOptions {
  closed(): void;
}

class MemorySocket implements Socket {
  readonly id: number;
  readonly context: unknown;
  readonly #client: MemoryClient;
  readonly #parts: MemorySocketParts;
  /** Messages that the kernel has not taken whole; `left` bytes of the first remain. */
  readonly #waiting: { readonly message: MemoryMessage; left: number }[] = [];
  #unsentBytes = 0;
  #room = Number.POSITIVE_INFINITY;
  #isOpen = true;
  #corkDepth = 0;
  #corkWrote = false;

  constructor(id: number, context: unknown, client: MemoryClient, parts: MemorySocketParts) {
    this.id = id;
    this.context = context;
    this.#client = client;
    this.#parts = parts;
  }

  unsentBytes(): number {
    return this.#unsentBytes;
  }

  cork(write: () => void): void {
    this.#corkDepth++;
    try {
      write();
    } finally {
      this.#corkDepth--;
      if (this.#corkDepth === 0 && this.#corkWrote) {
        this.#corkWrote = false;
        this.#client.writes++;
      }
    }
  }

  send(bytes: Uint8Array, isText: boolean): SendResult {
    if (!this.#isOpen) return 'dropped';
    if (this.#corkDepth > 0) this.#corkWrote = true;
    else this.#client.writes++;
    const size = bytes.length + headerBytes(bytes.length);
    if (this.#unsentBytes + size > BACKPRESSURE_BYTES_MAX) {
      this.#parts.handlers.dropped(this);
      this.closeBy(ABNORMAL, '');
      return 'dropped';
    }
    this.#waiting.push({ message: { bytes: new Uint8Array(bytes), isText }, left: size });
    this.#unsentBytes += size;
    this.#move();
    return this.#unsentBytes === 0 ? 'sent' : 'buffered';
  }

  end(code: number, reason: string): void {
    this.closeBy(code, reason);
  }

  destroy(): void {
    this.closeBy(ABNORMAL, '');
  }

  arrive(bytes: Uint8Array, isText: boolean): void {
    if (!this.#isOpen) return;
    if (bytes.length > this.#parts.messageBytesMax) {
      this.closeBy(ABNORMAL, '');
      return;
    }
    // As in the real transport, the memory is another's once the handler has returned.
    const copy = new Uint8Array(bytes);
    this.#parts.handlers.message(this, copy, isText);
    copy.fill(0xdd);
  }

  setRoom(bytes: number): void {
    this.#room = bytes;
  }

  addRoom(bytes: number): void {
    this.#room += bytes;
    const before = this.#unsentBytes;
    this.#move();
    if (this.#unsentBytes < before && this.#isOpen) this.#parts.handlers.drain(this);
  }

  closeBy(code: number, reason: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#client.over(code, reason);
    this.#parts.closed();
    this.#parts.handlers.close(this, code);
  }

  /** Hands whole messages to the client as far as there is room. */
  #move(): void {
    for (;;) {
      const first = this.#waiting[0];
      if (first === undefined) return;
      const taken = Math.min(first.left, this.#room);
      this.#room -= taken;
      first.left -= taken;
      this.#unsentBytes -= taken;
      if (first.left > 0) return;
      this.#waiting.shift();
      this.#client.deliver(first.message);
    }
  }
}

/** Of a server's frame (RFC 6455 §5.2). */
function headerBytes(payloadBytes: number): number {
  if (payloadBytes < 126) return 2;
  return payloadBytes < 65_536 ? 4 : 10;
}
