/** A thousand clients of a fast topic that stop reading, beside readers of another one. */
import type { Bench } from '../bench.ts';
import { figuresOf, grouped, percent, type Section, warnings } from '../figures.ts';
import { variant } from '../frames.ts';
import type { Report } from '../generator.ts';
import { keyed } from '../keyed.ts';
import type { GatewayServer } from '../servers.ts';

const STOPPED_SHARE = 1 / 9;
const FIREHOSE_BYTES_PER_SECOND = 50_000_000;
const RECORD_BYTES = 1_000;
const RECORDS = 64;
/** A stopped reader's memory is to be seen, so nobody ends it in the meantime. */
const OVERRIDES = { 'gateway.socket.stall.ms': '600000' };
const MEMORY_MAX = 64 * 1024;

export async function stopped(bench: Bench): Promise<Section[]> {
  const { clients, seconds } = bench.options;
  const server = await bench.gateway(OVERRIDES);
  try {
    const stoppedCount = Math.floor(clients * STOPPED_SHARE);
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
    const phase = {
      warmupSeconds: 2,
      seconds: 2 * seconds,
      feeds: [feed, firehose],
      sampleEvery: 1,
    };
    const phases = ['without', 'with'].map((name) => ({ ...phase, name }));
    let cachedBefore = Promise.resolve(0);
    const reports = await bench.load(server, groups, phases, (name) => {
      if (name === 'with') cachedBefore = cachedBytes(server);
    });
    const cached = (await cachedBytes(server)) - (await cachedBefore);
    return [section(reports, stoppedCount, clients, cached)];
  } finally {
    await server.stop();
  }
}

/** Blocks that all readers share, bounded by settings. */
async function cachedBytes(server: GatewayServer): Promise<number> {
  const names = ['ring_bytes', 'cold_cache_bytes'];
  const values = await Promise.all(names.map((name) => server.metric(name)));
  return values.reduce((sum, value) => sum + value, 0);
}

/** @param cached how much more blocks there were at the end */
function section(
  reports: readonly Report[],
  stoppedCount: number,
  clients: number,
  cached: number,
): Section {
  const [without, beside] = reports;
  if (without === undefined || beside === undefined) throw new Error('two phases, two reports');
  const grown = (of: (report: Report) => number) => (of(beside) - of(without)) / stoppedCount;
  const rss = grown((report) => report.machine.serverRssBytes);
  const kernel = grown((report) => report.machine.socketMemoryBytes);
  return {
    title: `${stoppedCount} stopped readers of a 50 MB/s topic among ${clients} clients`,
    columns: [
      'phase',
      'p50 ms',
      'p99 ms',
      'p99.9 ms',
      'gateway RSS MiB',
      'core 0 busy',
      'core 1 idle',
    ],
    rows: reports.map((report) => {
      const figures = figuresOf(report);
      return [
        report.phase,
        ...[report.p50Ms, report.p99Ms, report.p999Ms].map((ms) => grouped(ms, 2)),
        grouped(report.machine.serverRssBytes / 2 ** 20, 1),
        percent(figures.core0Busy),
        percent(figures.core1Idle),
      ];
    }),
    verdicts: [
      { what: 'RSS a stopped reader', value: rss, atMost: MEMORY_MAX, unit: ' bytes', digits: 0 },
      { what: "the others' p99, with / without", value: beside.p99Ms / without.p99Ms, atMost: 1.3 },
    ],
    notes: [
      `of the RSS, for each: ${grouped(cached / stoppedCount)} bytes of blocks that all readers share`,
      `kernel memory a stopped reader, both ends of the connection: ${grouped(kernel)} bytes`,
      ...warnings('M', reports),
    ],
  };
}
