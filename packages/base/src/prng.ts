import { assert } from './assert.ts';

/** A source of chance. */
export interface Prng {
  /** 0 to 2^32 - 1. */
  uint32(): number;
  /** At least 0, below 1. */
  float(): number;
  /** At least 0, below `bound` (at most 2^32). */
  below(bound: number): number;
  /** Fills `target` with random bytes. */
  fill(target: Uint8Array): void;
}

/** The same numbers for the same seed, on every machine. For tests and simulation, not for secrets. */
export function seededPrng(seed: number): Prng {
  // xoshiro128**, its state spread from the seed by splitmix32.
  let spread = seed >>> 0;
  const splitmix = (): number => {
    spread = (spread + 0x9e3779b9) >>> 0;
    let z = spread;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  let a = splitmix();
  let b = splitmix();
  let c = splitmix();
  let d = splitmix();
  return fromUint32(() => {
    const scrambled = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return scrambled;
  });
}

const pool = new Uint32Array(256);
let poolLeft = 0;

/** The platform's cryptographic source, drawn in blocks. */
export const systemRandom: Prng = fromUint32(() => {
  if (poolLeft === 0) {
    crypto.getRandomValues(pool);
    poolLeft = pool.length;
  }
  return pool[--poolLeft] as number;
});

function fromUint32(uint32: () => number): Prng {
  const below = (bound: number): number => {
    assert(Number.isInteger(bound) && bound > 0 && bound <= 2 ** 32, `bad bound ${bound}`);
    // Draws at or above the largest multiple of the bound would favour the low numbers.
    const limit = 2 ** 32 - (2 ** 32 % bound);
    for (;;) {
      const draw = uint32();
      if (draw < limit) return draw % bound;
    }
  };
  return {
    uint32,
    float: () => uint32() / 2 ** 32,
    below,
    fill(target) {
      for (let i = 0; i < target.length; i += 4) {
        let word = uint32();
        for (let j = i; j < Math.min(i + 4, target.length); j++) {
          target[j] = word;
          word >>>= 8;
        }
      }
    },
  };
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
