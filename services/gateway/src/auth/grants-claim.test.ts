import { FilterOp } from '@millrace/gateway-protocol';
import { describe, expect, test } from 'vitest';
import { openGrants } from './grants.ts';
import { grantsOf, readGrantsClaim } from './grants-claim.ts';
import { keyMatches } from './pattern.ts';

const grants = (mr: object, sub = 'ann') => grantsOf(readGrantsClaim({ v: 1, ...mr }, sub));
const read = (topic: string, more: object = {}) => ({ read: [{ topic, ...more }] });
const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

describe('patterns of topics', () => {
  test.each([
    ['orders', 'orders', true],
    ['orders', 'orders2', false],
    ['orders.*', 'orders.eu', true],
    ['orders.*', 'orders', false],
    ['*', 'anything', true],
    ['*', '__consumer_offsets', false],
    ['__*', '__consumer_offsets', false],
    ['__consumer_offsets', '__consumer_offsets', true],
    ['user.{sub}.in', 'user.ann.in', true],
    ['user.{sub}.in', 'user.bob.in', false],
    ['a*b', 'a*b', true],
    ['a*b', 'axb', false],
    ['.*', 'orders', false],
  ])('%s and %s: %s', (pattern, topic, allowed) => {
    expect(grants(read(pattern)).mayRead(topic) !== null).toBe(allowed);
  });

  test('a subject is never a pattern, and no tenant opens nothing', () => {
    expect(grants(read('{sub}'), '*').mayRead('orders')).toBeNull();
    expect(grants(read('{sub}'), '*').mayRead('*')).not.toBeNull();
    expect(grants(read('{tenant}*')).mayRead('orders')).toBeNull();
    expect(grants({ tenant: 'acme', ...read('{tenant}.*') }).mayRead('acme.x')).not.toBeNull();
    expect(grants({ write: [{ topic: 'a', key: '{tenant}*' }] }).mayWrite('a')).toBeNull();
  });
});

test('without a claim nothing is granted', () => {
  const none = grantsOf(readGrantsClaim(undefined, 'ann'));
  expect([none.mayRead('a'), none.mayWrite('a'), none.mayCommit('a')]).toEqual([null, null, false]);
});

test('the first entry that matches decides', () => {
  const both = grants({
    read: [
      { topic: 'orders', partitions: [1] },
      { topic: '*', watermark: true },
    ],
  });
  expect(both.mayRead('orders')).toMatchObject({ partitions: new Set([1]), watermark: false });
  expect(both.mayRead('other')).toMatchObject({ partitions: null, watermark: true });
});

test('key and header become a filter', () => {
  const filter = grants(
    read('a', { key: '{sub}.*', header: { name: 'to', value: '{sub}' } }),
  ).mayRead('a')?.filter;
  expect(filter?.map(({ op, arity, name }) => [op, arity, name])).toEqual([
    [FilterOp.KEY_PREFIX, 0, null],
    [FilterOp.HEADER_EQ, 0, 'to'],
    [FilterOp.AND, 2, null],
  ]);
  expect(text(filter?.[0]?.values[0])).toBe('ann.');
  expect(grants(read('a')).mayRead('a')?.filter).toBeNull();
});

test('keys to write', () => {
  const key = (pattern: string) =>
    grants({ write: [{ topic: 'a', key: pattern }] }).mayWrite('a')?.key;
  const bytes = (value: string) => new TextEncoder().encode(value);
  const literal = key('{sub}');
  const prefix = key('{sub}.*');
  if (!literal || !prefix) throw new Error('no pattern');
  expect([
    keyMatches(literal, bytes('ann')),
    keyMatches(literal, bytes('ann2')),
    keyMatches(literal, null),
  ]).toEqual([true, false, false]);
  expect([keyMatches(prefix, bytes('ann.1')), keyMatches(prefix, bytes('ann'))]).toEqual([
    true,
    false,
  ]);
});

test.each<[unknown]>([
  [null],
  ['*'],
  [[]],
  [{}],
  [{ v: 2 }],
  [{ v: 1, reed: [] }],
  [{ v: 1, read: 'orders' }],
  [{ v: 1, read: [{ topic: 7 }] }],
  [{ v: 1, read: [{ topic: '' }] }],
  [{ v: 1, read: [{ topic: 'a', kee: 'x' }] }],
  [{ v: 1, read: [{ topic: 'a', watermark: 'yes' }] }],
  [{ v: 1, read: [{ topic: 'a', partitions: [-1] }] }],
  [{ v: 1, limits: { connections: 1.5 } }],
  [{ v: 1, read: new Array(257).fill({ topic: 'a' }) }],
])('%j is not understood, so nobody gets more than was meant', (claim) => {
  expect(() => readGrantsClaim(claim, 'ann')).toThrow(/is not understood/);
});

test('without tokens everything but internal topics is open', () => {
  expect(openGrants.mayRead('orders')).not.toBeNull();
  expect(openGrants.mayRead('__consumer_offsets')).toBeNull();
  expect(openGrants.mayWrite('__transaction_state')).toBeNull();
});
