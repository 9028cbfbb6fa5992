import { describe, expect, it } from 'vitest';
import { ManualClock } from './manual-clock.ts';

describe('ManualClock', () => {
  it('fires timers in the order of their instants, then of their arming', () => {
    const clock = new ManualClock(1000);
    const fired: string[] = [];
    clock.setTimer(20, () => fired.push(`b@${clock.monotonicMs()}`));
    clock.setTimer(10, () => fired.push(`a@${clock.monotonicMs()}`));
    clock.setTimer(20, () => fired.push(`c@${clock.nowMs()}`));
    clock.advance(19);
    expect(fired).toEqual(['a@10']);
    clock.advance(1);
    expect(fired).toEqual(['a@10', 'b@20', 'c@1020']);
    expect(clock.pendingCount).toBe(0);
  });

  it('repeats intervals until they are cancelled, also from within', () => {
    const clock = new ManualClock();
    let count = 0;
    const timer = clock.setInterval(5, () => {
      count++;
      if (count === 3) timer.cancel();
    });
    clock.advance(100);
    expect(count).toBe(3);
    expect(clock.pendingCount).toBe(0);
  });

  it('fires a timer that a timer armed when it is due on the way', () => {
    const clock = new ManualClock();
    const at: number[] = [];
    clock.setTimer(10, () => clock.setTimer(10, () => at.push(clock.monotonicMs())));
    clock.advance(25);
    expect(at).toEqual([20]);
    expect(clock.monotonicMs()).toBe(25);
  });

  it('lets the wall clock jump without moving timers', () => {
    const clock = new ManualClock(1000);
    let fired = false;
    clock.setTimer(10, () => {
      fired = true;
    });
    clock.jumpWallClock(-5000);
    expect(clock.nowMs()).toBe(-4000);
    expect(fired).toBe(false);
    clock.advance(10);
    expect(fired).toBe(true);
  });

  it('lets what came due while it stood still fire once and late, and the rest in time', () => {
    const clock = new ManualClock();
    const fired: string[] = [];
    clock.setInterval(10, () => fired.push(`interval@${clock.monotonicMs()}`));
    clock.setTimer(35, () => fired.push(`timer@${clock.monotonicMs()}`));
    clock.setTimer(105, () => fired.push(`later@${clock.monotonicMs()}`));
    clock.standStill(100);
    expect(fired).toEqual(['interval@100', 'timer@100']);
    clock.advance(10);
    expect(fired.slice(2)).toEqual(['later@105', 'interval@110']);
  });

  it('lets promises settle around each step', async () => {
    const clock = new ManualClock();
    const seen: number[] = [];
    const loop = async () => {
      for (let turn = 0; turn < 3; turn++) {
        await new Promise<void>((resolve) => {
          clock.setTimer(10, resolve);
        });
        seen.push(clock.monotonicMs());
      }
    };
    const running = loop();
    await clock.advanceAsync(30, 10);
    await running;
    expect(seen).toEqual([10, 20, 30]);
  });
});
