/**
 * True when `bytes[start, end)` is well-formed UTF-8 (Unicode table 3-7): no overlong forms, no
 * surrogates, nothing above U+10FFFF. Allocates nothing.
 */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end) {
    const lead = bytes[at++] as number;
    if (lead < 0x80) continue;
    let more = 1;
    // The bounds of the second byte keep overlong forms, surrogates and U+110000 out.
    let low = 0x80;
    let high = 0xbf;
    if (lead < 0xc2 || lead > 0xf4) return false;
    if (lead >= 0xf0) {
      more = 3;
      if (lead === 0xf0) low = 0x90;
      else if (lead === 0xf4) high = 0x8f;
    } else if (lead >= 0xe0) {
      more = 2;
      if (lead === 0xe0) low = 0xa0;
      else if (lead === 0xed) high = 0x9f;
    }
    if (at + more > end) return false;
    const second = bytes[at++] as number;
    if (second < low || second > high) return false;
    for (; more > 1; more--) if (((bytes[at++] as number) & 0xc0) !== 0x80) return false;
  }
  return true;
}

/**
 * True when bytes are a string in JSON: UTF-8 without control characters other than tab and line
 * ends. Those would be UTF-8 too, but nothing that anybody reads.
 */
export function isText(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) return false;
  }
  return isUtf8(bytes, 0, bytes.length);
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();

/** Longest text that is converted by hand, which is quicker than asking the runtime. */
const SHORT_BYTES = 24;

/** Text of bytes that are known to be UTF-8. */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= SHORT_BYTES) {
    let text = '';
    let at = start;
    for (; at < end; at++) {
      const byte = bytes[at] as number;
      if (byte >= 0x80) break;
      text += String.fromCharCode(byte);
    }
    if (at === end) return text;
  }
  return decoder.decode(bytes.subarray(start, end));
}

/** Bytes of a text; a lone surrogate becomes U+FFFD. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  const length = text.length;
  if (length > SHORT_BYTES) return encoder.encode(text);
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0x80) return encoder.encode(text);
    bytes[at] = code;
  }
  return bytes;
}

/** Writes `text` at `at`, where three bytes a character are free. Returns the bytes written. */
export function writeUtf8(text: string, target: Uint8Array, at: number): number {
  return encoder.encodeInto(text, target.subarray(at)).written;
}
