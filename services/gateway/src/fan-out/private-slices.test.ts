import { RecordsFlag, readMessage, serverLimits } from '@millrace/gateway-protocol';
import { expect, test } from 'vitest';
import type { Cursor } from './contract.ts';
import { Bench } from './testing/bench.ts';
import type { Reader } from './testing/reader.ts';

/** Some blocks: what a ring of the test holds of them is about a third. */
const BLOCKS = 30;
const BLOCK_RECORDS = 40;
const RING_BYTES = 60_000;

async function live(bench: Bench, blocks: number): Promise<void> {
  for (let i = 0; i < blocks; i++) {
    const record = { key: 'k', value: 'x'.repeat(100) };
    bench.source.append(...Array.from({ length: BLOCK_RECORDS }, () => record));
    await bench.pass(20);
  }
}

/** Messages with records, byte for byte, each with what it covers. */
function framesOf(reader: Reader) {
  return reader.messages.flatMap(({ bytes }) => {
    const reading = readMessage(bytes, 'toClient', serverLimits);
    const [frame] = reading.ok ? reading.frames : [];
    if (frame?.kind !== 'records') return [];
    const isCold = (frame.flags & RecordsFlag.COLD) !== 0;
    return [{ from: Number(frame.fromOffset), hex: Buffer.from(bytes).toString('hex'), isCold }];
  });
}

/** How many frames were encoded during the work. */
async function encodedBy(bench: Bench, work: () => Promise<void>): Promise<number> {
  const before = bench.metrics.framesEncoded.with().value;
  await work();
  return bench.metrics.framesEncoded.with().value - before;
}

test('C19: only who comes into the middle of a block gets a slice of its own, once', async () => {
  const bench = new Bench({ ringPartitionBytes: RING_BYTES });
  const ahead = bench.connect();
  bench.attach(ahead);
  await bench.pass();
  await live(bench, BLOCKS);
  const last = framesOf(ahead).at(-2);
  const late = bench.connect();
  let cursor: Cursor | null = null;
  const encoded = await encodedBy(bench, async () => {
    cursor = bench.attach(late, { startOffset: (last?.from ?? 0) + BLOCK_RECORDS / 2 });
    await bench.pass();
    await live(bench, 3);
  });
  // The slice, and three blocks for both.
  expect(encoded).toBe(4);
  const shared = new Set(framesOf(ahead).map(({ hex }) => hex));
  expect(framesOf(late).map(({ hex }) => shared.has(hex))).toEqual([
    false,
    ...Array.from({ length: 4 }, () => true),
  ]);
  expect((cursor as Cursor | null)?.nextOffset).toBe(bench.source.end);
});

test('C19: falling out of the ring and coming back into it makes no slices', async () => {
  const bench = new Bench({ ringPartitionBytes: RING_BYTES });
  bench.source.readBytes = 20_000;
  const [ahead, one, two] = [bench.connect(), bench.connect(), bench.connect()];
  bench.attach(ahead);
  const behind = [bench.attach(one), bench.attach(two)];
  await bench.pass();
  for (let fall = 0; fall < 3; fall++) {
    for (const cursor of behind) cursor.pause();
    await live(bench, BLOCKS);
    for (const cursor of behind) cursor.resume();
    await bench.pass(200);
    await live(bench, 2);
  }
  const shared = new Set(framesOf(ahead).map(({ hex }) => hex));
  const [first, second] = [framesOf(one), framesOf(two)];
  // Cold blocks end where the ring begins, so what follows is what the others got.
  const hot = first.filter(({ isCold }) => !isCold);
  expect(hot.filter(({ hex }) => !shared.has(hex))).toEqual([]);
  const turns = first.filter(({ isCold }, i) => isCold !== first[i - 1]?.isCold);
  expect(turns.map(({ isCold }) => isCold)).toEqual([true, false, true, false, true, false]);
  // And cold frames are shared, too.
  expect(second).toEqual(first);
  for (const cursor of behind) expect(cursor.nextOffset).toBe(bench.source.end);
});
