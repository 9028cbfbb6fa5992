import { ManualClock } from '@millrace/base';
import { ErrorCode } from '@millrace/gateway-protocol';
import { expect, test, vi } from 'vitest';
import { sessionLimits } from '../limits.ts';
import { FakeUpstream } from '../session/testing/fake-upstream.ts';
import { UpstreamError } from '../upstream-error.ts';
import { PositionQueries } from './position-queries.ts';

function bench() {
  const clock = new ManualClock();
  const upstream = new FakeUpstream();
  const [partition] = upstream.create('t');
  if (partition === undefined) throw new Error('no partition');
  partition.end = 100;
  const times = vi.spyOn(upstream, 'offsetForTime');
  const queries = new PositionQueries(upstream, clock);
  const timeOf = (timestampMs: number) => queries.offsetForTime('t', 0, timestampMs, 0);
  return { clock, upstream, partition, queries, times, timeOf };
}

test('C10: bounds and ends of epochs are as of the question or later', async () => {
  const { partition, queries } = bench();
  for (let end = 100; end < 110; end++) {
    partition.end = end;
    const [bounds, epochEnd] = await Promise.all([
      queries.bounds('t', 0, 0),
      queries.epochEnd('t', 0, 0),
    ]);
    expect([bounds.end, epochEnd.endOffset]).toEqual([end, end]);
  }
});

test('an answer about a time is good for a second', async () => {
  const { clock, partition, times, timeOf } = bench();
  partition.times.set(7, 5000);
  expect(await timeOf(5000)).toMatchObject({ offset: 7 });
  await clock.advanceAsync(999, 999);
  await Promise.all([timeOf(5000), timeOf(5000)]);
  expect(times).toHaveBeenCalledTimes(1);
  await clock.advanceAsync(1, 1);
  await timeOf(5000);
  expect(times).toHaveBeenCalledTimes(2);
});

test('failures are not remembered', async () => {
  const { times, timeOf } = bench();
  times.mockRejectedValueOnce(new UpstreamError(ErrorCode.LEADER_UNAVAILABLE, 'no leader'));
  await expect(timeOf(1)).rejects.toThrow('no leader');
  expect(await timeOf(1)).toBeNull();
});

test('so many answers about times are remembered, and the oldest is forgotten first', async () => {
  const { times, timeOf } = bench();
  const max = sessionLimits.timeAnswersMax;
  for (let timestampMs = 0; timestampMs <= max; timestampMs++) await timeOf(timestampMs);
  times.mockClear();
  await timeOf(max);
  await timeOf(1);
  expect(times).not.toHaveBeenCalled();
  await timeOf(0);
  expect(times).toHaveBeenCalledTimes(1);
});
