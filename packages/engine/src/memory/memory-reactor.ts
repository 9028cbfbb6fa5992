import { EngineError, EngineErrorCode } from '../engine-error.ts';
import {
  CloseReason,
  type ConnectionInfo,
  EVENT_STRIDE,
  EventKind,
  type ListenerInfo,
  type Reactor,
  type ReactorOptions,
  type ReactorStats,
  SEND_STRIDE,
  SendKind,
} from '../reactor.ts';
import { FrameBuffers } from './frame-buffers.ts';
import { MemoryConnection } from './memory-connection.ts';
import { MemorySocket } from './memory-socket.ts';

const ROWS = 8192;
const OUT_BYTES = 2 << 20;
const FIRST_PORT = 30_000;

/** What the reactor needs of the engine around it. */
export interface MemoryReactorParts {
  readonly options: ReactorOptions;
  /** Runs a tick soon, never at once. */
  readonly schedule: (tick: () => void) => void;
  /** Bytes of a file row. */
  readonly slice: (
    logId: number,
    segmentBaseOffset: number,
    position: number,
    length: number,
  ) => Uint8Array | undefined;
}

/**
 * Sockets within one process. Ticks, frames and limits as in the native reactor; deadlines and unsent
 * bytes do not exist, because a client takes everything at once.
 */
export class MemoryReactor implements Reactor {
  readonly events = new Float64Array(ROWS * EVENT_STRIDE);
  readonly sends = new Float64Array(ROWS * SEND_STRIDE);
  readonly out = new Uint8Array(OUT_BYTES);
  readonly #parts: MemoryReactorParts;
  readonly #buffers = new FrameBuffers();
  readonly #listeners: (ListenerInfo | undefined)[] = [];
  readonly #connections = new Map<number, MemoryConnection>();
  readonly #departed = new Map<number, ConnectionInfo>();
  #nextId = 1;
  #rows: number[][] = [];
  #onTick: ((eventCount: number) => void) | undefined;
  #isScheduled = false;
  #received = 0;
  #sent = 0;
  #frames = 0;
  #refused = 0;

  constructor(parts: MemoryReactorParts) {
    this.#parts = parts;
  }

