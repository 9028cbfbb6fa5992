import { Codec, FilterOp, GapReason, Policy, Projection } from '@millrace/gateway-protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileCursorFilter } from './compile-filter.ts';
import type { CreditWindow, Cursor, CursorOptions, CursorOutcome } from './contract.ts';
import { Bench } from './testing/bench.ts';
import type { ModelRecord } from './testing/model-source.ts';
import type { Reader } from './testing/reader.ts';

/** What happens to log and clients, in order. */
type Act =
  | { readonly kind: 'append'; readonly count: number; readonly size: number }
  | { readonly kind: 'marker' }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'pause' | 'resume' | 'stop' | 'read' | 'announce'; readonly who: number }
  | { readonly kind: 'credit'; readonly who: number; readonly bytes: number }
  | { readonly kind: 'retention' | 'cut'; readonly share: number };

const who = fc.nat(5);
const quiet: fc.Arbitrary<Act>[] = [
  fc.record({
    kind: fc.constant('append'),
    count: fc.integer({ min: 1, max: 60 }),
    size: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.constant(30_000), fc.constant(70_000)),
  }),
  fc.record({
    kind: fc.constant('append'),
    count: fc.integer({ min: 1, max: 60 }),
    size: fc.constant(100),
  }),
  fc.record({ kind: fc.constant('marker') }),
  fc.record({ kind: fc.constant('pass'), ms: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ kind: fc.constantFrom('pause', 'resume', 'stop', 'read', 'announce'), who }),
  fc.record({ kind: fc.constant('credit'), who, bytes: fc.integer({ min: 1, max: 60_000 }) }),
];
const violent: fc.Arbitrary<Act>[] = [
  fc.record({
    kind: fc.constantFrom('retention', 'cut'),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
];

const keyFilter = compileCursorFilter([
  { op: FilterOp.KEY_EQ, arity: 0, name: null, values: [Buffer.from('k3')] },
]);
const prefixFilter = compileCursorFilter([
  { op: FilterOp.KEY_PREFIX, arity: 0, name: null, values: [Buffer.from('k1')] },
]);

/** Six subscribers, as different as may be. */
const KINDS: readonly Partial<CursorOptions>[] = [
  {},
  { filter: keyFilter },
  { filter: prefixFilter, maxWaitMs: 5 },
  { projection: Projection.KEY | Projection.VALUE, codec: Codec.DEFLATE_RAW },
  { encoding: 'json' },
  { policy: Policy.CONFLATE_KEY },
];

/** A run of acts over a small ring, with every record that ever was. */
class Run {
  readonly bench = new Bench({
    ringPartitionBytes: 60_000,
    ringTotalBytes: 100_000,
    coldCacheBytes: 100_000,
  });
  readonly readers: Reader[] = [];
  readonly cursors: Cursor[] = [];
  /** Records that were in the log, by offset and epoch. */
  readonly history = new Map<string, ModelRecord>();
  readonly #windows: CreditWindow[] = [];
  #written = 0;

  constructor() {
    this.bench.source.readBytes = 30_000;
    this.append(100, 100);
    for (const kind of KINDS) {
      const reader = this.bench.connect(kind.encoding === 'json');
      const window = { bytes: 50_000 };
      const cursor = this.bench.attach(reader, { ...kind, window });
      reader.outcome = (_, outcome) => this.#session(reader, cursor, outcome);
      this.readers.push(reader);
      this.cursors.push(cursor);
      this.#windows.push(window);
    }
  }

  async do(act: Act): Promise<void> {
    const { source } = this.bench;
    const reader = 'who' in act ? (this.readers[act.who] as Reader) : undefined;
    const cursor = 'who' in act ? (this.cursors[act.who] as Cursor) : undefined;
    if (act.kind === 'append') this.append(act.count, act.size);
    else if (act.kind === 'marker') source.appendMarker();
    else if (act.kind === 'pass') await this.bench.pass(act.ms);
    else if (act.kind === 'retention') {
      source.deleteBefore(source.logStart + Math.floor(act.share * (source.end - source.logStart)));
    } else if (act.kind === 'cut') {
      source.truncate(source.end - Math.floor((act.share * (source.end - source.logStart)) / 3));
      this.append(1, 10);
    } else if (act.kind === 'credit') this.#grant(act.who, act.bytes);
    else if (act.kind === 'stop') reader?.client.stopReading(0);
    else if (act.kind === 'read') reader?.client.read(20_000);
    else if (act.kind === 'announce') reader?.announce(cursor as Cursor);
    else cursor?.[act.kind]();
  }

  append(count: number, size: number): void {
    const { source } = this.bench;
    const added = Array.from({ length: size > 1000 ? 1 : count }, () => ({
      key: this.#written % 11 === 0 ? null : `k${this.#written % 13}`,
      value: `${this.#written++}`.padEnd(size, 'x'),
    }));
    source.append(...added);
    for (const record of source.records.slice(-added.length)) {
      this.history.set(`${record.offset} ${record.value}`, record);
    }
  }

  /** Everybody reads, has credit and goes on, until nothing moves. */
  async settle(): Promise<void> {
    for (let round = 0; round < 60; round++) {
      this.readers.forEach((reader, i) => {
        reader.client.read();
        this.cursors[i]?.resume();
        this.#grant(i, 1 << 20);
      });
      await this.bench.pass(100);
    }
    await this.bench.pass(1500);
    this.readers.forEach((reader, i) => void reader.announce(this.cursors[i] as Cursor));
    await this.bench.pass(50);
  }

  /** What a session with `nearest` everywhere does. */
  #session(reader: Reader, cursor: Cursor, outcome: CursorOutcome): void {
    const stream = reader.stream(cursor.streamId);
    reader.outcomes.push(outcome);
    if (outcome.kind === 'GAP') {
      reader.gap(cursor, outcome.lostFrom, outcome.lostTo, GapReason.RETENTION);
      cursor.continueAt(outcome.lostTo, -1);
    } else if (outcome.kind === 'DIVERGED') {
      // The client hears of it in order, after what is under way.
      reader.rewinds.push({ stream, to: outcome.lostFrom });
      reader.progress(cursor, outcome.lostFrom);
      cursor.continueAt(outcome.lostFrom, -1);
    } else throw new Error(`an unexpected ${outcome.kind}`);
  }

  #grant(index: number, bytes: number): void {
    const window = this.#windows[index] as CreditWindow;
    window.bytes = Math.min(window.bytes + bytes, 1 << 20);
    this.bench.fanOut.wake(this.readers[index] as Reader);
  }
}

