import { expect, test } from 'vitest';
import { Bench } from './testing/bench.ts';

const value = 'x'.repeat(100);

function manyRecords(count: number) {
  return Array.from({ length: count }, () => ({ value }));
}

test('after a restart thousands come back to places that differ a little: one way through the log, for all', async () => {
  const bench = new Bench();
  const { source } = bench;
  source.append(...manyRecords(5000));
  source.readBytes = 20_000;
  const places = [2900, 3100, 2500, 3000, 5000];
  // Whoever names a place that is none is alone with it.
  bench.fanOut.reserve(bench.options(bench.connect(), {}), 1e12).release();
  const comers = places.map((startOffset) => {
    const reader = bench.connect();
    // The stream is told to the client first, and attached when its place is known.
    const reservation = bench.fanOut.reserve(bench.options(reader, {}), startOffset);
    return { reader, reservation, startOffset };
  });
  const readers = [];
  for (const { reader, reservation, startOffset } of comers) {
    await bench.pass(1);
    const { streamId } = bench.attach(reader, { startOffset });
    reservation.release();
    readers.push({ reader, streamId, startOffset });
  }
  await bench.pass(200);
  source.append(...manyRecords(10));
  await bench.pass();
  expect(source.singleReads, 'nobody is behind the ring').toEqual([]);
  for (const { reader, streamId, startOffset } of readers) {
    const stream = reader.stream(streamId);
    expect(stream.records.map(({ offset }) => offset)).toEqual(
      Array.from({ length: 5010 - startOffset }, (_, at) => startOffset + at),
    );
    expect(stream.caughtUp, 'not at the end of what was read so far').toEqual([5000]);
  }
});

test('a log that does not fit into the ring is not read through it: the ring begins at its end', async () => {
  const bench = new Bench({ ringPartitionBytes: 100_000 });
  const { source } = bench;
  source.append(...manyRecords(5000));
  source.readBytes = 20_000;
  const [first, live] = [bench.connect(), bench.connect()];
  const reading = bench.attach(first);
  const waiting = bench.attach(live, { startOffset: 5000 });
  await bench.pass(10);
  source.append(...manyRecords(1));
  await bench.pass();
  expect(live.stream(waiting.streamId).records.map(({ offset }) => offset)).toEqual([5000]);
  expect(source.singleReads.length).toBeGreaterThan(0);
  await bench.pass(500);
  const stream = first.stream(reading.streamId);
  expect(stream.records).toHaveLength(5001);
  expect(stream.caughtUp).toHaveLength(1);
  expect(stream.caughtUp[0]).toBeGreaterThanOrEqual(5000);
});