  listen(host: string, port: number, _backlog: number): ListenerInfo {
    const chosen = port === 0 ? FIRST_PORT + this.#listeners.length : port;
    if (this.#listeners.some((listener) => listener?.port === chosen)) {
      throw new EngineError(EngineErrorCode.addressInUse, `listen on ${host}:${chosen}: in use`);
    }
    const info = { listenerId: this.#listeners.length, host, port: chosen };
    this.#listeners.push(info);
    return info;
  }

  closeListener(listenerId: number): void {
    this.#listeners[listenerId] = undefined;
  }

  /** A client's connection to a listener of this reactor. Throws `addressUnavailable` when nobody listens. */
  connect(port: number): MemorySocket {
    const listener = this.#listeners.find((candidate) => candidate?.port === port);
    if (listener === undefined) {
      throw new EngineError(EngineErrorCode.addressUnavailable, `nobody listens on ${port}`);
    }
    const id = this.#nextId++;
    const connection = new MemoryConnection(id, listener.listenerId, 40_000 + (id % 20_000));
    const socket = new MemorySocket({
      received: (bytes) => {
        this.#received += bytes.length;
        connection.received(bytes);
        this.#wake();
      },
      ended: () => {
        connection.hasEnded = true;
        this.#wake();
      },
    });
    const { maxConnections, maxConnectionsPerAddress } = this.#parts.options;
    if (this.#connections.size >= Math.min(maxConnections, maxConnectionsPerAddress)) {
      this.#refused++;
      socket.closedByPeer();
      return socket;
    }
    connection.socket = socket;
    this.#connections.set(id, connection);
    this.report([EventKind.opened, id, listener.listenerId]);
    return socket;
  }

  run(onTick: (eventCount: number) => void): void {
    this.#onTick = onTick;
    this.#wake();
  }

  buffer(bufferId: number): Uint8Array {
    const bytes = this.#buffers.get(bufferId);
    if (bytes === undefined) throw new EngineError(EngineErrorCode.unknownHandle, 'no such buffer');
    return bytes;
  }

  connectionInfo(connectionId: number): ConnectionInfo {
    const connection = this.#connections.get(connectionId);
    const info =
      connection === undefined ? this.#departed.get(connectionId) : this.#infoOf(connection);
    if (info === undefined) {
      throw new EngineError(EngineErrorCode.unknownHandle, `connection ${connectionId}`);
    }
    return info;
  }

  flush(rowCount: number): void {
    for (let row = 0; row < rowCount; row++) {
      const [id = 0, kind = 0, a = 0, b = 0, c = 0, d = 0] = this.sends.subarray(
        row * SEND_STRIDE,
        (row + 1) * SEND_STRIDE,
      );
      if (kind === SendKind.bytes) this.#send(id, this.out.slice(a, a + b));
      else if (kind === SendKind.closeAfter) this.#close(id, CloseReason.local);
      else if (kind === SendKind.file) {
        const bytes = this.#parts.slice(a, b, c, d);
        if (bytes === undefined) this.#close(id, CloseReason.ioError);
        else this.#send(id, bytes);
      }
    }
  }

  sendOwned(connectionId: number, bytes: Uint8Array): void {
    this.#send(connectionId, bytes.slice());
  }

  pauseReading(connectionId: number): void {
    const connection = this.#connections.get(connectionId);
    if (connection !== undefined) connection.isPaused = true;
  }

  resumeReading(connectionId: number): void {
    const connection = this.#connections.get(connectionId);
    if (connection === undefined) return;
    connection.isPaused = false;
    this.#wake();
  }

  /** The other half takes everything at once. */
  unsentBytes(): number {
    return 0;
  }

  closeConnection(connectionId: number): void {
    this.#close(connectionId, CloseReason.local);
  }

  stats(): ReactorStats {
    let inboundBytes = 0;
    for (const connection of this.#connections.values()) inboundBytes += connection.heldBytes;
    return {
      connectionCount: this.#connections.size,
      inboundBytes,
      queuedSendBytes: 0,
      receivedBytesTotal: this.#received,
      sentBytesTotal: this.#sent,
      framesTotal: this.#frames,
      refusedTotal: this.#refused,
    };
  }

  async close(): Promise<void> {
    this.#onTick = undefined;
    this.#listeners.length = 0;
    const sockets = [...this.#connections.values()].map((connection) => connection.socket);
    this.#connections.clear();
    for (const socket of sockets) socket?.closedByPeer();
  }

  /** Adds a row to the next tick. */
  report(row: number[]): void {
    this.#rows.push(row);
    this.#wake();
  }

  #infoOf(connection: MemoryConnection): ConnectionInfo {
    const listener = this.#listeners[connection.listenerId];
    return {
      remoteAddress: '127.0.0.1',
      remotePort: connection.remotePort,
      localAddress: '127.0.0.1',
      localPort: listener?.port ?? 0,
    };
  }

  #wake(): void {
    if (this.#isScheduled || this.#onTick === undefined) return;
    this.#isScheduled = true;
    this.#parts.schedule(() => {
      this.#isScheduled = false;
      this.#tick();
    });
  }

  #tick(): void {
    if (this.#onTick === undefined) return;
    this.#buffers.reset();
    for (const connection of [...this.#connections.values()]) this.#read(connection);
    const rows = this.#rows.splice(0, ROWS);
    if (rows.length === 0) return;
    for (let row = 0; row < rows.length; row++) {
      this.events.set(rows[row] as number[], row * EVENT_STRIDE);
    }
    this.#onTick(rows.length);
    this.#departed.clear();
    if (this.#rows.length > 0) this.#wake();
  }

  #read(connection: MemoryConnection): void {
    while (!connection.isPaused && this.#rows.length < ROWS) {
      const frame = connection.nextFrame(this.#parts.options);
      if (frame === undefined) break;
      if (typeof frame === 'number') {
        this.#close(connection.id, frame);
        return;
      }
      this.#frames++;
      const { bufferId, offset } = this.#buffers.place(frame);
      this.#rows.push([EventKind.frame, connection.id, bufferId, offset, frame.length]);
    }
    if (connection.hasEnded && !connection.isPaused) this.#close(connection.id, CloseReason.peer);
  }

  #send(id: number, bytes: Uint8Array): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    this.#sent += bytes.length;
    connection.socket?.deliver(bytes);
  }

  #close(id: number, reason: number): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    this.#departed.set(id, this.#infoOf(connection));
    this.#connections.delete(id);
    connection.socket?.closedByPeer();
    this.report([EventKind.closed, id, reason]);
  }
}
