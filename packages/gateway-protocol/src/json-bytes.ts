import { toBase64 } from './base64.ts';
import { isText, writeUtf8 } from './utf8.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Letters of the escapes of tab, line feed and carriage return. */
const ESCAPE_OF: Readonly<Record<number, number>> = { 9: 0x74, 10: 0x6e, 13: 0x72 };

/** Bytes that a backslash stands in front of. */
function countEscapes(text: Uint8Array): number {
  let escapes = 0;
  for (let i = 0; i < text.length; i++) {
    const byte = text[i] as number;
    if (byte === QUOTE || byte === BACKSLASH || byte < 0x20) escapes++;
  }
  return escapes;
}

/** JSON text as it grows, in UTF-8. */
export class JsonBytes {
  #bytes: Uint8Array<ArrayBuffer>;
  length = 0;

  constructor(room: number) {
    this.#bytes = new Uint8Array(room);
  }

  /** What was written from `start` on; it lives until more is written. */
  borrow(start: number): Uint8Array {
    return this.#bytes.subarray(start, this.length);
  }

  /** Text that is JSON already, mostly short and ASCII. */
  text(json: string): void {
    this.#reserve(3 * json.length);
    const bytes = this.#bytes;
    const start = this.length;
    for (let i = 0; i < json.length; i++) {
      const code = json.charCodeAt(i);
      if (code >= 0x80) {
        this.length = start + writeUtf8(json, bytes, start);
        return;
      }
      bytes[start + i] = code;
    }
    this.length = start + json.length;
  }

  /** Bytes that are JSON already. */
  copy(json: Uint8Array): void {
    this.#reserve(json.length);
    this.#bytes.set(json, this.length);
    this.length += json.length;
  }

  /** Bytes as a string, as `{"b64":…}`, or null. */
  value(value: Uint8Array | null): void {
    if (value === null) this.text('null');
    else if (isText(value)) this.#string(value);
    else this.text(`{"b64":"${toBase64(value)}"}`);
  }

  #string(text: Uint8Array): void {
    const escapes = countEscapes(text);
    this.#reserve(text.length + escapes + 2);
    const bytes = this.#bytes;
    let at = this.length;
    bytes[at++] = QUOTE;
    if (escapes === 0) {
      bytes.set(text, at);
      at += text.length;
    } else {
      for (let i = 0; i < text.length; i++) {
        const byte = text[i] as number;
        const letter = byte < 0x20 ? ESCAPE_OF[byte] : undefined;
        if (letter !== undefined || byte === QUOTE || byte === BACKSLASH) bytes[at++] = BACKSLASH;
        bytes[at++] = letter ?? byte;
      }
    }
    bytes[at++] = QUOTE;
    this.length = at;
  }

  #reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.length));
    this.#bytes = larger;
  }
}
