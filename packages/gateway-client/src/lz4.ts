import { ProtocolViolation } from './errors.ts';

const MIN_MATCH = 4;
/** A nibble of 15 goes on in bytes of 255 and a last one below. */
const LONG = 15;

/**
 * Decodes one LZ4 block, no frame around it, of exactly `rawSize` bytes.
 *
 * ```
 * token (literals ‹‹ 4 | match) · [more literal length] · literals · u16 distance · [more match length] · …
 * ```
 * The last sequence ends after its literals. Source: LZ4 block format description.
 * @throws ProtocolViolation when the input is no such block. Nothing is read or written outside.
 */
export function decodeLz4(input: Uint8Array, rawSize: number): Uint8Array {
  const output = new Uint8Array(rawSize);
  let from = 0;
  let to = 0;
  const length = (nibble: number): number => {
    if (nibble < LONG) return nibble;
    let sum = nibble;
    for (;;) {
      const more = input[from++];
      if (more === undefined || sum > rawSize) throw broken();
      sum += more;
      if (more !== 255) return sum;
    }
  };
  while (from < input.length) {
    const token = input[from++] as number;
    const literals = length(token >> 4);
    if (from + literals > input.length || to + literals > rawSize) throw broken();
    output.set(input.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    if (from === input.length) break;
    const distance = (input[from] as number) | ((input[from + 1] ?? 0) << 8);
    from += 2;
    const match = length(token & 15) + MIN_MATCH;
    if (from > input.length || distance === 0 || distance > to || to + match > rawSize)
      throw broken();
    // A match may overlap what it writes: then it repeats, byte by byte.
    if (distance >= match) output.copyWithin(to, to - distance, to - distance + match);
    else for (let i = 0; i < match; i++) output[to + i] = output[to + i - distance] as number;
    to += match;
  }
  if (to !== rawSize) throw broken();
  return output;
}

function broken(): ProtocolViolation {
  return new ProtocolViolation('a block that is not LZ4 of the size it says');
}
