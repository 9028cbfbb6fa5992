import { createServer, type Server, type Socket } from 'node:net';
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

const EVENTS_MAX = 4096;
const SENDS_MAX = 4096;
const OUT_BYTES = 1 << 20;

/** Bytes that a file row names; undefined when they are gone. */
type FileBytes = (
  logId: number,
  base: number,
  position: number,
  length: number,
) => Uint8Array | undefined;

interface Peer {
  readonly id: number;
  readonly socket: Socket;
  readonly info: ConnectionInfo;
  received: Buffer;
  closeReason: number;
}

/** An event row, or a frame that gets its place when the tick comes. */
type Row = number[] | { readonly peer: Peer; readonly frame: Uint8Array };

/** `Reactor` over node:net, for tests and for platforms without the native body. Not fast. */
export class NetReactor implements Reactor {
  readonly events = new Float64Array(EVENTS_MAX * EVENT_STRIDE);
  readonly sends = new Float64Array(SENDS_MAX * SEND_STRIDE);
  readonly out = new Uint8Array(OUT_BYTES);
  readonly #options: ReactorOptions;
  readonly #fileBytes: FileBytes;
  readonly #servers = new Map<number, Server>();
  readonly #peers = new Map<number, Peer>();
  readonly #buffers = new FrameBuffers();
  #rows: Row[] = [];
  #nextId = 1;
  #onTick: ((eventCount: number) => void) | null = null;
  #isScheduled = false;
  #isClosed = false;

  constructor(options: ReactorOptions, fileBytes: FileBytes) {
    this.#options = options;
    this.#fileBytes = fileBytes;
  }

  /** Adds an event row; the engine's other half reports flushes this way. */
  push(row: Row): void {
    if (this.#isClosed) return;
    this.#rows.push(row);
    this.#schedule();
  }

  listen(host: string, port: number, backlog: number): ListenerInfo {
    const listenerId = this.#nextId++;
    const server = createServer({ noDelay: true }, (socket) => this.#accept(listenerId, socket));
    let failure: Error | null = null;
    server.on('error', (error) => {
      failure = error;
    });
    // Without a host node binds at once, so that a taken port is known here.
    server.listen({ port, backlog, exclusive: true });
    const address = server.address();
    if (failure !== null || address === null || typeof address === 'string') {
      server.close();
      throw new EngineError(EngineErrorCode.addressInUse, `${host}:${port} is taken`);
    }
    this.#servers.set(listenerId, server);
    return { listenerId, host, port: address.port };
  }

  closeListener(listenerId: number): void {
    this.#servers.get(listenerId)?.close();
    this.#servers.delete(listenerId);
  }

  run(onTick: (eventCount: number) => void): void {
    this.#onTick = onTick;
    this.#schedule();
  }

  buffer(bufferId: number): Uint8Array {
    return this.#buffers.get(bufferId) ?? new Uint8Array(0);
  }

  connectionInfo(connectionId: number): ConnectionInfo {
    const peer = this.#peers.get(connectionId);
    if (peer === undefined) {
      throw new EngineError(EngineErrorCode.unknownHandle, `connection ${connectionId}`);
    }
    return peer.info;
  }

  flush(rowCount: number): void {
    for (let row = 0; row < rowCount; row++) {
      const at = row * SEND_STRIDE;
      const column = (index: number): number => this.sends[at + index] as number;
      const peer = this.#peers.get(column(0));
      if (peer === undefined) continue;
      if (column(1) === SendKind.bytes) {
        peer.socket.write(this.out.slice(column(2), column(2) + column(3)));
      } else if (column(1) === SendKind.file) {
        const bytes = this.#fileBytes(column(2), column(3), column(4), column(5));
        if (bytes === undefined) this.#drop(peer, CloseReason.ioError);
        else peer.socket.write(bytes);
      } else {
        peer.closeReason = CloseReason.local;
        peer.socket.destroySoon();
      }
    }
  }

  sendOwned(connectionId: number, bytes: Uint8Array): void {
    this.#peers.get(connectionId)?.socket.write(bytes.slice());
  }

  pauseReading(connectionId: number): void {
    this.#peers.get(connectionId)?.socket.pause();
  }

  resumeReading(connectionId: number): void {
    this.#peers.get(connectionId)?.socket.resume();
  }

  unsentBytes(connectionId: number): number {
    return this.#peers.get(connectionId)?.socket.writableLength ?? 0;
  }

  closeConnection(connectionId: number): void {
    const peer = this.#peers.get(connectionId);
    if (peer !== undefined) this.#drop(peer, CloseReason.local);
  }

  stats(): ReactorStats {
    return {
      connectionCount: this.#peers.size,
      inboundBytes: 0,
      queuedSendBytes: 0,
      receivedBytesTotal: 0,
      sentBytesTotal: 0,
      framesTotal: 0,
      refusedTotal: 0,
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const closed = [...this.#servers.values()].map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    for (const peer of this.#peers.values()) peer.socket.destroy();
    await Promise.all(closed);
  }

  #accept(listenerId: number, socket: Socket): void {
    const peer: Peer = {
      id: this.#nextId++,
      socket,
      info: {
        remoteAddress: socket.remoteAddress ?? '',
        remotePort: socket.remotePort ?? 0,
        localAddress: socket.localAddress ?? '',
        localPort: socket.localPort ?? 0,
      },
      received: Buffer.alloc(0),
      closeReason: CloseReason.peer,
    };
    this.#peers.set(peer.id, peer);
    this.push([EventKind.opened, peer.id, listenerId]);
    socket.on('data', (chunk) => this.#received(peer, chunk));
    socket.on('error', () => {
      peer.closeReason = CloseReason.ioError;
    });
    socket.on('close', () => {
      if (!this.#peers.delete(peer.id)) return;
      this.push([EventKind.closed, peer.id, peer.closeReason]);
    });
  }

  #received(peer: Peer, chunk: Buffer): void {
    peer.received = Buffer.concat([peer.received, chunk]);
    while (peer.received.length >= 4) {
      const length = peer.received.readInt32BE(0);
      if (length < 0 || length > this.#options.maxFrameBytes) {
        this.#drop(peer, CloseReason.frameTooLarge);
        return;
      }
      if (length < this.#options.minFrameBytes) {
        this.#drop(peer, CloseReason.frameTooSmall);
        return;
      }
      if (peer.received.length < 4 + length) return;
      this.push({ peer, frame: peer.received.subarray(4, 4 + length) });
      peer.received = peer.received.subarray(4 + length);
    }
  }

  #columns(row: Row): number[] {
    if (Array.isArray(row)) return row;
    const { bufferId, offset } = this.#buffers.place(row.frame);
    return [EventKind.frame, row.peer.id, bufferId, offset, row.frame.length];
  }

  #drop(peer: Peer, reason: number): void {
    peer.closeReason = reason;
    peer.socket.destroy();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#onTick === null) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      if (this.#isClosed) return;
      const rows = this.#rows.splice(0, EVENTS_MAX);
      if (rows.length === 0) return;
      this.#buffers.reset();
      rows.forEach((row, i) => {
        this.events.set(this.#columns(row), i * EVENT_STRIDE);
      });
      this.#onTick?.(rows.length);
      if (this.#rows.length > 0) this.#schedule();
    });
  }
}
