import { ManualClock } from '@millrace/base';
import { describe, expect, it } from 'vitest';
import { Delayed, Purgatory } from './purgatory.ts';

function setUp() {
  const clock = new ManualClock();
  const expired: string[] = [];
  const purgatory = new Purgatory(clock, (body) => body());
  const delayed = (name: string) => new Delayed(() => expired.push(name));
  const add = (name: string, waitMs: number) => {
    const item = delayed(name);
    purgatory.add(item, clock.monotonicMs(), waitMs);
    return item;
  };
  return { clock, expired, purgatory, add };
}

describe('purgatory', () => {
  it('expires what waits, not early and at most a slot late', () => {
    const { clock, expired, add } = setUp();
    add('a', 10);
    add('b', 500);
    clock.advance(9);
    expect(expired).toEqual([]);
    clock.advance(6);
    expect(expired).toEqual(['a']);
    clock.advance(484);
    expect(expired).toEqual(['a']);
    clock.advance(6);
    expect(expired).toEqual(['a', 'b']);
  });

  it('does not expire what was taken out', () => {
    const { clock, expired, purgatory, add } = setUp();
    const item = add('a', 10);
    add('b', 10);
    purgatory.remove(item);
    purgatory.remove(item);
    expect(purgatory.count).toBe(1);
    clock.advance(50);
    expect(expired).toEqual(['b']);
    expect(purgatory.count).toBe(0);
  });

  it('keeps waits longer than a turn of the wheel', () => {
    const { clock, expired, add } = setUp();
    add('long', 300_000);
    add('short', 100);
    clock.advance(299_000);
    expect(expired).toEqual(['short']);
    clock.advance(2_000);
    expect(expired).toEqual(['short', 'long']);
  });

  it('wakes for an earlier deadline that comes later', () => {
    const { clock, expired, add } = setUp();
    add('late', 1_000);
    clock.advance(100);
    add('early', 20);
    clock.advance(24);
    expect(expired).toEqual(['early']);
  });

  it('lets an expired item wait again at once', () => {
    const { clock, purgatory } = setUp();
    let times = 0;
    const item: Delayed = new Delayed(() => {
      times++;
      if (times < 3) purgatory.add(item, clock.monotonicMs(), 10);
    });
    purgatory.add(item, clock.monotonicMs(), 10);
    clock.advance(100);
    expect(times).toBe(3);
  });
});
