const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Base64 with `+/` and padding. */
export function toBase64(bytes: Uint8Array): string {
  const text = encode(bytes, `${DIGITS}+/`);
  return text + '='.repeat(-text.length & 3);
}

/** Base64 with `-_`, without padding. */
export function toBase64Url(bytes: Uint8Array): string {
  return encode(bytes, `${DIGITS}-_`);
}

function encode(bytes: Uint8Array, digits: string): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at;
    const word = ((bytes[at] as number) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    text += (digits[word >> 18] as string) + digits[(word >> 12) & 63];
    if (left > 1) text += digits[(word >> 6) & 63];
    if (left > 2) text += digits[word & 63];
  }
  return text;
}

/** Bytes of base64 with `+/`, padded or not; null for anything else, and for spare bits that are set. */
export function fromBase64(text: string): Uint8Array | null {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  if (padding > 0 && text.length % 4 !== 0) return null;
  return decode(text, text.length - padding, `${DIGITS}+/`);
}

/** The same with `-_` and never padded. */
export function fromBase64Url(text: string): Uint8Array | null {
  return decode(text, text.length, `${DIGITS}-_`);
}

function decode(text: string, length: number, digits: string): Uint8Array | null {
  if (length % 4 === 1) return null;
  const bytes = new Uint8Array((length * 3) >> 2);
  let word = 0;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < length; i++) {
    const digit = digits.indexOf(text[i] as string);
    if (digit < 0) return null;
    word = ((word << 6) | digit) & 0xfff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = word >> bits;
      word &= (1 << bits) - 1;
    }
  }
  return word === 0 ? bytes : null;
}