function passes(record: ModelRecord, kind: number): boolean {
  if (kind === 1) return record.key === 'k3';
  if (kind === 2) return record.key?.startsWith('k1') === true;
  // JSON carries no record of 40 KiB and more.
  if (kind === 4) return (record.value ?? '').length < 40_000;
  return true;
}

test('C19: every subscriber gets its records once, in order, whatever the pace (I1–I5)', async () => {
  const acts = fc.array(fc.oneof(...quiet), { minLength: 5, maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(acts, async (list) => {
      const run = new Run();
      for (const act of list) await run.do(act);
      await run.settle();
      const { source } = run.bench;
      run.readers.forEach((reader, kind) => {
        const stream = reader.stream((run.cursors[kind] as Cursor).streamId);
        expect(stream.position, `position of ${kind}`).toBe(source.end);
        const expected = source.records.filter((record) => passes(record, kind));
        if (kind === 5) {
          const last = (records: readonly { key: string | null; value: string | null }[]) =>
            new Map(
              records.filter(({ key }) => key !== null).map(({ key, value }) => [key, value]),
            );
          expect(last(stream.records)).toEqual(last(expected));
          const nulls = (records: readonly { key: string | null }[]) =>
            records.filter(({ key }) => key === null).length;
          expect(nulls(stream.records)).toBe(nulls(expected));
        } else {
          expect(stream.records.map(({ value }) => value)).toEqual(
            expected.map(({ value }) => value),
          );
        }
        expect(reader.droppedCount).toBe(0);
      });
      expect(run.bench.metrics.unsentBytesMax.with().value).toBeLessThanOrEqual(65_536);
      run.bench.close();
    }),
    { numRuns: 25 },
  );
});

test('retention and truncation are told with exact bounds, and only what was in the log is delivered', async () => {
  const acts = fc.array(fc.oneof(...quiet, ...violent), { minLength: 5, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(acts, async (list) => {
      const run = new Run();
      for (const act of list) await run.do(act);
      await run.settle();
      const { source } = run.bench;
      run.readers.forEach((reader, kind) => {
        const stream = reader.stream((run.cursors[kind] as Cursor).streamId);
        expect(stream.position, `position of ${kind}`).toBe(source.end);
        for (const { offset, value } of stream.records) {
          expect(run.history.has(`${offset} ${value}`), `${offset}`).toBe(true);
        }
        if (kind === 5) return;
        // The last that was said of an offset is what the log holds, unless a gap covered it.
        const last = new Map(stream.records.map(({ offset, value }) => [offset, value]));
        for (const record of source.records) {
          if (!passes(record, kind)) continue;
          if (stream.gaps.some(({ from, to }) => record.offset >= from && record.offset < to))
            continue;
          expect(last.get(record.offset), `${kind}: ${record.offset}`).toBe(record.value);
        }
      });
      run.bench.close();
    }),
    { numRuns: 25 },
  );
});
