/** A thousand clients of a fast topic that stop reading, beside readers of another one. */
import { median } from '../../throughput/stats.ts';
import type { Bench } from '../bench.ts';
import { figuresOf, grouped, percent, type Section, warnings } from '../figures.ts';
import { variant } from '../frames.ts';
import type { Report } from '../generator.ts';
import { keyed } from '../keyed.ts';
import { RssSamples } from '../rss-samples.ts';
import type { GatewayServer } from '../servers.ts';

const STOPPED_SHARE = 1 / 9;
const FIREHOSE_BYTES_PER_SECOND = 50_000_000;
const RECORD_BYTES = 1_000;
const RECORDS = 64;
/** Until stopped readers have stopped, and what piled up while they were sent their first megabytes is gone. */
const WARMUP_SECONDS = 5;
/**
 * Of the latency row's load for the others: with all of it core 0 is full before the fast topic begins, and then their p99
 * says how long a queue has grown, and nothing of stopped readers.
 */
const OTHERS_SHARE = 1 / 3;
/** A stopped reader's memory is to be seen, so nobody ends it in the meantime. */
const OVERRIDES = { 'gateway.socket.stall.ms': '600000' };
const MEMORY_MAX = 64 * 1024;
const ROUNDS_MAX = 3;

/** What the gateway says of itself at a moment. */
interface Books {
  /** Blocks that all readers share, and what waits in user space to be sent. Bytes. */
  readonly cached: number;
  readonly unsent: number;
  /** Connections that hold bytes and take none. */
  readonly stalled: number;
  /** Sent since it began. Bytes. */
  readonly sent: number;
}

/** What one gateway showed, without its stopped readers and with them. */
interface Round {
  readonly reports: readonly Report[];
  /** Of the process, of each phase. Bytes. */
  readonly rss: readonly number[];
  /** When each phase began, and at the end. */
  readonly books: readonly Books[];
}

export async function stopped(bench: Bench): Promise<Section[]> {
  const { clients, rounds } = bench.options;
  const stoppedCount = Math.floor(clients * STOPPED_SHARE);
  const seen: Round[] = [];
  while (seen.length < Math.min(ROUNDS_MAX, rounds)) seen.push(await round(bench, stoppedCount));
  return [section(seen, stoppedCount, clients)];
}

async function round(bench: Bench, stoppedCount: number): Promise<Round> {
  const { clients } = bench.options;
  const seconds = 2 * bench.options.seconds;
  const server = await bench.gateway(OVERRIDES);
  const samples = new RssSamples(server.pid);
  try {
    const { group, feed } = await keyed(bench, server, { clients: clients - stoppedCount });
    const topic = await bench.topic('firehose');
    const rate = FIREHOSE_BYTES_PER_SECOND / (RECORD_BYTES * RECORDS);
    const firehose = { topic, records: RECORDS, valueBytes: RECORD_BYTES, rate };
    const variants = [variant(server, { topic })];
    // One reader keeps the fast topic's feed busy in both phases, so that they differ in the stopped ones only.
    const groups = [
      group,
      { count: 1, variants, mode: 'drain', fromPhase: 0 },
      { count: stoppedCount, variants, mode: 'stop', fromPhase: 1 },
    ] as const;
    const feeds = [{ ...feed, rate: feed.rate * OTHERS_SHARE }, firehose];
    const phase = { warmupSeconds: WARMUP_SECONDS, seconds, feeds, sampleEvery: 1 };
    const phases = ['without', 'with'].map((name) => ({ ...phase, name }));
    const began: number[] = [];
    const books: Promise<Books>[] = [];
    const reports = await bench.load(server, groups, phases, () => {
      began.push(performance.now());
      books.push(booksOf(server));
    });
    books.push(booksOf(server));
    // Garbage comes and goes by tens of megabytes, so one look says little: the median of the second half.
    const rss = began.map((at) => {
      const middle = at + 1000 * (WARMUP_SECONDS + seconds / 2);
      return samples.median(middle, middle + 500 * seconds);
    });
    return { reports, rss, books: await Promise.all(books) };
  } finally {
    samples.stop();
    await server.stop();
  }
}

async function booksOf(server: GatewayServer): Promise<Books> {
  const names = ['ring_bytes', 'cold_cache_bytes', 'unsent_bytes', 'stalled_connections'];
  const [ring = 0, cold = 0, unsent = 0, stalled = 0, sent = 0] = await Promise.all(
    [...names, 'bytes_out_total'].map((name) => server.metric(name)),
  );
  return { cached: ring + cold, unsent, stalled, sent };
}

function section(rounds: readonly Round[], stoppedCount: number, clients: number): Section {
  const each = (of: (round: Round) => number) => median(rounds.map(of)) / stoppedCount;
  const grown = each(({ rss: [without = 0, beside = 0] }) => beside - without);
  const ratios = rounds.map(({ reports: [without, beside] }) => {
    if (without === undefined || beside === undefined) throw new Error('two phases, two reports');
    return beside.p99Ms / without.p99Ms;
  });
  const more = (of: (books: Books) => number) =>
    grouped(each(({ books: [, begin, end] }) => (end ? of(end) : 0) - (begin ? of(begin) : 0)));
  const kernel = each(
    ({ reports: [without, beside] }) =>
      (beside?.machine.socketMemoryBytes ?? 0) - (without?.machine.socketMemoryBytes ?? 0),
  );
  const columns = ['p50 ms', 'p99 ms', 'p99.9 ms', 'gateway RSS MiB', 'core 0 busy', 'core 1 idle'];
  return {
    title: `${stoppedCount} stopped readers of a 50 MB/s topic among ${clients} clients`,
    columns: ['round', 'phase', 'sent MB', ...columns],
    rows: rounds.flatMap(({ reports, rss, books }, at) =>
      reports.map((report, phase) => {
        const figures = figuresOf(report);
        return [
          `${at + 1}`,
          report.phase,
          grouped(((books[phase + 1]?.sent ?? 0) - (books[phase]?.sent ?? 0)) / 1e6),
          ...[report.p50Ms, report.p99Ms, report.p999Ms].map((ms) => grouped(ms, 2)),
          grouped((rss[phase] ?? 0) / 2 ** 20, 1),
          percent(figures.core0Busy),
          percent(figures.core1Idle),
        ];
      }),
    ),
    verdicts: [
      { what: 'RSS a stopped reader', value: grown, atMost: MEMORY_MAX, unit: ' bytes', digits: 0 },
      { what: "the others' p99, with / without", value: median(ratios), atMost: 1.3 },
    ],
    notes: [
      `of the RSS, for each: ${more((books) => books.unsent)} bytes that wait to be sent`,
      `and of blocks that all readers share: ${more((books) => books.cached)} bytes`,
      // A gateway that falls behind the fast topic has nothing yet for those who begin at its end.
      `stopped for want of room: ${rounds.map(({ books }) => grouped(books.at(-1)?.stalled ?? 0)).join(', ')}`,
      `kernel memory a stopped reader, both ends of the connection: ${grouped(kernel)} bytes`,
      ...rounds.flatMap(({ reports }) => warnings('M', reports)),
    ],
  };
}
