import type { Logger } from '@millrace/base';
import { DecodeError, Reader } from '@millrace/bytes';
import { EVENT_STRIDE, EventKind, type Reactor } from '@millrace/engine';
import { ErrorCode, requestHeaderVersion } from '@millrace/protocol';
import { type AnyApiHandler, OWN_MEMORY, type RequestFrame } from '../api/api-handler.ts';
import type { ApiTable } from '../api/api-table.ts';
import { HEADER_TAGGED_BYTES_MAX, HEAP_BYTES_PER_WIRE_BYTE } from '../limits.ts';
import type { Tick } from '../replica/tick.ts';
import type { Backlog, HeldBackConnection, HeldFrame } from './backlog.ts';
import type { Connection } from './connection.ts';
import type { ConnectionTable } from './connection-table.ts';
import { requestContextOf } from './request-context.ts';
import { ValueReply } from './value-reply.ts';

const NO_BYTES = new Uint8Array(0);
const API_VERSIONS_KEY = 18;

export interface FramePumpParts {
  readonly reactor: Reactor;
  readonly table: ApiTable;
  readonly connections: ConnectionTable;
  readonly backlog: Backlog;
  readonly tick: Tick;
  readonly log: Logger;
  /** `flushed` rows: everything of that log below the offset is on the device, after a flush of so long. */
  readonly onFlushed: (logId: number, flushedOffset: number, tookMs: number) => void;
  /** `written` rows: a slow disk has taken what was deferred, up to the log end. */
  readonly onWritten: (logId: number, logEndOffset: number) => void;
  /** `refused` rows: what was deferred for this log found no space. */
  readonly onRefused: (logId: number) => void;
  /** `dirFailed` rows: the log dir is poisoned. */
  readonly onDirFailed: (dirId: number, code: number) => void;
}

