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

/** Text form of the 16 bytes at `position`, which the caller knows to be there. */
export function uuidFromBytes(bytes: Uint8Array, position: number): Uuid {
  let nonZero = 0;
  for (let i = 0; i < UUID_BYTES; i++) nonZero |= bytes[position + i] as number;
  if (nonZero === 0) return ZERO_UUID;
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
 * Writes the 16 bytes of `uuid` at `position`.
 * @throws EncodeError when the text is not a 22-character base64url form of 16 bytes.
 */
export function uuidToBytes(uuid: Uuid, target: Uint8Array, position: number): void {
  if (!isUuid(uuid)) throw new EncodeError(`not a uuid in base64url form: ${JSON.stringify(uuid)}`);
  let out = position;
  for (let i = 0; i < 20; i += 4) {
    const quad =
      (digitAt(uuid, i) << 18) |
      (digitAt(uuid, i + 1) << 12) |
      (digitAt(uuid, i + 2) << 6) |
      digitAt(uuid, i + 3);
    target[out++] = quad >>> 16;
    target[out++] = quad >>> 8;
    target[out++] = quad;
  }
  target[out] = (digitAt(uuid, 20) << 2) | (digitAt(uuid, 21) >>> 4);
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
