import { WireConnectionError } from './wire-error.ts';

const PREFIX_BYTES = 4;
/** A frame has so much memory at once; beyond that it follows the bytes that really arrive. */
const FIRST_BYTES_MAX = 2 << 20;
/** Memory of a frame that is kept for later ones. */
const SPARE_BYTES_MIN = 16 << 10;
const SPARE_BYTES_MAX = 4 << 20;

/**
 * Cuts a byte stream into length-prefixed frames (Kafka protocol: int32 big-endian length, then so many
 * bytes). Every frame is in memory of its own, copied once, so that what the bytes were read into can be used again.
 */
export class FrameCutter {
  readonly #maxFrameBytes: number;
  readonly #onFrame: (body: Uint8Array) => void;
  #prefixCount = 0;
  #length = 0;
  #body: Uint8Array = NOTHING;
  #have = 0;
  #spare: ArrayBufferLike | null = null;

  /** @throws WireConnectionError from `push` when a frame is negative or above `maxFrameBytes`. */
  constructor(maxFrameBytes: number, onFrame: (body: Uint8Array) => void) {
    this.#maxFrameBytes = maxFrameBytes;
    this.#onFrame = onFrame;
  }

  /** Takes the next chunk; calls back for every frame it completes. The chunk is the caller's again afterwards. */
  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#prefixCount < PREFIX_BYTES) {
        this.#length = (this.#length << 8) | (chunk[at++] as number);
        if (++this.#prefixCount === PREFIX_BYTES) this.#begin();
      } else {
        const count = Math.min(this.#length - this.#have, chunk.length - at);
        this.#reserve(this.#have + count);
        this.#body.set(chunk.subarray(at, at + count), this.#have);
        this.#have += count;
        at += count;
      }
      if (this.#prefixCount === PREFIX_BYTES && this.#have === this.#length) this.#finish();
    }
  }

  /** A frame's memory comes back: nobody reads it any more, and a later frame may lie there. */
  recycle(memory: ArrayBufferLike): void {
    const { byteLength } = memory;
    if (byteLength < SPARE_BYTES_MIN || byteLength > SPARE_BYTES_MAX) return;
    if (byteLength >= (this.#spare?.byteLength ?? 0)) this.#spare = memory;
  }

  #begin(): void {
    const length = this.#length;
    if (length < 0 || length > this.#maxFrameBytes) {
      throw new WireConnectionError(
        'protocol',
        `frame of ${length} bytes; the bound is ${this.#maxFrameBytes}`,
      );
    }
    const spare = this.#spare;
    if (spare !== null && length >= SPARE_BYTES_MIN && length <= spare.byteLength) {
      this.#spare = null;
      this.#body = new Uint8Array(spare, 0, length);
    } else this.#body = new Uint8Array(Math.min(length, FIRST_BYTES_MAX));
    this.#have = 0;
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#body.length) return;
    const larger = new Uint8Array(Math.min(this.#length, Math.max(bytes, 2 * this.#body.length)));
    larger.set(this.#body.subarray(0, this.#have));
    this.#body = larger;
  }

  #finish(): void {
    const body = this.#body;
    this.#body = NOTHING;
    this.#prefixCount = 0;
    this.#length = 0;
    this.#have = 0;
    this.#onFrame(body);
  }
}

const NOTHING = new Uint8Array();
