/**
 * The transport as everything above it sees it: WebSocket messages in, bounded and corked sends out.
 *
 * Bodies: `uws-socket-server.ts` (production) and `memory-socket-server.ts` (tests, virtual time). The same
 * contract tests run over both.
 */

/** Paths of PEM files. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly tls?: TlsFiles;
  /** Several processes on one port: the kernel spreads accepts. Otherwise a taken port is an error. */
  readonly sharedPort?: boolean;
}

/** What a client asks for before there is a WebSocket. Header values are '' when absent. */
export interface UpgradeRequest {
  /** Without the query string. */
  readonly path: string;
  /** Without its `?`; null when there is none. */
  readonly query: string | null;
  /** Of the TCP peer: IPv4 dotted, IPv6 in full form, `unix` for anything else. */
  readonly peerAddress: string;
  /** What the peer says of its own peer in a PROXY protocol header (version 2), in the same form; '' without one. */
  readonly proxiedAddress: string;
  /** Value of a header by lower-case name: that of its first line. */
  header(name: string): string;
  /** Values of all lines of a header that may have several, joined by commas. Costs a walk through all headers. */
  headerLines(name: string): string;
}

/**
 * `accept` is the one subprotocol to echo; `context` rides on the socket until `open`.
 * `reject` is an HTTP status.
 */
export type UpgradeAnswer =
  | { readonly accept: string; readonly context?: unknown }
  | { readonly reject: number; readonly headers?: Readonly<Record<string, string>> };

export type SendResult = 'sent' | 'buffered' | 'dropped';

export interface Socket {
  /** Unique in the process. */
  readonly id: number;
  /** What `upgrade` put into its answer. */
  readonly context: unknown;
  /** User space only: neither the kernel's buffer nor the open cork. */
  unsentBytes(): number;
  /** Everything sent inside `write` leaves in one system call where it fits. */
  cork(write: () => void): void;
  /** Copies before returning. A closed socket drops. */
  send(bytes: Uint8Array, isText: boolean): SendResult;
  /** Starts the closing handshake. `close` is called once, maybe at once. */
  end(code: number, reason: string): void;
  /** Cuts the connection. `close` is called with 1006. */
  destroy(): void;
}

/** None of these may throw. */
export interface SocketHandlers {
  /** Synchronous. */
  upgrade(request: UpgradeRequest): UpgradeAnswer;
  open(socket: Socket): void;
  /** `data` is valid only during the call. */
  message(socket: Socket, data: Uint8Array, isText: boolean): void;
  /** A write made progress. */
  drain(socket: Socket): void;
  /** The last call for this socket. */
  close(socket: Socket, code: number): void;
  /** Bytes were refused: must never happen, counted as a bug. */
  dropped(socket: Socket): void;
}

/** A plain HTTP request on the same port. */
export interface PlainRequest extends UpgradeRequest {
  /** In lower case. */
  readonly method: string;
}

export interface PlainAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

export interface SocketServerOptions {
  readonly handlers: SocketHandlers;
  /** Answers what is not an upgrade; without it that is 404. Headers are read before it returns. Must not throw. */
  readonly http?: (request: PlainRequest) => PlainAnswer | Promise<PlainAnswer>;
  /** A larger message ends the connection without a close frame. Bytes. */
  readonly messageBytesMax: number;
  /** How long a client may say nothing before the transport itself ends it; above the heartbeat's span. A minute when absent. */
  readonly quietMs?: number;
}

export interface SocketServer {
  /** Rejects with a `ListenError` when the address is taken or cannot be bound. */
  listen(options: ListenOptions): Promise<{ readonly port: number }>;
  /** Takes no more connections; open sockets are left alone. */
  stopListening(): void;
  /** Cuts every socket. */
  destroyAll(): void;
}

/** The address could not be bound. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}
