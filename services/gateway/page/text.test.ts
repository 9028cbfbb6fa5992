import { expect, test } from 'vitest';
import { dateText, timeText } from './text.ts';

test('a time beyond all dates is shown as what it is', () => {
  const last = 8.64e15;
  expect(dateText(last)).toBe('+275760-09-13T00:00:00.000Z');
  expect(dateText(last + 1)).toBe('no date: 8640000000000001 ms');
  expect(timeText(last + 1, 0)).toBe('no date: 8640000000000001 ms');
});
