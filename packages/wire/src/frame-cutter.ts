import { WireConnectionError } from './wire-error.ts';

const PREFIX_BYTES = 4;

/**
 * Cuts a byte stream into length-prefixed frames (Kafka protocol: int32 big-endian length, then so many
 * bytes). A frame that lies inside one chunk is handed on as a view of it; only frames that span
 * chunks are copied, once. Memory follows the bytes that really arrive, not the declared length.
 */
export class FrameCutter {
  readonly #maxFrameBytes: number;
  readonly #onFrame: (body: Uint8Array) => void;
  readonly #parts: Uint8Array[] = [];
  #partsBytes = 0;

  /** @throws WireConnectionError from `push` when a frame is negative or above `maxFrameBytes`. */
  constructor(maxFrameBytes: number, onFrame: (body: Uint8Array) => void) {
    this.#maxFrameBytes = maxFrameBytes;
    this.#onFrame = onFrame;
  }

  /** Takes the next chunk; calls back for every frame it completes. The chunk must stay untouched. */
  push(chunk: Uint8Array): void {
    let rest = chunk;
    if (this.#partsBytes > 0) {
      this.#parts.push(chunk);
      this.#partsBytes += chunk.length;
      const needed = this.#neededBytes();
      if (this.#partsBytes < needed) return;
      rest = concatenate(this.#parts, this.#partsBytes);
      this.#parts.length = 0;
      this.#partsBytes = 0;
    }
    let at = 0;
    while (rest.length - at >= PREFIX_BYTES) {
      const length = this.#frameLength(rest, at);
      const end = at + PREFIX_BYTES + length;
      if (end > rest.length) break;
      this.#onFrame(rest.subarray(at + PREFIX_BYTES, end));
      at = end;
    }
    if (at < rest.length) {
      this.#parts.push(rest.subarray(at));
      this.#partsBytes = rest.length - at;
    }
  }

  /** Bytes that must be here before anything can be cut. */
  #neededBytes(): number {
    if (this.#partsBytes < PREFIX_BYTES) return PREFIX_BYTES;
    let first = this.#parts[0] as Uint8Array;
    if (first.length < PREFIX_BYTES) {
      first = concatenate(this.#parts, this.#partsBytes);
      this.#parts.length = 0;
      this.#parts.push(first);
    }
    return PREFIX_BYTES + this.#frameLength(first, 0);
  }

  #frameLength(bytes: Uint8Array, at: number): number {
    const length =
      ((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number);
    if (length < 0 || length > this.#maxFrameBytes) {
      throw new WireConnectionError(
        'protocol',
        `frame of ${length} bytes; the bound is ${this.#maxFrameBytes}`,
      );
    }
    return length;
  }
}

function concatenate(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
