import { isFileSlice, Writer } from '@millrace/bytes';
import { type Reactor, SEND_STRIDE, SendKind } from '@millrace/engine';
import type { PendingReply } from '../api/pending-reply.ts';
import { RESPONSE_ROOM_BYTES } from '../limits.ts';

/**
 * Encodes replies straight into the reactor's staging memory and collects the rows that say what to
 * send. `flush` hands all of them over, once per tick or when the memory is full.
 */
export class ResponseQueue {
  readonly #reactor: Reactor;
  readonly #writer = new Writer();
  readonly #rowsMax: number;
  #rows = 0;
  #outUsed = 0;
  /** Wakes the tick when something was staged outside of one. */
  onStaged: () => void = () => {};

  constructor(reactor: Reactor) {
    this.#reactor = reactor;
    this.#rowsMax = Math.floor(reactor.sends.length / SEND_STRIDE);
  }

  /**
   * Encodes a whole response frame; its bytes, file slices not counted. Throws what the encoder throws; nothing
   * is staged then.
   */
  stage(connectionId: number, reply: PendingReply, flexibleHeader: boolean): number {
    const reactor = this.#reactor;
    if (reactor.out.length - this.#outUsed < RESPONSE_ROOM_BYTES) this.flush();
    const writer = this.#writer;
    const start = this.#outUsed;
    writer.reset(reactor.out, start);
    writer.int32(0);
    writer.int32(reply.correlationId);
    if (flexibleHeader) writer.int8(0);
    reply.encodeBody(writer);
    const bytes = writer.position;
    const total = writer.lengthBytes;
    writer.patchInt32(0, total - 4);
    if (writer.spilled) {
      this.#sendSpilled(connectionId);
    } else if (bytes === total) {
      this.#row(connectionId, SendKind.bytes, start, bytes, 0, 0);
      this.#outUsed = start + bytes;
    } else {
      this.#stagePieces(connectionId);
      this.#outUsed = start + bytes;
    }
    this.onStaged();
    return bytes;
  }

  /** The connection closes when everything staged before has been written. */
  stageClose(connectionId: number): void {
    this.#row(connectionId, SendKind.closeAfter, 0, 0, 0, 0);
    this.onStaged();
  }

  /** Hands all rows to the sockets; the staging memory is free again. */
  flush(): void {
    if (this.#rows > 0) {
      const rows = this.#rows;
      this.#rows = 0;
      this.#reactor.flush(rows);
    }
    this.#outUsed = 0;
  }

  #stagePieces(connectionId: number): void {
    const base = this.#reactor.out.byteOffset;
    for (const piece of this.#writer.finish()) {
      if (isFileSlice(piece)) {
        this.#row(
          connectionId,
          SendKind.file,
          piece.logId,
          piece.segmentBaseOffset,
          piece.position,
          piece.lengthBytes,
        );
      } else {
        this.#row(connectionId, SendKind.bytes, piece.byteOffset - base, piece.length, 0, 0);
      }
    }
  }

  /** The message outgrew the staging memory: its pieces go one by one. */
  #sendSpilled(connectionId: number): void {
    this.flush();
    for (const piece of this.#writer.finish()) {
      if (isFileSlice(piece)) {
        this.#row(
          connectionId,
          SendKind.file,
          piece.logId,
          piece.segmentBaseOffset,
          piece.position,
          piece.lengthBytes,
        );
        this.flush();
      } else {
        this.#reactor.sendOwned(connectionId, piece);
      }
    }
  }

  #row(connectionId: number, kind: number, a: number, b: number, c: number, d: number): void {
    const sends = this.#reactor.sends;
    if (this.#rows === this.#rowsMax) {
      // What lies in `out` was copied or written when flush returns, but the message being staged is
      // still there: its bytes stay until the next `flush`, so only the rows are handed over.
      const rows = this.#rows;
      this.#rows = 0;
      this.#reactor.flush(rows);
    }
    if (kind === SendKind.bytes && this.#rows > 0) {
      const last = (this.#rows - 1) * SEND_STRIDE;
      if (
        sends[last] === connectionId &&
        sends[last + 1] === SendKind.bytes &&
        (sends[last + 2] as number) + (sends[last + 3] as number) === a
      ) {
        sends[last + 3] = (sends[last + 3] as number) + b;
        return;
      }
    }
    const at = this.#rows * SEND_STRIDE;
    sends[at] = connectionId;
    sends[at + 1] = kind;
    sends[at + 2] = a;
    sends[at + 3] = b;
    sends[at + 4] = c;
    sends[at + 5] = d;
    this.#rows++;
  }
}
