import { readdir, readFile } from 'node:fs/promises';
import {
  type EventLoopUtilization,
  type IntervalHistogram,
  monitorEventLoopDelay,
  type PerformanceEntry,
  PerformanceObserver,
  performance,
} from 'node:perf_hooks';
import { type Clock, defineMetrics, type RenderedFamily, type Timer } from '@millrace/base';

/** What is told of the process and its JavaScript engine. */
export const runtimeMetrics = defineMetrics({
  cpuUser: process_('cpu_user_seconds_total', 'counter', 'User CPU time of the process.'),
  cpuSystem: process_('cpu_system_seconds_total', 'counter', 'System CPU time of the process.'),
  cpu: process_('cpu_seconds_total', 'counter', 'CPU time of the process.'),
  startTime: process_('start_time_seconds', 'gauge', 'When the process began, in Unix seconds.'),
  residentMemory: process_('resident_memory_bytes', 'gauge', 'Resident memory.'),
  openFds: process_('open_fds', 'gauge', 'Open file descriptors.'),
  maxFds: process_('max_fds', 'gauge', 'Most file descriptors the process may have open.'),
  heapTotal: node('heap_size_total_bytes', 'Heap the JavaScript engine has taken.'),
  heapUsed: node('heap_size_used_bytes', 'Heap in use.'),
  externalMemory: node('external_memory_bytes', 'Memory outside the heap that objects hold.'),
  arrayBuffers: {
    name: 'millrace_array_buffers_bytes',
    type: 'gauge',
    sentence: 'Memory of array buffers.',
  },
  utilization: node('eventloop_utilization', 'Share of time that the event loop was busy.'),
  lag: node('eventloop_lag_seconds', 'Mean delay of the event loop since the last scrape.'),
  lagMax: node('eventloop_lag_max_seconds', 'Longest delay since the last scrape.'),
  lagP50: node('eventloop_lag_p50_seconds', 'Median delay since the last scrape.'),
  lagP99: node('eventloop_lag_p99_seconds', 'p99 of the delay since the last scrape.'),
  gc: {
    name: 'nodejs_gc_duration_seconds',
    type: 'histogram',
    labels: ['kind'],
    sentence: 'Garbage collections: minor, major, incremental, weakcb.',
    buckets: [0.001, 0.01, 0.1, 1, 2, 5],
    divisor: 1000,
  },
  versionInfo: {
    name: 'nodejs_version_info',
    type: 'gauge',
    labels: ['version'],
    sentence: 'Always 1; the version of Node.',
  },
});

/** `/proc` is read this often, never when somebody asks. */
const SAMPLE_PERIOD_MS = 5000;
/** Resolution of the delay measurement; each step wakes the process once. */
const DELAY_RESOLUTION_MS = 20;
const NS_PER_SECOND = 1e9;
const US_PER_SECOND = 1e6;
const GC_KINDS: Readonly<Record<number, string>> = {
  1: 'minor',
  4: 'major',
  8: 'incremental',
  16: 'weakcb',
};

/** What the process and its JavaScript engine take: measured from its making until `close`. */
export class RuntimeMetrics {
  readonly #metrics = runtimeMetrics.create();
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
  readonly #timer: Timer;
  readonly #observer: PerformanceObserver;
  #utilizationBefore: EventLoopUtilization = performance.eventLoopUtilization();

  constructor(clock: Clock) {
    const { startTime, versionInfo } = this.#metrics.families;
    startTime.with().set(performance.timeOrigin / 1000);
    versionInfo.with(process.version).set(1);
    this.#delay.enable();
    this.#observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) this.#collected(entry);
    });
    this.#observer.observe({ entryTypes: ['gc'] });
    this.#timer = clock.setInterval(SAMPLE_PERIOD_MS, () => void this.#sample());
    void this.#sample();
  }

  /** Share of time that the event loop was busy, 0 to 1, as the last `families` told it. */
  get utilization(): number {
    return this.#metrics.families.utilization.with().value;
  }

  /** Longest delay of the event loop, as the last `families` told it. Seconds. */
  get lagMaxSeconds(): number {
    return this.#metrics.families.lagMax.with().value;
  }

  /** Brings the cheap numbers up to date. */
  *families(): Iterable<RenderedFamily> {
    const { families } = this.#metrics;
    const { user, system } = process.cpuUsage();
    families.cpuUser.with().value = user / US_PER_SECOND;
    families.cpuSystem.with().value = system / US_PER_SECOND;
    families.cpu.with().value = (user + system) / US_PER_SECOND;
    const current = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(current, this.#utilizationBefore);
    this.#utilizationBefore = current;
    families.utilization.with().set(utilization);
    this.#readDelay();
    yield* this.#metrics.rendered();
  }

  close(): void {
    this.#timer.cancel();
    this.#observer.disconnect();
    this.#delay.disable();
  }

  #readDelay(): void {
    const { lag, lagMax, lagP50, lagP99 } = this.#metrics.families;
    const delay = this.#delay;
    if (delay.count === 0) return;
    // The measurement includes its own period.
    const seconds = (ns: number): number =>
      Math.max(0, ns / NS_PER_SECOND - DELAY_RESOLUTION_MS / 1000);
    lag.with().set(seconds(delay.mean));
    lagMax.with().set(seconds(delay.max));
    lagP50.with().set(seconds(delay.percentile(50)));
    lagP99.with().set(seconds(delay.percentile(99)));
    delay.reset();
  }

  #collected(entry: PerformanceEntry): void {
    const kind = GC_KINDS[(entry as { detail?: { kind?: number } }).detail?.kind ?? 0] ?? 'other';
    this.#metrics.families.gc.with(kind).record(entry.duration);
  }

  async #sample(): Promise<void> {
    const { families } = this.#metrics;
    const memory = process.memoryUsage();
    families.residentMemory.with().set(memory.rss);
    families.heapTotal.with().set(memory.heapTotal);
    families.heapUsed.with().set(memory.heapUsed);
    families.externalMemory.with().set(memory.external);
    families.arrayBuffers.with().set(memory.arrayBuffers);
    try {
      families.openFds.with().set((await readdir('/proc/self/fd')).length);
      const limits = await readFile('/proc/self/limits', 'utf8');
      families.maxFds.with().set(Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 0));
    } catch {
      // No /proc on this system: these families stay away.
    }
  }
}

function process_<const N extends string, const T extends 'counter' | 'gauge'>(
  name: N,
  type: T,
  sentence: string,
) {
  return { name: `process_${name}`, type, sentence } as const;
}

function node<const N extends string>(name: N, sentence: string) {
  return { name: `nodejs_${name}`, type: 'gauge', sentence } as const;
}
