import { connect, type Socket } from 'node:net';
import { Reader, Writer } from '@millrace/bytes';
import { type ApiCodec, decodeResponseHeader, encodeRequestHeader } from '@millrace/protocol';

/** The four bytes before a frame. */
export function lengthPrefix(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(length | 0);
  return bytes;
}

/** A body with its length in front. */
export function framed(...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([lengthPrefix(body.length), body]);
}

/** A request header as honest clients write it. */
export function header(apiKey: number, apiVersion: number, correlationId = 1): Uint8Array {
  const writer = new Writer();
  encodeRequestHeader(writer, { apiKey, apiVersion, correlationId, clientId: 'hostile' });
  return writer.finishBytes().slice();
}

/** A whole frame of an honest request. */
export function requestOf<Q, R, I, O>(
  api: ApiCodec<Q, R, I, O>,
  version: number,
  request: I,
  correlationId = 1,
): Buffer {
  const writer = new Writer();
  encodeRequestHeader(writer, {
    apiKey: api.key,
    apiVersion: version,
    correlationId,
    clientId: 'hostile',
  });
  api.encodeRequest(writer, request, version);
  return framed(writer.finishBytes());
}

/** A connection whose every byte is the test's own choice. */
export class Peer {
  readonly socket: Socket;
  readonly #whenClosed: Promise<void>;
  #received: Buffer[] = [];
  #receivedBytes = 0;
  #wake: () => void = () => {};
  #correlationId = 0;
  isClosed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      this.#received.push(chunk);
      this.#receivedBytes += chunk.length;
      this.#wake();
    });
    this.#whenClosed = new Promise((resolve) => {
      socket.on('close', () => {
        this.isClosed = true;
        this.#wake();
        resolve();
      });
    });
  }

  static async open(port: number): Promise<Peer> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', () => resolve());
      socket.once('error', reject);
    });
    return new Peer(socket);
  }

  /** `count` peers, some hundred at a time, as the backlog allows. */
  static async crowd(port: number, count: number): Promise<Peer[]> {
    const peers: Peer[] = [];
    while (peers.length < count) {
      const some = Math.min(250, count - peers.length);
      peers.push(...(await Promise.all(Array.from({ length: some }, () => Peer.open(port)))));
    }
    return peers;
  }

  send(bytes: Uint8Array): void {
    if (!this.isClosed) this.socket.write(bytes);
  }

  /** Resolves when the broker has ended the connection. */
  closed(): Promise<void> {
    return this.#whenClosed;
  }

  /** Takes nothing more from the socket. */
  stopReading(): void {
    this.socket.pause();
  }

  close(): void {
    this.socket.destroy();
  }

  /** The next frame without its length; undefined when the broker closed. */
  async frame(): Promise<Buffer | undefined> {
    for (;;) {
      const frame = this.#nextFrame();
      if (frame !== undefined || this.isClosed) return frame;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** @throws Error when the broker closes instead of answering. */
  async call<Q, R, I, O>(api: ApiCodec<Q, R, I, O>, version: number, request: I): Promise<R> {
    this.send(requestOf(api, version, request, ++this.#correlationId));
    const frame = await this.frame();
    if (frame === undefined) throw new Error(`${api.name} ${version}: the connection was closed`);
    const reader = new Reader(frame);
    decodeResponseHeader(reader, api.key, version);
    return api.decodeResponse(reader, version);
  }

  #nextFrame(): Buffer | undefined {
    if (this.#receivedBytes < 4) return undefined;
    const first = this.#received[0] as Buffer;
    const whole = first.length >= 4 ? first : Buffer.concat(this.#received);
    const end = 4 + whole.readInt32BE(0);
    if (this.#receivedBytes < end) {
      if (whole !== first) this.#received = [whole];
      return undefined;
    }
    const all = this.#received.length === 1 ? first : Buffer.concat(this.#received);
    this.#received = all.length > end ? [all.subarray(end)] : [];
    this.#receivedBytes -= end;
    return all.subarray(4, end);
  }
}
