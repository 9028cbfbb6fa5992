import { EncodeError } from './decode-error.ts';

/**
 * A 16-byte id in Kafka's text form: base64url without padding, 22 characters. Ids are compared and
 * used as map keys in this form; equal ids are equal strings.
 */
export type Uuid = string;

/** All bits zero: "no id". */
export const ZERO_UUID: Uuid = 'AAAAAAAAAAAAAAAAAAAAAA';
/** Reserved by Kafka for its metadata topic. */
export const ONE_UUID: Uuid = 'AAAAAAAAAAAAAAAAAAAAAQ';

const UUID_BYTES = 16;
const UUID_CHARS = 22;
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const codeOfDigit = new Uint8Array(64);
const digitOfCode = new Int8Array(128).fill(-1);
for (let digit = 0; digit < 64; digit++) {
  const code = DIGITS.charCodeAt(digit);
  codeOfDigit[digit] = code;
  digitOfCode[code] = digit;
}

const codes: number[] = new Array<number>(UUID_CHARS).fill(0);

/** Slots of the memo, a power of two. */
const SLOTS = 256;
/**
 * The last id seen per hash, as four words and as text. The ids of topics come again and again;
 * handing out the same string spares its making and keeps its hash for later map lookups.
 */
const rememberedWords = new Int32Array(SLOTS * 4);
const rememberedTexts: Uuid[] = new Array<Uuid>(SLOTS).fill(ZERO_UUID);

/** Text form of the 16 bytes at `position`, which the caller knows to be there. */
export function uuidFromBytes(bytes: Uint8Array, position: number): Uuid {
  const a = wordAt(bytes, position);
  const b = wordAt(bytes, position + 4);
  const c = wordAt(bytes, position + 8);
  const d = wordAt(bytes, position + 12);
  if ((a | b | c | d) === 0) return ZERO_UUID;
  const hash = Math.imul(a ^ c, 0x9e3779b1) ^ Math.imul(b ^ d, 0x85ebca6b);
  const slot = (hash ^ (hash >>> 16)) & (SLOTS - 1);
  const words = rememberedWords;
  const at = slot * 4;
  if (words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d) {
    return rememberedTexts[slot] as Uuid;
  }
  const text = textOf(bytes, position);
  words[at] = a;
  words[at + 1] = b;
  words[at + 2] = c;
  words[at + 3] = d;
  rememberedTexts[slot] = text;
  return text;
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}

function textOf(bytes: Uint8Array, position: number): Uuid {
  let char = 0;
  for (let i = 0; i < 15; i += 3) {
    const triple =
      ((bytes[position + i] as number) << 16) |
      ((bytes[position + i + 1] as number) << 8) |
      (bytes[position + i + 2] as number);
    codes[char++] = codeOfDigit[triple >>> 18] as number;
    codes[char++] = codeOfDigit[(triple >>> 12) & 63] as number;
    codes[char++] = codeOfDigit[(triple >>> 6) & 63] as number;
    codes[char++] = codeOfDigit[triple & 63] as number;
  }
  const last = bytes[position + 15] as number;
  codes[20] = codeOfDigit[last >>> 2] as number;
  codes[21] = codeOfDigit[(last & 3) << 4] as number;
  return String.fromCharCode.apply(null, codes);
}

/**
 * Writes the 16 bytes of `uuid` at `position`; there must be room.
 * @throws EncodeError when the text is not a 22-character base64url form of 16 bytes.
 */
export function uuidToBytes(uuid: Uuid, target: Uint8Array, position: number): void {
  let out = position;
  // A character that is no digit counts as -1, which leaves the sign bit here.
  let union = uuid.length === UUID_CHARS ? 0 : -1;
  for (let i = 0; i < 20; i += 4) {
    const quad =
      (digitAt(uuid, i) << 18) |
      (digitAt(uuid, i + 1) << 12) |
      (digitAt(uuid, i + 2) << 6) |
      digitAt(uuid, i + 3);
    union |= quad;
    target[out++] = quad >>> 16;
    target[out++] = quad >>> 8;
    target[out++] = quad;
  }
  const last = (digitAt(uuid, 20) << 6) | digitAt(uuid, 21);
  target[out] = last >>> 4;
  if ((union | last) < 0 || (last & 15) !== 0) {
    throw new EncodeError(`not a uuid in base64url form: ${JSON.stringify(uuid)}`);
  }
}

/** True for the text form of a 16-byte id; spare bits of the last character must be zero. */
export function isUuid(text: string): boolean {
  if (text.length !== UUID_CHARS) return false;
  for (let i = 0; i < UUID_CHARS; i++) if (digitAt(text, i) < 0) return false;
  return (digitAt(text, 21) & 15) === 0;
}

/**
 * A random version 4 id. Never one of the reserved values, and never starting with `-`, so that it
 * can stand as a command-line argument.
 * @param fill fills the given memory with random bytes.
 */
export function randomUuid(fill: (target: Uint8Array) => void): Uuid {
  const bytes = new Uint8Array(UUID_BYTES);
  for (;;) {
    fill(bytes);
    bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
    const uuid = uuidFromBytes(bytes, 0);
    if (!uuid.startsWith('-')) return uuid;
  }
}

function digitAt(text: string, index: number): number {
  const code = text.charCodeAt(index);
  return code < 128 ? (digitOfCode[code] as number) : -1;
}
