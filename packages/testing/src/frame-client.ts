import {
  type ClientFrame,
  encodeFrame,
  encodeJsonFrame,
  type Frame,
  type FrameFields,
  type FrameKind,
  type FrameOf,
  readJsonMessage,
  readMessage,
  serverLimits,
} from '@millrace/gateway-protocol';

const WAIT_MS = 30_000;
const NEWS_MS = 200;

/** A WebSocket of Node that speaks frames, for tests over the network. */
export class FrameClient {
  readonly socket: WebSocket;
  readonly frames: Frame[] = [];
  closeCode: number | null = null;
  readonly #isText: boolean;
  #arrived: () => void = () => {};

  private constructor(socket: WebSocket, isText: boolean) {
    this.socket = socket;
    this.#isText = isText;
    socket.binaryType = 'arraybuffer';
    socket.onmessage = ({ data }) => this.#read(data as string | ArrayBuffer);
    socket.onclose = ({ code }) => {
      this.closeCode = code;
      this.#arrived();
    };
  }

  /** Connects and waits for the upgrade. */
  static async open(port: number, isText = false): Promise<FrameClient> {
    const protocol = isText ? 'millrace.v1.json' : 'millrace.v1.fb';
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, protocol);
    const client = new FrameClient(socket, isText);
    await new Promise<void>((resolve, reject) => {
      socket.onopen = () => resolve();
      socket.onerror = () => reject(new Error('the upgrade was refused'));
    });
    return client;
  }

  send(frame: FrameFields<ClientFrame['kind']>): void {
    const plain = frame as Parameters<typeof encodeJsonFrame>[0];
    if (this.#isText) this.socket.send(encodeJsonFrame(plain));
    else this.socket.send(encodeFrame(plain));
  }

  /**
   * Removes and returns the first frame of a kind that fits, once it is there.
   *
   * @throws Error after half a minute, or when the connection has ended without it.
   */
  async take<K extends FrameKind>(
    kind: K,
    fits: (frame: FrameOf<K>) => boolean = () => true,
  ): Promise<FrameOf<K>> {
    const untilMs = Date.now() + WAIT_MS;
    for (;;) {
      const at = this.frames.findIndex((frame) => frame.kind === kind && fits(frame as FrameOf<K>));
      if (at >= 0) return this.frames.splice(at, 1)[0] as FrameOf<K>;
      const kinds = this.frames.map((frame) => frame.kind).join(', ');
      if (this.closeCode !== null || Date.now() > untilMs)
        throw new Error(`no ${kind} among: ${kinds}; close code ${this.closeCode}`);
      await this.#news();
    }
  }

  /** Removes and returns the oldest frame, once there is one. @throws Error as `take` does. */
  async next(): Promise<Frame> {
    const untilMs = Date.now() + WAIT_MS;
    for (;;) {
      const frame = this.frames.shift();
      if (frame !== undefined) return frame;
      if (this.closeCode !== null || Date.now() > untilMs)
        throw new Error(`no frame came; close code ${this.closeCode}`);
      await this.#news();
    }
  }

  /** Waits for the end of the connection. */
  async closed(): Promise<number> {
    while (this.closeCode === null) await this.#news();
    return this.closeCode;
  }

  /** Something arrived, or a moment has passed. */
  #news(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, NEWS_MS);
      this.#arrived = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #read(data: string | ArrayBuffer): void {
    const isText = typeof data === 'string';
    this.frames.push(...readServerFrames(isText ? data : new Uint8Array(data), isText));
    this.#arrived();
  }
}

/** Frames of a gateway's message, in either subprotocol. @throws Error when one of them is not to be understood. */
export function readServerFrames(message: string | Uint8Array, isText: boolean): Frame[] {
  const reading =
    isText || typeof message === 'string'
      ? readJsonMessage(message, 'toClient', serverLimits)
      : readMessage(message, 'toClient', serverLimits);
  if (!reading.ok) throw new Error(`the gateway sent a bad message: ${reading.message}`);
  return reading.frames.map((frame) => {
    if (frame.kind === 'refused') throw new Error(`a bad frame: ${frame.message}`);
    return frame;
  });
}
