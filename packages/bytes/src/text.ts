import { DecodeError, EncodeError } from './decode-error.ts';

/** Kafka refuses a longer string in either direction, compact ones too. */
export const STRING_BYTES_MAX = 0x7fff;

/** Longest string, in bytes, that is remembered. */
const REMEMBERED_BYTES_MAX = 64;
/** Slots of the memo, a power of two. At most 512 × 64 characters are kept alive. */
const SLOTS = 512;

/**
 * The last short ASCII string seen per hash. Topic names, client ids and group ids come again and
 * again; handing out the same string spares the allocation and keeps its hash for later map lookups.
 */
const remembered: string[] = new Array<string>(SLOTS).fill('');

const lenient = new TextDecoder('utf-8', { ignoreBOM: true });
const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
const encoder = new TextEncoder();

/**
 * UTF-8 text of `bytes[start, end)`. Malformed bytes become U+FFFD, as in Java, or throw when
 * `fatal`.
 * @throws DecodeError named `what` when `fatal` and not valid UTF-8.
 */
export function decodeText(
  bytes: Uint8Array,
  start: number,
  end: number,
  fatal: boolean,
  what: string,
): string {
  const length = end - start;
  if (length === 0) return '';
  if (length <= REMEMBERED_BYTES_MAX) {
    let hash = length;
    let union = 0;
    for (let at = start; at < end; at++) {
      const byte = bytes[at] as number;
      union |= byte;
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    if (union < 0x80) return rememberedAscii(bytes, start, end, hash);
  }
  if (!fatal) return lenient.decode(bytes.subarray(start, end));
  try {
    return strict.decode(bytes.subarray(start, end));
  } catch {
    throw new DecodeError(what, start, 'not valid UTF-8');
  }
}

function rememberedAscii(bytes: Uint8Array, start: number, end: number, hash: number): string {
  const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
  const candidate = remembered[slot] as string;
  const length = end - start;
  if (candidate.length === length) {
    let at = 0;
    while (at < length && candidate.charCodeAt(at) === bytes[start + at]) at++;
    if (at === length) return candidate;
  }
  const text = lenient.decode(bytes.subarray(start, end));
  remembered[slot] = text;
  return text;
}

/** Bytes of `text` in UTF-8; a lone surrogate counts as U+FFFD. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) continue;
    if (code < 0x800) {
      bytes += 1;
    } else {
      bytes += 2;
      const next = code >= 0xd800 && code < 0xdc00 ? text.charCodeAt(i + 1) : 0;
      if (next >= 0xdc00 && next < 0xe000) i++;
    }
  }
  return bytes;
}

/** The same. @throws EncodeError above 32,767 bytes. */
export function stringBytes(text: string): number {
  const length = utf8Length(text);
  if (length > STRING_BYTES_MAX) throw new EncodeError(`a string of ${length} bytes`);
  return length;
}

/** Writes `text` at `position`, where at least three bytes a character are free. Returns the byte count. */
export function encodeText(text: string, target: Uint8Array, position: number): number {
  return encoder.encodeInto(text, target.subarray(position)).written;
}
