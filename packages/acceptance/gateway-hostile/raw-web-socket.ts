import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

const OPEN_MS_MAX = 30_000;

/** Opcodes of RFC 6455. */
export const Opcode = { MORE: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9 } as const;

/** How a frame is written, where not as it should be. */
export interface FrameForm {
  readonly isLast?: boolean;
  readonly isMasked?: boolean;
  /** Bits 4–6 of the first byte. */
  readonly reserved?: number;
  /** Length that is written, whatever follows. */
  readonly length?: bigint;
}

/** A WebSocket client whose every byte is the test's own choice; what comes is counted and forgotten. */
export class RawWebSocket {
  readonly socket: Socket;
  isClosed = false;
  receivedBytes = 0;
  readonly #whenClosed: Promise<void>;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    this.#whenClosed = new Promise((resolve) => {
      socket.on('close', () => {
        this.isClosed = true;
        resolve();
      });
    });
  }

  /** Connected and upgraded. @throws Error when it is refused. */
  static async open(port: number, subprotocol: string): Promise<RawWebSocket> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    const client = new RawWebSocket(socket);
    const key = randomBytes(16).toString('base64');
    socket.write(
      `GET /v1/ws HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Protocol: ${subprotocol}\r\n\r\n`,
    );
    await client.#upgraded();
    socket.on('data', (chunk) => {
      client.receivedBytes += chunk.length;
    });
    return client;
  }

  send(bytes: Uint8Array): void {
    if (!this.isClosed) this.socket.write(bytes);
  }

  /** Resolves when the connection has ended, whoever ended it. */
  closed(): Promise<void> {
    return this.#whenClosed;
  }

  destroy(): void {
    this.socket.destroy();
  }

  #upgraded(): Promise<void> {
    const { socket } = this;
    return new Promise((resolve, reject) => {
      let head = '';
      const refused = () => reject(new Error(`not upgraded: ${head.split('\r\n')[0]}`));
      const timer = setTimeout(() => socket.destroy(), OPEN_MS_MAX);
      const read = (chunk: Buffer) => {
        head += chunk.toString('latin1');
        if (!head.includes('\r\n\r\n')) return;
        clearTimeout(timer);
        socket.off('data', read);
        if (head.startsWith('HTTP/1.1 101')) resolve();
        else refused();
      };
      socket.on('data', read);
      socket.once('close', () => {
        clearTimeout(timer);
        refused();
      });
    });
  }
}

/** One WebSocket frame of a client. The mask is all zeros: masked, and the payload stays as it is. */
export function webSocketFrame(
  opcode: number,
  payload: Uint8Array,
  { isLast = true, isMasked = true, reserved = 0, length }: FrameForm = {},
): Buffer {
  const first = (isLast ? 0x80 : 0) | (reserved << 4) | opcode;
  const bytes = length ?? BigInt(payload.length);
  const head = [Buffer.of(first)];
  const mask = isMasked ? 0x80 : 0;
  if (bytes < 126n) head.push(Buffer.of(mask | Number(bytes)));
  else if (bytes < 65_536n)
    head.push(Buffer.of(mask | 126, Number(bytes) >> 8, Number(bytes) & 255));
  else {
    const long = Buffer.alloc(9);
    long[0] = mask | 127;
    long.writeBigUInt64BE(bytes, 1);
    head.push(long);
  }
  if (isMasked) head.push(Buffer.alloc(4));
  return Buffer.concat([...head, payload]);
}
