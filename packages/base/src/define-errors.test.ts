import { describe, expect, it } from 'vitest';
import { defineErrors } from './define-errors.ts';
import { eachLimited } from './each-limited.ts';

const errors = defineErrors({
  dirLocked: {
    code: 6,
    kind: 'environment',
    sentence: 'Another process holds the directory.',
    advice: 'Stop it, or use another directory.',
  },
  badName: {
    code: 13,
    kind: 'input',
    wire: 17,
    sentence: 'Not a name.',
    advice: 'Choose another.',
  },
});

describe('defineErrors', () => {
  it('makes errors with a stable code that say what they are about', () => {
    const error = errors.create('dirLocked', '/data');
    expect(error.message).toBe('Another process holds the directory. /data');
    expect(error.code).toBe(6);
    expect(error.name).toBe('dirLocked');
    expect(errors.is(error, 'dirLocked')).toBe(true);
    expect(errors.is(error, 'badName')).toBe(false);
    expect(errors.is(new Error('x'), 'badName')).toBe(false);
  });

  it('refuses one code for two errors', () => {
    const row = { code: 1, kind: 'bug', sentence: '', advice: '' } as const;
    expect(() => defineErrors({ a: row, b: row })).toThrow('code 1 is defined twice');
  });
});

describe('eachLimited', () => {
  it('never has more at a time than the limit, and does all', async () => {
    let running = 0;
    let most = 0;
    const done: number[] = [];
    await eachLimited([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      await Promise.resolve();
      running--;
      done.push(item);
    });
    expect(most).toBe(3);
    expect(done.toSorted()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('starts nothing after an error and rejects with the first', async () => {
    const started: number[] = [];
    const running = eachLimited([1, 2, 3, 4, 5, 6], 2, async (item) => {
      started.push(item);
      await Promise.resolve();
      if (item === 2) throw new Error('two');
    });
    await expect(running).rejects.toThrow('two');
    expect(started.length).toBeLessThan(6);
  });
});
