import { ManualClock, seededPrng } from '@millrace/base';
import { describe, expect, it } from 'vitest';
import { FETCH_SESSION_PARTITIONS_MAX, FETCH_SESSIONS_PARTITIONS_TOTAL_MAX } from '../../limits.ts';
import { FetchSessionCache } from './fetch-session.ts';

function target(topic: string, index: number, fetchOffset = 0) {
  return {
    topic,
    topicId: '',
    index,
    fetchOffset,
    maxBytes: 100,
    currentLeaderEpoch: -1,
    lastFetchedEpoch: -1,
    sentHighWatermark: -2,
    sentLogStartOffset: -2,
  };
}

function setUp(slots = 2) {
  const clock = new ManualClock();
  return { clock, cache: new FetchSessionCache(clock, seededPrng(1), slots) };
}

describe('fetch sessions', () => {
  it('keep partitions and take over new offsets', () => {
    const { cache } = setUp();
    const session = cache.create(false);
    session?.put(target('a', 0));
    session?.put(target('a', 1));
    session?.put(target('a', 0, 77));
    expect([...(session?.targets ?? [])].map((each) => each.fetchOffset)).toEqual([77, 0]);
    session?.remove('a', 1);
    session?.remove('b', 9);
    expect(session?.targets.size).toBe(1);
  });

  it('serve those first that got nothing last time', () => {
    const { cache } = setUp();
    const session = cache.create(false);
    for (const index of [0, 1, 2]) session?.put(target('a', index));
    const first = session?.get('a', 0);
    if (first !== undefined) session?.moveToEnd(first);
    expect([...(session?.targets ?? [])].map((each) => each.index)).toEqual([1, 2, 0]);
  });

  it('count their epoch from 1 and wrap to 1', () => {
    const { cache } = setUp();
    const session = cache.create(false);
    if (session === undefined) throw new Error('no session');
    expect(session.epoch).toBe(1);
    session.epoch = 0x7fffffff;
    session.advanceEpoch();
    expect(session.epoch).toBe(1);
  });

  it('are not made when all slots are in use, and give way after two minutes without use', () => {
    const { cache, clock } = setUp();
    const first = cache.create(false);
    const second = cache.create(false);
    expect(cache.create(false)).toBeUndefined();
    clock.advance(119_000);
    if (second !== undefined) cache.touch(second);
    clock.advance(1_000);
    const third = cache.create(false);
    expect(third).toBeDefined();
    expect(cache.get(first?.id ?? 0)).toBeUndefined();
    expect(cache.get(second?.id ?? 0)).toBe(second);
    expect(cache.create(false)).toBeUndefined();
  });

  it('hold a bounded number of partitions, each and all together', () => {
    const { cache } = setUp(100);
    expect(cache.create(false, FETCH_SESSION_PARTITIONS_MAX + 1)).toBeUndefined();
    const session = cache.create(false);
    for (let i = 0; i < FETCH_SESSION_PARTITIONS_MAX; i++) session?.put(target('a', i));
    expect(session?.put(target('a', FETCH_SESSION_PARTITIONS_MAX))).toBe(false);
    expect(session?.put(target('a', 0, 9))).toBe(true);
    const rest = FETCH_SESSIONS_PARTITIONS_TOTAL_MAX - FETCH_SESSION_PARTITIONS_MAX;
    expect(cache.create(false, 1)).toBeDefined();
    const others = Array.from({ length: rest / FETCH_SESSION_PARTITIONS_MAX }, () => {
      const other = cache.create(false, FETCH_SESSION_PARTITIONS_MAX);
      for (let i = 0; i < FETCH_SESSION_PARTITIONS_MAX; i++) other?.put(target('b', i));
      return other;
    });
    expect(others).not.toContain(undefined);
    expect(cache.create(false, 1)).toBeUndefined();
    if (session !== undefined) cache.remove(session.id);
    expect(cache.create(false, FETCH_SESSION_PARTITIONS_MAX)).toBeDefined();
  });
});
