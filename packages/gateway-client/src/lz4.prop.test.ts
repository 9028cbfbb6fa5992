import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ProtocolViolation } from './errors.ts';
import { decodeLz4 } from './lz4.ts';

/** Literals, then bytes that stand `distance` before. */
interface Sequence {
  readonly literals: Uint8Array;
  readonly distance: number;
  readonly match: number;
}

function lengthBytes(length: number): number[] {
  const bytes: number[] = [];
  let left = length - 15;
  for (; left >= 255; left -= 255) bytes.push(255);
  return length < 15 ? [] : [...bytes, left];
}

/** The block of those sequences and of last literals, and what it stands for. */
function encode(sequences: readonly Sequence[], last: Uint8Array) {
  const raw: number[] = [];
  const block: number[] = [];
  const token = (literals: number, match: number): void => {
    block.push((Math.min(literals, 15) << 4) | Math.min(match, 15), ...lengthBytes(literals));
  };
  for (const { literals, distance, match } of sequences) {
    raw.push(...literals);
    const back = 1 + (distance % Math.max(1, raw.length));
    if (raw.length === 0) continue;
    token(literals.length, match);
    block.push(...literals, back & 0xff, back >> 8, ...lengthBytes(match));
    for (let i = 0; i < match + 4; i++) raw.push(raw[raw.length - back] as number);
  }
  token(last.length, 0);
  block.push(...last);
  raw.push(...last);
  return { block: Uint8Array.from(block), raw: Uint8Array.from(raw) };
}

const sequence = fc.record({
  literals: fc.uint8Array({ maxLength: 40 }),
  distance: fc.nat(60_000),
  match: fc.oneof(fc.nat(20), fc.nat(600)),
});
const sequences = fc.array(sequence, { maxLength: 8 });

test('decodes what the format says', () => {
  fc.assert(
    fc.property(sequences, fc.uint8Array({ maxLength: 300 }), (all, last) => {
      const { block, raw } = encode(all, last);
      expect(decodeLz4(block, raw.length)).toEqual(raw);
    }),
  );
});

test('takes no other size, and nothing that is damaged leads outside', () => {
  fc.assert(
    fc.property(
      sequences,
      fc.nat(),
      fc.nat(255),
      fc.integer({ min: 1, max: 40 }),
      (all, at, to, by) => {
        const { block, raw } = encode(all, new Uint8Array(5));
        expect(() => decodeLz4(block, raw.length + by)).toThrow(ProtocolViolation);
        expect(() => decodeLz4(block, Math.max(0, raw.length - by))).toThrow(ProtocolViolation);
        block[at % block.length] = to;
        try {
          expect(decodeLz4(block, raw.length)).toHaveLength(raw.length);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolViolation);
        }
      },
    ),
  );
});
