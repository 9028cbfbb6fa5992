import { readFile, statfs } from 'node:fs/promises';
import type { RuntimeMetrics } from '@millrace/admin';
import { type Clock, defineMetrics, type RenderedFamily, type Timer } from '@millrace/base';

/** What is told of disks, and what Kafka's dashboards ask of threads. */
export const hostMetrics = defineMetrics({
  diskRead: disk('read', 'Bytes the process had read from disks.'),
  diskWritten: disk('write', 'Bytes the process had written to disks.'),
  logDirFree: {
    name: 'millrace_log_dir_free_bytes',
    type: 'gauge',
    labels: ['logDirectory'],
    sentence: 'Space left on the volume of a log dir.',
  },
  logDirTotal: {
    name: 'millrace_log_dir_total_bytes',
    type: 'gauge',
    labels: ['logDirectory'],
    sentence: 'Size of the volume of a log dir.',
  },
  idlePercent: {
    name: 'kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent',
    type: 'gauge',
    sentence: 'Share of time that the event loop was idle, 0 to 1.',
  },
});

/** Disks are looked at this often, never when somebody asks. */
const SAMPLE_PERIOD_MS = 5000;

/** The process itself, its disks and its log dirs' volumes. Started with the metrics listener only. */
export class HostMetrics {
  readonly #metrics = hostMetrics.create();
  readonly #runtime: RuntimeMetrics;
  readonly #logDirs: readonly string[];
  readonly #timer: Timer;

  /** @param runtime is closed with this; @param logDirs paths, whose volumes are watched */
  constructor(clock: Clock, runtime: RuntimeMetrics, logDirs: readonly string[]) {
    this.#runtime = runtime;
    this.#logDirs = logDirs;
    this.#timer = clock.setInterval(SAMPLE_PERIOD_MS, () => void this.#sample());
    void this.#sample();
  }

  /** Brings the cheap numbers up to date. */
  *families(): Iterable<RenderedFamily> {
    yield* this.#runtime.families();
    this.#metrics.families.idlePercent.with().set(1 - this.#runtime.utilization);
    yield* this.#metrics.rendered();
  }

  close(): void {
    this.#timer.cancel();
    this.#runtime.close();
  }

  async #sample(): Promise<void> {
    const { families } = this.#metrics;
    for (const path of this.#logDirs) {
      try {
        const { blocks, bavail, bsize } = await statfs(path);
        families.logDirFree.with(path).set(bavail * bsize);
        families.logDirTotal.with(path).set(blocks * bsize);
      } catch {
        families.logDirFree.drop(path);
        families.logDirTotal.drop(path);
      }
    }
    try {
      const io = await readFile('/proc/self/io', 'utf8');
      families.diskRead.with().set(Number(/^read_bytes: (\d+)/m.exec(io)?.[1] ?? 0));
      families.diskWritten.with().set(Number(/^write_bytes: (\d+)/m.exec(io)?.[1] ?? 0));
    } catch {
      // No /proc on this system: these families stay away.
    }
  }
}

function disk<const N extends 'read' | 'write'>(what: N, sentence: string) {
  return {
    name: `kafka_server_kafkaserver_linux_disk_${what}_bytes`,
    type: 'gauge',
    sentence,
  } as const;
}
