const SLAB_BYTES = 4 << 20;

/** Memory that frame events name, reused tick by tick: buffer 0 for most, larger ones for what does not fit. */
export class FrameBuffers {
  readonly #buffers: Uint8Array[] = [new Uint8Array(SLAB_BYTES)];
  readonly #used = new Set<number>();
  #cursor = 0;

  get(bufferId: number): Uint8Array | undefined {
    return this.#buffers[bufferId];
  }

  /** A tick starts: what earlier ones placed is dead. */
  reset(): void {
    this.#cursor = 0;
    this.#used.clear();
  }

  /** Copies a frame to where events can name it. */
  place(frame: Uint8Array): { readonly bufferId: number; readonly offset: number } {
    if (this.#cursor + frame.length <= SLAB_BYTES) {
      const offset = this.#cursor;
      this.#buffers[0]?.set(frame, offset);
      this.#cursor += frame.length;
      return { bufferId: 0, offset };
    }
    let bufferId = this.#buffers.findIndex(
      (bytes, id) => id > 0 && bytes.length >= frame.length && !this.#used.has(id),
    );
    if (bufferId < 0) bufferId = this.#buffers.push(new Uint8Array(frame.length * 2)) - 1;
    this.#used.add(bufferId);
    this.#buffers[bufferId]?.set(frame);
    return { bufferId, offset: 0 };
  }
}
