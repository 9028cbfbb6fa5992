import type { Prng } from '@millrace/base';

/** Numbers at which lengths, counts and offsets go wrong. */
const WORDS: readonly number[] = [
  0, 1, 2, 3, 4, 7, 8, 16, 0x7f, 0xff, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffff8,
  0xfffffffc, 0xffffffff,
];

/** Text at which JSON readers go wrong. */
const FRAGMENTS: readonly string[] = [
  '"__proto__":{}',
  '"constructor":1,',
  '"prototype"',
  '\\ud800',
  '\\u0000',
  '\\u005f',
  '\ufeff',
  '\u2028',
  '\u0000',
  '{"b64":"/w=="}',
  '{"b64":"',
  '[[[[[[[[[[[[[[[[[',
  '{"not":',
  '{"and":[',
  '{"key":null}',
  '\n',
  '\\',
  '"',
  ':',
  ',',
  '}',
  ']',
  '{',
  '[',
  'null',
  'true',
  '-',
  '-0',
  '1e999',
  '1.5',
  '9007199254740993',
  '"9223372036854775808"',
  '"t":"hello",',
  '"sub":1,',
  ' ',
];
const PIECES = FRAGMENTS.map((text) => new TextEncoder().encode(text));

/** A changed copy of a binary message; `others` lend parts. Mostly its first length is set right again. */
export function mutateBinary(
  message: Uint8Array,
  others: readonly Uint8Array[],
  prng: Prng,
): Uint8Array {
  const bytes = mutateBytes(message, others, prng);
  if (prng.below(8) === 0) return bytes;
  const whole = new Uint8Array(Math.max(16, (bytes.length + 7) & ~7));
  whole.set(bytes);
  // One frame, or two where the message had that many.
  const view = new DataView(whole.buffer);
  const first = view.getUint32(0, true) + 4;
  if (first % 8 !== 0 || first < 16 || first > whole.length - 16)
    view.setUint32(0, whole.length - 4, true);
  else view.setUint32(first, whole.length - first - 4, true);
  return whole;
}

/** A changed copy of a JSON message. */
export function mutateText(
  message: Uint8Array,
  others: readonly Uint8Array[],
  prng: Prng,
): Uint8Array {
  let bytes = message;
  for (let turns = 1 + prng.below(4); turns > 0 && bytes.length > 0; turns--) {
    bytes = changeBytes(bytes, others, prng, () => {
      const at = prng.below(bytes.length);
      const cut = prng.below(2) * prng.below(Math.min(12, bytes.length - at));
      return spliced(bytes, at, cut, PIECES[prng.below(PIECES.length)] as Uint8Array);
    });
  }
  return bytes;
}

/** A changed copy of bytes that have no lengths to set right. */
export function mutateBytes(
  input: Uint8Array,
  others: readonly Uint8Array[],
  prng: Prng,
): Uint8Array {
  let bytes = input;
  for (let turns = 1 + prng.below(4); turns > 0 && bytes.length > 0; turns--) {
    bytes = changeBytes(bytes, others, prng, () => changeWord(bytes, prng));
  }
  return bytes;
}

function changeBytes(
  bytes: Uint8Array,
  others: readonly Uint8Array[],
  prng: Prng,
  special: () => Uint8Array,
): Uint8Array {
  const at = prng.below(bytes.length);
  const other = others[prng.below(others.length)] as Uint8Array;
  switch (prng.below(10)) {
    case 0:
      return bytes.with(at, prng.below(256));
    case 1:
    case 2:
      return bytes.with(at, (bytes[at] as number) ^ (1 << prng.below(8)));
    case 3:
      return bytes.subarray(0, at);
    case 4:
      return spliced(bytes, at, prng.below(Math.min(16, bytes.length - at)), new Uint8Array(0));
    case 5:
      return spliced(bytes, at, 0, bytes.subarray(at, at + prng.below(32)));
    case 6: {
      const from = prng.below(other.length);
      const part = other.subarray(from, from + 1 + prng.below(64));
      return spliced(bytes, at, prng.below(2) * Math.min(part.length, bytes.length - at), part);
    }
    default:
      return special();
  }
}

/** Puts a telling number at any place of its size. */
function changeWord(bytes: Uint8Array, prng: Prng): Uint8Array {
  if (bytes.length < 4) return bytes;
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  const value =
    prng.below(4) === 0 ? prng.below(bytes.length) : (WORDS[prng.below(WORDS.length)] as number);
  if (prng.below(2) === 0) view.setUint16(prng.below(bytes.length >> 1) * 2, value, true);
  else view.setUint32(prng.below(bytes.length >> 2) * 4, value, true);
  return copy;
}

/** Without `cut` bytes at `at`, and with `part` there. */
function spliced(bytes: Uint8Array, at: number, cut: number, part: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length - cut + part.length);
  out.set(bytes.subarray(0, at));
  out.set(part, at);
  out.set(bytes.subarray(at + cut), at + part.length);
  return out;
}
