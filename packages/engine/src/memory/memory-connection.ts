import { CloseReason, type ReactorOptions } from '../reactor.ts';
import type { MemorySocket } from './memory-socket.ts';

const PREFIX_BYTES = 4;
const SMALL_FRAME_BYTES = 64 * 1024;

/** The reactor's end of an in-process connection: cuts frames out of what has arrived. */
export class MemoryConnection {
  readonly id: number;
  readonly listenerId: number;
  readonly remotePort: number;
  socket: MemorySocket | undefined;
  isPaused = false;
  hasEnded = false;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(id: number, listenerId: number, remotePort: number) {
    this.id = id;
    this.listenerId = listenerId;
    this.remotePort = remotePort;
  }

  /** Bytes received and not cut. */
  get heldBytes(): number {
    return this.#bytes.length - this.#at;
  }

  received(bytes: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes.subarray(this.#at), bytes]);
    this.#at = 0;
  }

  /** The next whole frame's body (borrowed), a CloseReason when it may not be, or undefined when none is whole. */
  nextFrame(options: ReactorOptions): Uint8Array | number | undefined {
    const held = this.#bytes.subarray(this.#at);
    if (held.length < PREFIX_BYTES) return undefined;
    const view = new DataView(held.buffer, held.byteOffset, held.length);
    const length = view.getInt32(0);
    if (length < 0 || length > options.maxFrameBytes) return CloseReason.frameTooLarge;
    if (length < options.minFrameBytes) return CloseReason.frameTooSmall;
    if (held.length - PREFIX_BYTES < length) {
      const isLarge = length > SMALL_FRAME_BYTES && held.length >= PREFIX_BYTES + 4;
      if (!isLarge || this.#accepts(view.getInt16(4), view.getInt16(6), options)) return undefined;
      return CloseReason.refusedPrefix;
    }
    this.#at += PREFIX_BYTES + length;
    return held.subarray(PREFIX_BYTES, PREFIX_BYTES + length);
  }

  #accepts(first: number, second: number, options: ReactorOptions): boolean {
    const ranges = options.acceptedPrefixes;
    for (let at = 0; at + 2 < ranges.length; at += 3) {
      const [key = 0, lowest = 0, highest = 0] = ranges.subarray(at, at + 3);
      if (key === first && lowest <= second && second <= highest) return true;
    }
    return ranges.length === 0;
  }
}
