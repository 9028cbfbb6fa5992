import { silentLogger } from '@millrace/base';
import { GapReason, Policy } from '@millrace/gateway-protocol';
import { expect, test } from 'vitest';
import type { Cursor } from './contract.ts';
import { RateLimit } from './rate-limit.ts';
import { Bench } from './testing/bench.ts';
import { BusyClock } from './testing/busy-clock.ts';
import { ModelSource } from './testing/model-source.ts';
import type { Reader } from './testing/reader.ts';

test('without credit no frame is made or kept: LATEST and CONFLATE_KEY see what is new when it comes', async () => {
  const bench = new Bench();
  const window = { bytes: 0 };
  const newest = bench.connect();
  const newestCursor = bench.attach(newest, { policy: Policy.LATEST, window });
  const merged = bench.connect();
  const mergedCursor = bench.attach(merged, { policy: Policy.CONFLATE_KEY, window });
  await bench.pass();
  for (let i = 0; i < 5; i++) {
    bench.source.append({ key: 'k', value: `${i}` });
    await bench.pass();
  }
  window.bytes = 1 << 20;
  bench.fanOut.wake(newest);
  bench.fanOut.wake(merged);
  await bench.pass();
  const seen = newest.stream(newestCursor.streamId);
  expect(seen.records.map(({ value }) => value)).toEqual(['4']);
  expect(seen.gaps).toEqual([{ from: 0, to: 4, reason: GapReason.OVERFLOW }]);
  const latest = merged.stream(mergedCursor.streamId);
  expect(latest.records.map(({ value }) => value)).toEqual(['4']);
  expect(bench.metrics.framesEncoded.with().value).toBe(2);
});

test('a client that does not read or waits for its rate keeps no frame that grows old', async () => {
  const bench = new Bench();
  const policy = Policy.LATEST;
  const stopped = bench.connect();
  const stoppedCursor = bench.attach(stopped, { policy });
  const rated = bench.connect();
  const ratedCursor = bench.attach(rated, { policy, rate: new RateLimit(1) });
  await bench.pass();
  stopped.client.stopReading(0);
  bench.source.append({ value: 'x'.repeat(60_000) });
  await bench.pass();
  for (let i = 0; i < 5; i++) {
    bench.source.append({ value: `${i}`.padEnd(10_000) });
    await bench.pass(5);
  }
  stopped.client.read();
  await bench.pass(3000);
  const offsets = (reader: Reader, { streamId }: Cursor) =>
    reader.stream(streamId).records.map(({ offset }) => offset);
  expect(offsets(stopped, stoppedCursor)).toEqual([0, 5]);
  // A rate may be overdrawn by one frame.
  expect(offsets(rated, ratedCursor)).toEqual([0, 1, 5]);
});

test('steps that cost nothing go on without credit', async () => {
  const bench = new Bench({ recordMaxBytes: 1000 });
  const reader = bench.connect();
  const cursor = bench.attach(reader, { window: { bytes: 0 } });
  await bench.pass();
  bench.source.append({ value: 'x'.repeat(2000) });
  await bench.pass();
  expect(reader.stream(cursor.streamId).gaps).toEqual([
    { from: 0, to: 1, reason: GapReason.OVERSIZE },
  ]);
});

test('JSON that ran out of credit within a block goes on where it stopped', async () => {
  const bench = new Bench();
  const reader = bench.connect(true);
  const window = { bytes: 1 };
  const cursor = bench.attach(reader, { window });
  bench.source.append(...Array.from({ length: 3 }, () => ({ value: '\u0001'.repeat(13_000) })));
  const stream = reader.stream(cursor.streamId);
  for (let pieces = 1; pieces <= 3; pieces++) {
    await bench.pass();
    expect(stream.position).toBe(pieces);
    window.bytes = 1;
    bench.fanOut.wake(reader);
  }
});

test('a record beyond the limit is a gap for CONFLATE_KEY too', async () => {
  const bench = new Bench({ recordMaxBytes: 1000 });
  const readers = [bench.connect(), bench.connect()];
  const cursors = readers.map((reader) => bench.attach(reader, { policy: Policy.CONFLATE_KEY }));
  await bench.pass();
  readers[1]?.client.stopReading(0);
  bench.source.append({ key: 'a' }, { key: 'b', value: 'x'.repeat(2000) }, { key: 'c' });
  await bench.pass();
  bench.source.append({ key: 'a', value: 'new' });
  await bench.pass();
  readers[1]?.client.read();
  await bench.pass(100);
  readers.forEach((reader, i) => {
    const stream = reader.stream(cursors[i]?.streamId ?? -1);
    expect(stream.gaps).toEqual([{ from: 1, to: 2, reason: GapReason.OVERSIZE }]);
    expect(new Map(stream.records.map(({ key, value }) => [key, value]))).toEqual(
      new Map([
        ['a', 'new'],
        ['c', 'v'],
      ]),
    );
  });
});

test('who paused while it waited for a read goes on after Resume', async () => {
  const bench = new Bench({ coldConcurrency: 1 });
  const { source } = bench;
  source.append(...Array.from({ length: 5000 }, () => ({ value: 'x'.repeat(100) })));
  source.readBytes = 20_000;
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const readOnce = source.readOnce.bind(source);
  source.readOnce = async (place, isolation, offset) => {
    const read = await readOnce(place, isolation, offset);
    if (offset === 0) await held;
    return read;
  };
  // The feed opens for somebody at the end.
  bench.attach(bench.connect(), { startOffset: 5000 });
  await bench.pass();
  const [first, second] = [bench.connect(), bench.connect()];
  const reading = bench.attach(first);
  const waiting = bench.attach(second, { startOffset: 3000 });
  await bench.pass();
  expect(source.singleReads).toEqual([0]);
  waiting.pause();
  reading.detach();
  release();
  await bench.pass();
  waiting.resume();
  await bench.pass(200);
  expect(second.stream(waiting.streamId).records).toHaveLength(2000);
});

test('records that came during a tick whose time was up at the last connection are delivered', async () => {
  const clock = new BusyClock();
  const source = new ModelSource();
  const bench = new Bench({}, { source, clock, log: silentLogger });
  const readers = Array.from({ length: 128 }, () => bench.connect());
  const topicId = source.topicId;
  const cursors = readers.map((reader) => bench.attach(reader, { topicId }));
  const settle = () => clock.manual.advanceAsync(50, 0.5);
  await settle();
  let received = 0;
  for (const reader of readers) {
    const receive = reader.receive.bind(reader);
    reader.receive = (message) => {
      receive(message);
      received++;
      // A tick looks at the clock after 64 connections; the next records come after the first of two ticks.
      if (received === 64) source.append({ value: 'second' });
      if (received === 64 || received === 128) clock.spentMs += 10;
    };
  }
  source.append({ value: 'first' });
  await settle();
  for (const [i, reader] of readers.entries()) {
    const { records } = reader.stream(cursors[i]?.streamId ?? -1);
    expect(records.map(({ value }) => value)).toEqual(['first', 'second']);
  }
});
