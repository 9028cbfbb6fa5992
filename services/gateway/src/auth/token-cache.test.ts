import { expect, test } from 'vitest';
import { TokenCache } from './token-cache.ts';

test('C50: ever new tokens push out the one unused for longest', () => {
  const cache = new TokenCache<number>(100);
  for (let i = 0; i < 1000; i++) {
    cache.set(`${i}`, i);
    expect(cache.get('0')).toBe(0);
    expect(cache.size).toBeLessThanOrEqual(100);
  }
  expect(cache.get('1')).toBeUndefined();
  expect(cache.get('999')).toBe(999);
});
