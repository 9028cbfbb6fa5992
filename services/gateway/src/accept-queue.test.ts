import { createLogger, ManualClock } from '@millrace/base';
import { expect, test } from 'vitest';
import { AcceptQueue } from './accept-queue.ts';
import { acceptLimits } from './limits.ts';

const { queue: LONG, queueFlooded: SHORT, floodRefusals, calmRefusals, calmSeconds } = acceptLimits;

function start() {
  const clock = new ManualClock();
  const lines: string[] = [];
  const queue = new AcceptQueue(clock, createLogger({ sink: (line) => void lines.push(line) }));
  const lengths: number[] = [];
  const refuse = (count: number): void => {
    for (let index = 0; index < count; index++) queue.refused();
  };
  return { clock, queue, lengths, lines, refuse };
}

test('C46: fewer may wait to be accepted from a second full of refusals until ten calm ones', () => {
  const { clock, queue, lengths, refuse } = start();
  queue.attach((length) => void lengths.push(length));
  for (let second = 0; second < 3; second++) {
    refuse(floodRefusals - 1);
    clock.advance(1000);
  }
  expect(lengths).toEqual([]);
  refuse(2 * floodRefusals);
  expect(lengths).toEqual([SHORT]);
  clock.advance(1000);
  // One second that is not calm begins the count anew.
  clock.advance((calmSeconds - 1) * 1000);
  refuse(calmRefusals);
  clock.advance(1000);
  clock.advance((calmSeconds - 1) * 1000);
  expect(lengths).toEqual([SHORT]);
  refuse(calmRefusals - 1);
  clock.advance(1000);
  expect(lengths).toEqual([SHORT, LONG]);
  refuse(floodRefusals);
  expect(lengths).toEqual([SHORT, LONG, SHORT]);
  queue.close();
});

test('a queue that cannot be changed is a warning, and one that was never attached nothing', () => {
  const { queue, lines, refuse, clock } = start();
  refuse(floodRefusals);
  clock.advance((calmSeconds + 1) * 1000);
  queue.attach(() => {
    throw new Error('the system refuses');
  });
  refuse(floodRefusals);
  expect(lines.join()).toMatch(/WARN the accept queue could not be changed.*the system refuses/s);
  queue.close();
});
