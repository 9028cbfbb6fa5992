import type { Logger } from '@millrace/base';
import { ProducerRowColumn as Column, PRODUCER_ROW_STRIDE } from '@millrace/engine';
import type { PartitionLog } from './partition-log.ts';
import { decodeSnapshot } from './producer-snapshot.ts';

const TRANSACTIONAL = 0x10;

/**
 * Rebuilds the producer state of a freshly opened log: the newest snapshot that can be trusted, then every
 * batch after it (T93). Snapshots beyond the log end are of a tail that was lost: removed.
 */
export async function restoreProducers(log: PartitionLog, logger: Logger): Promise<void> {
  const { store, logId } = log;
  for (const offset of log.snapshotOffsets.filter((snapshot) => snapshot > log.logEndOffset)) {
    await store.removeSnapshot(logId, offset);
  }
  log.snapshotOffsets = log.snapshotOffsets.filter((snapshot) => snapshot <= log.logEndOffset);
  let from = log.logStartOffset;
  for (const offset of [...log.snapshotOffsets].reverse()) {
    const bytes = await store.readSnapshot(logId, offset);
    if (bytes === null) continue;
    try {
      decodeSnapshot(bytes, log.producers);
      from = offset;
      break;
    } catch (error) {
      log.producers.clear();
      logger.warn('producer snapshot not readable', {
        log: log.name,
        offset,
        error: String(error),
      });
    }
  }
  if (from < log.logEndOffset) takeRows(log, await store.scanProducers(logId, from));
}

function takeRows(log: PartitionLog, rows: Float64Array): void {
  for (let at = 0; at + PRODUCER_ROW_STRIDE <= rows.length; at += PRODUCER_ROW_STRIDE) {
    const column = (index: number): number => rows[at + index] as number;
    const producerId = column(Column.producerId);
    const epoch = column(Column.producerEpoch);
    const timestamp = column(Column.maxTimestamp);
    if (column(Column.controlType) >= 0) {
      log.producers.noteMarker(producerId, epoch, column(Column.baseSequence), timestamp);
      continue;
    }
    log.producers.note(
      producerId,
      epoch,
      column(Column.baseSequence),
      column(Column.lastSequence),
      column(Column.baseOffset),
      column(Column.lastOffset),
      timestamp,
    );
    const entry = log.producers.get(producerId);
    const isTransactional = (column(Column.attributes) & TRANSACTIONAL) !== 0;
    if (entry !== undefined && isTransactional && entry.transactionFirstOffset < 0) {
      entry.transactionFirstOffset = column(Column.baseOffset);
    }
  }
}
