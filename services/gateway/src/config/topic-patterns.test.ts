import { expect, it } from 'vitest';
import { topicMatcher } from './topic-patterns.ts';

it('takes names, prefixes and everything', () => {
  const isListed = topicMatcher(['orders', 'log.*']);
  expect(['orders', 'log.', 'log.a'].every(isListed)).toBe(true);
  expect(['orders2', 'order', 'log', ''].some(isListed)).toBe(false);
  expect(topicMatcher(['*'])('anything')).toBe(true);
  expect(topicMatcher([])('anything')).toBe(false);
});
