import { silentLogger } from '@millrace/base';
import { expect, test } from 'vitest';
import { Bench } from './testing/bench.ts';
import { BusyClock } from './testing/busy-clock.ts';
import { ModelSource } from './testing/model-source.ts';

/**
 * How many of 40 readers have a record that takes ten ms of work, so many ms after a tick of that work and so many new
 * streams, each of a connection of its own or all of one that reads already.
 */
async function servedAfter(streams: number, areOfOne = false): Promise<number> {
  const clock = new BusyClock();
  const source = new ModelSource();
  const bench = new Bench({}, { source, clock, log: silentLogger });
  const { topicId } = source;
  const readers = Array.from({ length: 40 }, () => bench.connect());
  for (const reader of readers) bench.attach(reader, { topicId });
  await clock.manual.advanceAsync(50, 0.5);
  let received = 0;
  for (const [i, reader] of readers.entries()) {
    const receive = reader.receive.bind(reader);
    reader.receive = (message) => {
      receive(message);
      received++;
      if (i === 0) clock.spentMs += 10;
    };
  }
  const [known = bench.connect()] = readers;
  for (let lane = 1; lane <= streams; lane++)
    bench.attach(areOfOne ? known : bench.connect(), { topicId, lane, startOffset: -1 });
  source.append({ value: 'first' });
  // To the end of the first tick, and no further.
  while (received < 40) await clock.manual.advanceAsync(0.5, 0.5);
  source.append({ value: 'second' });
  await clock.manual.advanceAsync(15, 0.5);
  return received - 40;
}

test('while many connections come, delivery rests after each tick; one that subscribes often is no crowd', async () => {
  expect(await servedAfter(1)).toBe(40);
  expect(await servedAfter(20)).toBe(0);
  expect(await servedAfter(20, true)).toBe(40);
});
