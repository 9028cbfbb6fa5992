const SLOT_COUNT = 1024;

interface Slot {
  readonly bytes: Uint8Array;
  readonly text: string;
}

/**
 * Topic names by their bytes, so that a name that comes with every request becomes a string once. A fixed
 * number of slots: what collides is replaced.
 */
export class TopicNames {
  readonly #slots: (Slot | undefined)[] = new Array<Slot | undefined>(SLOT_COUNT).fill(undefined);

  /** The text of `bytes[start, start + length)`. */
  textOf(bytes: Uint8Array, start: number, length: number): string {
    let hash = length;
    const end = start + length;
    for (let at = start; at < end; at++) {
      hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0;
    }
    const index = (hash ^ (hash >>> 15)) & (SLOT_COUNT - 1);
    const slot = this.#slots[index];
    if (slot !== undefined && isSame(slot.bytes, bytes, start, length)) return slot.text;
    const copy = bytes.slice(start, end);
    const text = Buffer.from(copy.buffer, copy.byteOffset, copy.length).toString('utf8');
    this.#slots[index] = { bytes: copy, text };
    return text;
  }
}

function isSame(known: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean {
  if (known.length !== length) return false;
  for (let i = 0; i < length; i++) if (known[i] !== bytes[start + i]) return false;
  return true;
}
