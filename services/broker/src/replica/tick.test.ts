import { type Clock, systemClock } from '@millrace/base';
import { expect, it } from 'vitest';
import type { AppendPlan } from '../log/append-plan.ts';
import { Tick } from './tick.ts';

function setUp() {
  const done: string[] = [];
  const plan = { isEmpty: true, commit: () => done.push('commit'), onPending: () => {} };
  const clock: Clock = systemClock;
  const tick = new Tick(clock, plan as unknown as AppendPlan);
  const failures: unknown[] = [];
  tick.onFailure = (error) => failures.push(error);
  tick.flushReplies = () => done.push('flush');
  return { tick, done, failures };
}

it('writes and answers although the body or a hook throws', () => {
  const { tick, done, failures } = setUp();
  const broken = () => {
    throw new Error('a bug');
  };
  tick.beforeFlush(broken);
  tick.beforeFlush(() => done.push('before'));
  tick.afterCommit(broken);
  tick.afterCommit(() => done.push('after'));
  tick.run(broken);
  expect(done).toEqual(['before', 'commit', 'after', 'flush']);
  expect(failures).toHaveLength(3);
  tick.run(() => done.push('again'));
  expect(done.slice(4)).toEqual(['again', 'before', 'commit', 'after', 'flush']);
});
