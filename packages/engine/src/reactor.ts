/**
 * The socket side of the engine: one epoll set polled from the JavaScript thread's own event loop.
 *
 * Per tick the reactor reads every ready socket, cuts length-prefixed frames, and calls `onTick` once
 * with the number of rows in `events`. Frame bytes are borrowed: they are dead when `onTick` returns,
 * unless a staged append still needs them (the engine then keeps them alive by itself).
 */

/** Doubles per row of `Reactor.events`. */
export const EVENT_STRIDE = 8;

/**
 * Kinds of event rows; `row[0]`. The columns that follow:
 *
 * - `frame`: connectionId, bufferId, offset, length (the body, without its int32 length prefix)
 * - `opened`: connectionId, listenerId
 * - `closed`: connectionId, CloseReason. Sent once for every opened connection, whoever closed it
 * - `flushed`: logId, flushedOffset (everything below it is on the device), ms that the flush took
 * - `dirFailed`: dirId, EngineErrorCode (the log dir is poisoned)
 * - `written`: logId, logEndOffset. A deferred commit is done: everything below is readable
 * - `refused`: logId, logEndOffset. A deferred commit found no space: the log was cut back to that end
 */
export const EventKind = {
  frame: 1,
  opened: 2,
  closed: 3,
  flushed: 4,
  dirFailed: 5,
  written: 6,
  refused: 7,
} as const;

/** Why a connection ended; the second column of a `closed` row. */
export const CloseReason = {
  peer: 1,
  local: 2,
  ioError: 3,
  frameTooLarge: 4,
  frameTooSmall: 5,
  refusedPrefix: 6,
  idle: 7,
  frameDeadline: 8,
  sendDeadline: 9,
  /** It held the most unsent answers while all of them together were too much. */
  sendBudget: 10,
} as const;

/** Doubles per row of `Reactor.sends`. */
export const SEND_STRIDE = 6;

/**
 * Kinds of send rows; `row[1]` (`row[0]` is the connectionId). The columns that follow:
 *
 * - `bytes`: offset, length in `Reactor.out` (copied or written before `flush` returns)
 * - `file`: logId, segmentBaseOffset, position, length (sent by sendfile; the engine holds the file)
 * - `closeAfter`: none. The connection closes when everything staged before has been written
 *
 * Rows of one connection leave in the order in which they were staged. A row for a connection that is
 * gone is ignored.
 */
export const SendKind = { bytes: 1, file: 2, closeAfter: 3 } as const;

/** Bounds of a reactor. Sizes in bytes, durations in ms. */
export interface ReactorOptions {
  /** Largest frame body accepted (`socket.request.max.bytes`). */
  readonly maxFrameBytes: number;
  /** Smallest frame body accepted; 8 for Kafka. */
  readonly minFrameBytes: number;
  /** Memory for partial and large frames of all connections; reading pauses above it. */
  readonly inboundBudgetBytes: number;
  /** Unsent bytes a connection may hold before its reading pauses. */
  readonly maxQueuedSendBytes: number;
  /** A connection with no traffic for this long is closed (`connections.max.idle.ms`). */
  readonly idleMs: number;
  /** A started frame must be complete after this long. */
  readonly frameDeadlineMs: number;
  /** A peer that takes nothing of a staged answer for this long is closed. */
  readonly sendDeadlineMs: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  /** SO_SNDBUF and SO_RCVBUF; -1 leaves the kernel's own. */
  readonly sendBufferBytes: number;
  readonly receiveBufferBytes: number;
  /**
   * Which first four bytes a frame larger than 64 KiB may start with: triples of
   * (first int16, lowest second int16, highest second int16). For Kafka: api key and its versions.
   * Checked before a large buffer is taken. Empty = no check.
   */
  readonly acceptedPrefixes: Int16Array;
}

export interface ConnectionInfo {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

export interface ListenerInfo {
  readonly listenerId: number;
  readonly host: string;
  readonly port: number;
}

export interface ReactorStats {
  readonly connectionCount: number;
  readonly inboundBytes: number;
  readonly queuedSendBytes: number;
  readonly receivedBytesTotal: number;
  readonly sentBytesTotal: number;
  readonly framesTotal: number;
  /** Connections turned away by the limits. */
  readonly refusedTotal: number;
}

export interface Reactor {
  /** Event rows of the current tick, `EVENT_STRIDE` doubles each. */
  readonly events: Float64Array;
  /** Send rows to be handed over by `flush`, `SEND_STRIDE` doubles each. */
  readonly sends: Float64Array;
  /** Staging memory for encoded answers. Its content is free again after `flush`. */
  readonly out: Uint8Array;
  /** Binds exclusively (no SO_REUSEPORT). Throws EngineError `addressInUse` and the like. Port 0 = any free one. */
  listen(host: string, port: number, backlog: number): ListenerInfo;
  closeListener(listenerId: number): void;
  /** Starts polling. The event loop stays alive until `close`. */
  run(onTick: (eventCount: number) => void): void;
  /** The memory of a frame event. The view may be cached by bufferId; its content is borrowed. */
  buffer(bufferId: number): Uint8Array;
  connectionInfo(connectionId: number): ConnectionInfo;
  /** Hands `rowCount` rows of `sends` to the sockets: writev and sendfile at once, the rest when writable. */
  flush(rowCount: number): void;
  /** For an answer that does not fit `out`: takes a copy. Keeps order with earlier flushed rows. */
  sendOwned(connectionId: number, bytes: Uint8Array): void;
  pauseReading(connectionId: number): void;
  resumeReading(connectionId: number): void;
  /** Answer bytes the connection has not taken yet; 0 when it is gone. */
  unsentBytes(connectionId: number): number;
  /** Closes now; unsent answers are dropped. */
  closeConnection(connectionId: number): void;
  stats(): ReactorStats;
  /** Closes listeners and connections, stops polling, leaves no handle. */
  close(): Promise<void>;
}
