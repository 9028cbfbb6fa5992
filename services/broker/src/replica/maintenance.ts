import type { Clock, Logger, Timer } from '@millrace/base';
import type { BrokerConfig } from '../config/broker-config.ts';
import { judgeCompaction } from '../log/compaction.ts';
import { CheckpointFile } from '../log/log-dir.ts';
import type { LogManager } from '../log/log-manager.ts';
import { decideRetention } from '../log/retention.ts';
import type { Partition } from './partition.ts';
import type { PartitionTable } from './partition-table.ts';

/** How often logs are looked at that want a flush of their own (page-cache durability). */
const FLUSH_CHECK_MS = 1_000;
/** Partitions looked at before others get the thread. */
const PARTITIONS_PER_TURN = 256;
const PRODUCER_EXPIRY_CHECK_MS = 600_000;

export interface MaintenanceParts {
  readonly partitions: PartitionTable;
  readonly logs: LogManager;
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: () => BrokerConfig;
}

/** What happens to logs by the clock: checkpoints, retention, compaction, expiry of producers. */
export class Maintenance {
  readonly #parts: MaintenanceParts;
  readonly #timers: Timer[] = [];
  readonly #running = new Set<string>();
  #isClosed = false;
  #work: Promise<void> = Promise.resolve();

  constructor(parts: MaintenanceParts) {
    this.#parts = parts;
  }

  start(): void {
    const config = this.#parts.config();
    this.#every(config.replicaHighWatermarkCheckpointIntervalMs, 'high watermarks', () =>
      this.checkpointHighWatermarks(),
    );
    this.#every(config.logFlushOffsetCheckpointIntervalMs, 'recovery points', () =>
      this.#parts.logs.checkpoint(),
    );
    this.#every(FLUSH_CHECK_MS, 'flush', () => this.#flushWhatIsDue());
    this.#every(PRODUCER_EXPIRY_CHECK_MS, 'producers', () => this.#expireProducers());
    this.#every(config.logRetentionCheckIntervalMs, 'retention', () => this.applyRetention());
    if (config.logCleanerEnable) {
      this.#every(config.logCleanerBackoffMs, 'compaction', () => this.compactDirtiest());
    }
  }

  /** Ends the timers; resolves when what was running is done. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers) timer.cancel();
    await this.#work;
  }

  checkpointHighWatermarks(): Promise<void> {
    const { logs, partitions } = this.#parts;
    return logs.checkpointHighWatermarks(
      (log) => partitions.getByLogId(log.logId)?.highWatermark ?? log.logEndOffset,
    );
  }

  /** Removes what `retention.ms` and `retention.bytes` no longer keep. */
  async applyRetention(): Promise<void> {
    let looked = 0;
    for (const partition of [...this.#parts.partitions]) {
      if (++looked % PARTITIONS_PER_TURN === 0) await new Promise((next) => setImmediate(next));
      if (this.#isClosed) return;
      if (partition.log.isClosed || !partition.config.cleanupPolicy.delete || partition.isFailed)
        continue;
      await this.#retain(partition);
    }
  }

  /** Compacts the dirtiest log that is due. Again and again until none is. */
  async compactDirtiest(): Promise<void> {
    for (;;) {
      const dirtiest = this.#dirtiest();
      if (dirtiest === undefined || this.#isClosed) return;
      const { partition, candidate } = dirtiest;
      const { log } = partition;
      const config = this.#parts.config();
      const result = await log.store.compact(log.logId, {
        firstDirtyOffset: candidate.firstDirtyOffset,
        firstUncleanableOffset: candidate.firstUncleanableOffset,
        nowMs: this.#parts.clock.nowMs(),
        deleteRetentionMs: partition.config.deleteRetentionMs,
        maxMessageBytes: partition.config.maxMessageBytes,
        dedupeBufferBytes: config.logCleanerDedupeBufferSize,
      });
      const dir = this.#parts.logs.dir(log.dirId);
      // A log deleted meanwhile must leave nothing behind for the next one of its name.
      if (dir === undefined || log.isClosed) return;
      const advanced = result.nextDirtyOffset > candidate.firstDirtyOffset;
      dir.cleanerOffsets.set(log.name, result.nextDirtyOffset);
      await dir.writeCheckpoint(CheckpointFile.cleaner, dir.cleanerOffsets);
      this.#parts.log.debug('compacted', {
        log: log.name,
        bytesBefore: result.bytesBefore,
        bytesAfter: result.bytesAfter,
        nextDirtyOffset: result.nextDirtyOffset,
      });
      if (!advanced) return;
    }
  }

  #dirtiest() {
    let best: { partition: Partition; candidate: ReturnType<typeof judgeCompaction> } | undefined;
    const nowMs = this.#parts.clock.nowMs();
    for (const partition of this.#parts.partitions) {
      const { log, config } = partition;
      if (!config.cleanupPolicy.compact || partition.isFailed) continue;
      const candidate = judgeCompaction(
        log.segments(),
        this.#parts.logs.dir(log.dirId)?.cleanerOffsets.get(log.name) ?? 0,
        log.logStartOffset,
        config,
        partition.highWatermark,
        nowMs,
      );
      if (!candidate.isDue) continue;
      if (best === undefined || candidate.dirtyRatio > best.candidate.dirtyRatio) {
        best = { partition, candidate };
      }
    }
    return best;
  }

  async #retain(partition: Partition): Promise<void> {
    const { log } = partition;
    const decision = decideRetention(
      log.segments(),
      partition.config,
      partition.highWatermark,
      this.#parts.clock.nowMs(),
    );
    if (decision.logStartOffset <= log.logStartOffset) return;
    if (decision.roll) partition.roll();
    await partition.trimTo(decision.logStartOffset);
    this.#parts.log.info('old segments removed', {
      log: log.name,
      logStartOffset: decision.logStartOffset,
    });
  }

  /** Sealed segments, and what `flush.ms` and `flush.messages` ask for. */
  async #flushWhatIsDue(): Promise<void> {
    const nowMs = this.#parts.clock.nowMs();
    for (const partition of this.#parts.partitions) {
      const { log, config } = partition;
      if (log.isFailed || log.isClosed || (!log.hasRolled && log.unflushedSinceMs === 0)) continue;
      const isDue =
        log.hasRolled ||
        nowMs - log.unflushedSinceMs >= config.flushMs ||
        log.logEndOffset - log.flushedOffset >= config.flushMessages;
      if (!isDue) continue;
      log.hasRolled = false;
      partition.flushed(await log.flush());
    }
  }

  async #expireProducers(): Promise<void> {
    const nowMs = this.#parts.clock.nowMs();
    const expirationMs = this.#parts.config().producerIdExpirationMs;
    for (const partition of this.#parts.partitions) {
      partition.log.producers.expire(nowMs, expirationMs);
    }
  }

  /** Runs `task` every `periodMs`, never two of a kind at a time. */
  #every(periodMs: number, name: string, task: () => Promise<void>): void {
    const timer = this.#parts.clock.setInterval(periodMs, () => {
      if (this.#running.has(name) || this.#isClosed) return;
      this.#running.add(name);
      const run = task()
        .catch((error: unknown) => {
          this.#parts.log.error('maintenance failed', { task: name, error: String(error) });
        })
        .finally(() => this.#running.delete(name));
      this.#work = Promise.all([this.#work, run]).then(() => {});
    });
    this.#timers.push(timer);
  }
}
