import { describe, expect, it } from 'vitest';
import { seededPrng, systemRandom } from './prng.ts';

describe('seededPrng', () => {
  it('gives the same numbers for the same seed, others for another', () => {
    const draw = (seed: number) => {
      const prng = seededPrng(seed);
      return Array.from({ length: 8 }, () => prng.uint32());
    };
    expect(draw(42)).toEqual(draw(42));
    expect(draw(42)).not.toEqual(draw(43));
  });

  it('spreads evenly below a bound', () => {
    const prng = seededPrng(7);
    const counts = new Array<number>(6).fill(0);
    for (let i = 0; i < 60_000; i++) counts[prng.below(6)] = (counts[prng.below(6)] ?? 0) + 1;
    for (const count of counts) expect(count).toBeGreaterThan(8000);
  });

  it('fills every byte', () => {
    const bytes = new Uint8Array(4099);
    systemRandom.fill(bytes);
    expect(bytes.filter((byte) => byte === 0).length).toBeLessThan(100);
    expect(systemRandom.float()).toBeLessThan(1);
  });
});
