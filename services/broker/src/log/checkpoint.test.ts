import { describe, expect, it } from 'vitest';
import { CheckpointError, formatCheckpoint, parseCheckpoint, parseLogName } from './checkpoint.ts';

describe('checkpoint file', () => {
  it('reads what it writes, and what Kafka writes', () => {
    const offsets = new Map([
      ['orders-0', 12],
      ['a-b.c_d-11', 0],
    ]);
    expect(parseCheckpoint('f', formatCheckpoint(offsets))).toEqual(offsets);
    expect(parseCheckpoint('f', '0\n1\norders 0 12\n')).toEqual(new Map([['orders-0', 12]]));
  });

  it('takes an empty file for no entries', () => {
    expect(parseCheckpoint('f', '').size).toBe(0);
    expect(parseCheckpoint('f', '0\n0\n').size).toBe(0);
  });

  it.each(['1\n0\n', '0\n2\na 0 1\n', '0\n1\na 0\n', '0\n1\na 0 x\n', '0\n', 'junk'])(
    'refuses %j',
    (text) => {
      expect(() => parseCheckpoint('f', text)).toThrow(CheckpointError);
    },
  );
});

describe('log directory names', () => {
  it('cuts at the last dash', () => {
    expect(parseLogName('a-b-3')).toEqual({ topic: 'a-b', partition: 3 });
    expect(parseLogName('__consumer_offsets-49')).toEqual({
      topic: '__consumer_offsets',
      partition: 49,
    });
  });

  it.each([
    'orders',
    'orders-',
    '-1',
    'orders-01',
    'orders-x',
    'or/ders-1',
    'orders-0.0123456789abcdef0123456789abcdef-delete',
    '..-0',
    'orders-99999999999',
  ])('takes %j for none', (name) => {
    expect(parseLogName(name)).toBeNull();
  });
});
