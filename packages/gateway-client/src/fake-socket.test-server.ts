// A WebSocket that ends in the same process. What is sent arrives after one millisecond of virtual time.
import type { ManualClock } from '@millrace/base';
import {
  type ClientFrame,
  clientLimits,
  encodeJsonFrame,
  encodeMessage,
  type FrameInput,
  readJsonMessage,
  readMessage,
} from '@millrace/gateway-protocol';
import type { WebSocketLike } from './options.ts';

export const LATENCY_MS = 1;

/** What the server does with it. */
export interface SocketPeer {
  opened(socket: FakeSocket): void;
  frame(socket: FakeSocket, frame: ClientFrame): void;
  closed(socket: FakeSocket, code: number): void;
}

export class FakeSocket implements WebSocketLike {
  binaryType = 'blob';
  readyState = 0;
  onopen: ((event: unknown) => void) | null = null;
  onmessage: ((event: { readonly data: unknown }) => void) | null = null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null = null;
  onerror: ((event: unknown) => void) | null = null;
  readonly url: string;
  readonly protocols: readonly string[];
  /** Frames of the client in order of arrival. */
  readonly received: ClientFrame[] = [];
  closeCode = 0;
  readonly #clock: ManualClock;
  readonly #peer: SocketPeer;
  /** The line is cut: nothing arrives any more, and nobody is told. */
  isCut = false;

  constructor(url: string, protocols: readonly string[], clock: ManualClock, peer: SocketPeer) {
    this.url = url;
    this.protocols = protocols;
    this.#clock = clock;
    this.#peer = peer;
    this.#later(() => peer.opened(this));
  }

  get isJson(): boolean {
    return this.protocols.includes('millrace.v1.json');
  }

  /** Lets the client in. */
  accept(): void {
    if (this.readyState !== 0) return;
    this.readyState = 1;
    this.onopen?.({});
  }

  // ---- the client's side

  send(data: string | Uint8Array<ArrayBuffer>): void {
    if (this.readyState !== 1) throw new Error('send on a socket that is not open');
    const copy = typeof data === 'string' ? data : data.slice();
    this.#later(() => {
      const reading =
        typeof copy === 'string'
          ? readJsonMessage(copy, 'toServer', clientLimits)
          : readMessage(copy, 'toServer', clientLimits);
      if (!reading.ok) throw new Error(`the client broke the protocol: ${reading.message}`);
      for (const frame of reading.frames) {
        if (frame.kind === 'refused') throw new Error(`refused ${frame.frame}: ${frame.message}`);
        this.received.push(frame);
        this.#peer.frame(this, frame);
      }
    });
  }

  close(code = 1000): void {
    if (this.readyState === 3) return;
    if (code !== 1000 && (code < 3000 || code > 4999)) throw new Error(`close code ${code}`);
    this.readyState = 3;
    this.closeCode = code;
    this.#later(() => this.#peer.closed(this, code));
  }

  // ---- the server's side

  deliver(frames: readonly FrameInput[]): void {
    if (this.isJson)
      this.deliverRaw(
        frames
          .flatMap((frame) => (frame.kind === 'records' ? [] : [encodeJsonFrame(frame)]))
          .join('\n'),
      );
    else this.deliverRaw(encodeMessage(frames).slice());
  }

  deliverRaw(data: string | Uint8Array<ArrayBuffer>): void {
    this.#later(() => {
      if (this.readyState === 1)
        this.onmessage?.({ data: typeof data === 'string' ? data : data.buffer });
    });
  }

  /** The server closes, or with 1006 the line breaks. */
  drop(code = 1006, reason = ''): void {
    this.#later(() => {
      if (this.readyState === 3) return;
      this.readyState = 3;
      this.isCut = true;
      this.closeCode = code;
      this.#peer.closed(this, code);
      this.onclose?.({ code, reason });
    });
  }

  #later(then: () => void): void {
    this.#clock.setTimer(LATENCY_MS, () => {
      if (!this.isCut) then();
    });
  }
}
