import { connect, type Socket } from 'node:net';
import { Reader, Writer } from '@millrace/bytes';
import { type ApiCodec, decodeResponseHeader, encodeRequestHeader } from '@millrace/protocol';

const TIMEOUT_MS = 30_000;

/** A bare connection: one request of any API in any version, one answer. */
export class Connection {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  readonly #waiting: ((frame: Buffer | null) => void)[] = [];
  #correlationId = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      for (const answer of this.#waiting.splice(0)) answer(null);
    });
  }

  static async open(bootstrap: string): Promise<Connection> {
    const at = bootstrap.lastIndexOf(':');
    const socket = connect(Number(bootstrap.slice(at + 1)), bootstrap.slice(0, at));
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new Connection(socket);
  }

  /** @throws Error when the broker closes the connection or takes too long. */
  async call<Q, R, I, O>(api: ApiCodec<Q, R, I, O>, version: number, request: I): Promise<R> {
    const writer = new Writer();
    writer.int32(0);
    encodeRequestHeader(writer, {
      apiKey: api.key,
      apiVersion: version,
      correlationId: ++this.#correlationId,
      clientId: 'talk',
    });
    api.encodeRequest(writer, request, version);
    const bytes = Buffer.from(writer.finishBytes());
    bytes.writeInt32BE(bytes.length - 4);
    this.#socket.write(bytes);
    const frame = await this.#frame();
    if (frame === null) throw new Error(`${api.name} ${version}: the connection was closed`);
    const reader = new Reader(frame);
    decodeResponseHeader(reader, api.key, version);
    const response = api.decodeResponse(reader, version);
    reader.finish();
    return response;
  }

  close(): void {
    this.#socket.destroy();
  }

  #frame(): Promise<Buffer | null> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no answer')), TIMEOUT_MS);
      this.#waiting.push((frame) => {
        clearTimeout(timer);
        resolve(frame);
      });
    });
  }

  #take(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= 4) {
      const end = 4 + this.#received.readInt32BE(0);
      if (this.#received.length < end) return;
      const frame = Buffer.from(this.#received.subarray(4, end));
      this.#received = this.#received.subarray(end);
      this.#waiting.shift()?.(frame);
    }
  }
}
