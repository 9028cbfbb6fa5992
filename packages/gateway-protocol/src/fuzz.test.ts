import { expect, test } from 'vitest';
import { fuzz } from '../fuzz/fuzzer.ts';

test('20,000 mutated messages: no throw, no byte beside them, bounded time and memory', () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const result = fuzz({ frames: 20_000, seed });
  const outcomes = Object.keys(result.outcomes);
  expect(outcomes, `seed ${seed}`).toEqual(
    expect.arrayContaining(['ok', 'refused', 'V1', 'V2', 'V3', 'V4', 'V5', 'V6']),
  );
  expect(result.micros, `seed ${seed}`).toBeLessThan(100);
  expect(result.heapPerByte, `seed ${seed}`).toBeLessThan(32);
});
