import {
  encodeFrame,
  type Frame,
  type FrameKind,
  type FrameOf,
  readMessage,
  serverLimits,
} from '@millrace/gateway-protocol';
import { eventually } from '@millrace/testing';
import { Opcode, RawWebSocket, webSocketFrame } from '../gateway-hostile/raw-web-socket.ts';

const BINARY = 'millrace.v1.fb';
const WAIT_MS = 60_000;

/** A client that reads when the test says so, and says nothing by itself: no Pong, no Credit. */
export class RawClient {
  readonly raw: RawWebSocket;
  readonly frames: Frame[] = [];
  /** Of the close frame, once it was read. */
  closeCode: number | null = null;
  #unread: Uint8Array = new Uint8Array(0);

  private constructor(raw: RawWebSocket) {
    this.raw = raw;
    raw.socket.on('data', (chunk) => this.#read(chunk));
  }

  /** Upgraded. @throws Error when it is refused. */
  static async open(port: number): Promise<RawClient> {
    return new RawClient(await RawWebSocket.open(port, BINARY));
  }

  /** @param credit bytes that may be on their way to it */
  static async welcomed(port: number, credit: number): Promise<RawClient> {
    const client = await RawClient.open(port);
    client.send({ kind: 'hello', caps: 127, credit });
    await client.take('welcome');
    return client;
  }

  send(frame: Parameters<typeof encodeFrame>[0]): void {
    this.raw.send(webSocketFrame(Opcode.BINARY, encodeFrame(frame)));
  }

  /** The first frame of a kind, once it is there. */
  take<K extends FrameKind>(kind: K): Promise<FrameOf<K>> {
    return eventually(kind, WAIT_MS, () => {
      return this.frames.find((frame) => frame.kind === kind) as FrameOf<K> | undefined;
    });
  }

  stopReading(): void {
    this.raw.socket.pause();
  }

  /** Takes what one read gives: at most 64 KiB. */
  readOnce(): void {
    this.raw.socket.once('data', () => this.stopReading());
    this.readOn();
  }

  readOn(): void {
    this.raw.socket.resume();
  }

  destroy(): void {
    this.raw.destroy();
  }

  /** Cuts what came into messages; the server masks and splits none. */
  #read(chunk: Uint8Array): void {
    const bytes = Buffer.concat([this.#unread, chunk]);
    let at = 0;
    for (;;) {
      const short = (bytes[at + 1] ?? 0) & 0x7f;
      const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
      if (bytes.length < start) break;
      const length =
        short < 126
          ? short
          : short === 126
            ? bytes.readUInt16BE(at + 2)
            : Number(bytes.readBigUInt64BE(at + 2));
      if (bytes.length < start + length) break;
      this.#message((bytes[at] ?? 0) & 0x0f, bytes.subarray(start, start + length));
      at = start + length;
    }
    this.#unread = bytes.subarray(at);
  }

  #message(opcode: number, payload: Buffer): void {
    if (opcode === Opcode.CLOSE) this.closeCode = payload.readUInt16BE(0);
    if (opcode !== Opcode.BINARY) return;
    // A copy of its own: aligned, as frames are.
    const reading = readMessage(new Uint8Array(payload), 'toClient', serverLimits);
    if (!reading.ok) throw new Error(reading.message);
    for (const frame of reading.frames) {
      if (frame.kind === 'refused') throw new Error(frame.message);
      this.frames.push(frame);
    }
  }
}
