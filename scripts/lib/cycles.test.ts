import { expect, test } from 'vitest';
import { cyclesOf } from './cycles.ts';

test('a graph without a way back has no cycle', () => {
  const graph = new Map([
    ['a', ['b', 'c']],
    ['b', ['c']],
    ['c', []],
  ]);
  expect(cyclesOf(graph)).toEqual([]);
});

test('names one shortest way round for each knot', () => {
  const graph = new Map([
    ['a', ['b', 'outside']],
    ['b', ['c', 'a']],
    ['c', ['a']],
    ['x', ['x']],
    ['y', ['a']],
  ]);
  expect(cyclesOf(graph)).toEqual([
    ['a', 'b', 'a'],
    ['x', 'x'],
  ]);
});