/** Takes the reactor's rows once per tick and brings each frame to its handler. */
export class FramePump {
  readonly #parts: FramePumpParts;
  readonly #reader = new Reader(NO_BYTES, 0, 0, { heapBytesPerByte: HEAP_BYTES_PER_WIRE_BYTE });
  #eventCount = 0;
  readonly #frame: RequestFrame = {
    apiKey: 0,
    apiVersion: 0,
    correlationId: 0,
    clientId: '',
    bufferId: 0,
    bytes: NO_BYTES,
    bodyStart: 0,
    end: 0,
    receivedAtMs: 0,
    queuedMs: 0,
  };

  constructor(parts: FramePumpParts) {
    this.#parts = parts;
  }

  /** The reactor's callback. */
  readonly onTick = (eventCount: number): void => {
    this.#eventCount = eventCount;
    this.#parts.tick.run(this.#takeRows);
  };

  readonly #takeRows = (): void => {
    this.#frame.receivedAtMs = this.#parts.tick.nowMs();
    this.#frame.queuedMs = 0;
    this.#parts.backlog.turn++;
    for (let row = 0; row < this.#eventCount; row++) this.#onRow(row * EVENT_STRIDE);
  };

  #onRow(at: number): void {
    const events = this.#parts.reactor.events;
    const id = events[at + 1] as number;
    switch (events[at]) {
      case EventKind.frame: {
        const connection = this.#parts.connections.get(id);
        if (connection === undefined || connection.isClosing) return;
        const bufferId = events[at + 2] as number;
        const start = events[at + 3] as number;
        const bytes = this.#parts.reactor.buffer(bufferId);
        const end = start + (events[at + 4] as number);
        if (connection.hasHeldBack || (connection.mustWait && !isProduce(bytes, start))) {
          this.#holdBack(connection, bytes.subarray(start, end));
        } else {
          this.#onFrame(connection, bytes, bufferId, start, end);
        }
        return;
      }
      case EventKind.opened:
        this.#parts.connections.opened(id, events[at + 2] as number);
        return;
      case EventKind.closed:
        this.#parts.connections.closed(id, events[at + 2] as number);
        return;
      case EventKind.flushed:
        this.#parts.onFlushed(id, events[at + 2] as number, events[at + 3] as number);
        return;
      case EventKind.written:
        this.#parts.onWritten(id, events[at + 2] as number);
        return;
      case EventKind.refused:
        this.#parts.onRefused(id);
        return;
      case EventKind.dirFailed:
        this.#parts.onDirFailed(id, events[at + 2] as number);
        return;
    }
  }

  /** A frame whose turn has come after it was held back. */
  readonly serveHeldBack = (held: HeldBackConnection, { bytes, sinceMs }: HeldFrame): void => {
    const { connections, tick } = this.#parts;
    const connection = connections.get(held.identity.id);
    if (connection === undefined || connection.isClosing) return;
    this.#frame.receivedAtMs = tick.nowMs();
    this.#frame.queuedMs = tick.monotonicMs() - sinceMs;
    this.#onFrame(connection, bytes, OWN_MEMORY, 0, bytes.length);
  };

  #holdBack(connection: Connection, frame: Uint8Array): void {
    if (connection.holdBack(frame)) return;
    this.#parts.connections.refused(connection, 'too much behind requests that are not answered');
    this.#parts.reactor.closeConnection(connection.identity.id);
  }

  #onFrame(
    connection: Connection,
    bytes: Uint8Array,
    bufferId: number,
    start: number,
    end: number,
  ): void {
    try {
      if (this.#readHeader(connection, bytes, bufferId, start, end)) {
        this.#dispatch(connection);
      } else {
        connection.closeAfterReplies();
      }
    } catch (error) {
      // A frame that does not decode, or a bug in a direct handler: either way only this client goes.
      if (error instanceof DecodeError) this.#parts.connections.refused(connection, error.message);
      else this.#logBug(this.#frame.apiKey, error);
      connection.closeAfterReplies();
    }
  }

  /** False: unknown api or version (T5). */
  #readHeader(
    connection: Connection,
    bytes: Uint8Array,
    bufferId: number,
    start: number,
    end: number,
  ): boolean {
    const reader = this.#reader.reset(bytes, start, end);
    const frame = this.#frame;
    frame.apiKey = reader.int16();
    frame.apiVersion = reader.int16();
    frame.correlationId = reader.int32();
    const table = this.#parts.table;
    const api = table.direct(frame.apiKey) ?? table.handler(frame.apiKey);
    if (api === undefined) return false;
    const isServed = frame.apiVersion >= api.minVersion && frame.apiVersion <= api.maxVersion;
    // ApiVersions in a version above ours is answered without reading anything further (T4).
    if (!isServed && frame.apiKey !== API_VERSIONS_KEY) return false;
    frame.bufferId = bufferId;
    frame.bytes = bytes;
    frame.end = end;
    frame.clientId = '';
    if (isServed) {
      const idLength = reader.int16();
      if (idLength < -1) return false;
      if (idLength > 0) {
        const at = reader.position;
        reader.skip(idLength, 'client id');
        frame.clientId = connection.clientIdOf(bytes, at, at + idLength);
      }
      if (requestHeaderVersion(frame.apiKey, frame.apiVersion) >= 2) {
        const at = reader.position;
        reader.skipTaggedFields();
        if (reader.position - at > HEADER_TAGGED_BYTES_MAX) return false;
      }
    }
    frame.bodyStart = reader.position;
    return true;
  }

  #dispatch(connection: Connection): void {
    const frame = this.#frame;
    const direct = this.#parts.table.direct(frame.apiKey);
    if (direct !== undefined) {
      direct.serve(frame, connection);
      return;
    }
    const handler = this.#parts.table.handler(frame.apiKey) as AnyApiHandler;
    const reader = this.#reader.reset(frame.bytes, frame.bodyStart, frame.end);
    const request = handler.decode(reader, frame.apiVersion);
    reader.finish(handler.name);
    const reply = new ValueReply(handler);
    reply.apiKey = frame.apiKey;
    reply.apiVersion = frame.apiVersion;
    reply.correlationId = frame.correlationId;
    reply.startedAtMs = this.#parts.tick.monotonicMs();
    reply.queuedMs = frame.queuedMs;
    connection.enqueue(reply);
    this.#handle(handler, request, reply, connection);
  }

  #handle(
    handler: AnyApiHandler,
    request: unknown,
    reply: ValueReply,
    connection: Connection,
  ): void {
    try {
      const context = requestContextOf(this.#frame, connection.identity);
      const result = handler.handle(request, context);
      if (result instanceof Promise) {
        if (handler.waitsForOthers === true) reply.park();
        result.then(
          (response) => reply.answer(response),
          (error: unknown) => this.#failed(handler, request, reply, connection, error),
        );
      } else {
        reply.answer(result);
      }
    } catch (error) {
      this.#failed(handler, request, reply, connection, error);
    }
  }

  /** A handler threw: a bug. Answered where the API can say so, else the connection goes. */
  #failed(
    handler: AnyApiHandler,
    request: unknown,
    reply: ValueReply,
    connection: Connection,
    error: unknown,
  ): void {
    this.#logBug(handler.key, error);
    try {
      if (handler.fail !== undefined) {
        reply.answer(handler.fail(request, ErrorCode.UNKNOWN_SERVER_ERROR, reply.apiVersion));
        return;
      }
    } catch (second) {
      this.#logBug(handler.key, second);
    }
    connection.closeAfterReplies();
    reply.answer(undefined);
  }

  #logBug(apiKey: number, error: unknown): void {
    const { table, log } = this.#parts;
    const api = table.direct(apiKey) ?? table.handler(apiKey);
    log.error('a handler failed', {
      api: api?.name ?? String(apiKey),
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }
}

/** A produce passes long polls: its answer is small, and a client may wait in the poll for what it produces. */
function isProduce(bytes: Uint8Array, start: number): boolean {
  return bytes[start] === 0 && bytes[start + 1] === 0;
}
