import { crc32c, Reader, Writer } from '@millrace/bytes';
import {
  type BatchMark,
  type ProducerEntry,
  type ProducerStateTable,
  sequenceAfter,
} from './producer-state.ts';

const VERSION = 1;
/** int16 version, uint32 CRC-32C of everything after it. */
const HEADER_BYTES = 6;
const ENTRY_BYTES = 46;
const SEQUENCE_COUNT = 2 ** 31;

/** A snapshot file that cannot be trusted; the state is rebuilt from the log instead. */
export class SnapshotError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SnapshotError';
  }
}

/**
 * A `.snapshot` file in Kafka's format (kafka-surface C.2). Kafka writes one entry per producer, its last batch;
 * here every remembered batch has one, oldest first, so that repetitions of batches that were in flight during a
 * restart are still recognised. Kafka's reader keeps the last entry of a producer, which is the same as its own.
 */
export function encodeSnapshot(producers: ProducerStateTable): Uint8Array {
  let count = 0;
  for (const entry of producers.entries()) count += Math.max(1, entry.batches.length);
  const writer = new Writer(HEADER_BYTES + 4 + count * ENTRY_BYTES);
  writer.int16(VERSION);
  writer.int32(0);
  writer.int32(count);
  for (const entry of producers.entries()) {
    if (entry.batches.length === 0) writeEntry(writer, entry, undefined);
    for (const batch of entry.batches) writeEntry(writer, entry, batch);
  }
  const bytes = writer.finishBytes().slice();
  writer.patchInt32(2, crc32c(bytes, HEADER_BYTES, bytes.length));
  return writer.finishBytes().slice();
}

function writeEntry(writer: Writer, entry: ProducerEntry, batch: BatchMark | undefined): void {
  writer.int64(entry.producerId);
  writer.int16(entry.epoch);
  writer.int32(batch?.lastSequence ?? -1);
  writer.int64(batch?.lastOffset ?? -1);
  writer.int32(batch === undefined ? 0 : batch.lastOffset - batch.baseOffset);
  writer.int64(batch?.timestamp ?? entry.lastTimestamp);
  writer.int32(entry.coordinatorEpoch);
  writer.int64(entry.transactionFirstOffset);
}

/**
 * Reads a snapshot into a table.
 * @throws SnapshotError when its version, checksum or length is wrong.
 */
export function decodeSnapshot(bytes: Uint8Array, into: ProducerStateTable): void {
  if (bytes.length < HEADER_BYTES + 4) throw new SnapshotError(`${bytes.length} bytes`);
  const reader = new Reader(bytes);
  const version = reader.int16();
  if (version !== VERSION) throw new SnapshotError(`version ${version}`);
  const crc = reader.uint32();
  if (crc >>> 0 !== crc32c(bytes, HEADER_BYTES, bytes.length) >>> 0) {
    throw new SnapshotError('checksum does not match');
  }
  const count = reader.int32();
  if (count < 0 || count * ENTRY_BYTES !== reader.remaining) {
    throw new SnapshotError(`${count} entries in ${reader.remaining} bytes`);
  }
  for (let i = 0; i < count; i++) into.restore(readEntry(reader));
}

function readEntry(reader: Reader): ProducerEntry {
  const producerId = reader.int64();
  const epoch = reader.int16();
  const lastSequence = reader.int32();
  const lastOffset = reader.int64();
  const offsetDelta = reader.int32();
  const timestamp = reader.int64();
  const coordinatorEpoch = reader.int32();
  const transactionFirstOffset = reader.int64();
  const batches = [];
  if (lastSequence >= 0) {
    batches.push({
      firstSequence: sequenceAfter(lastSequence, SEQUENCE_COUNT - offsetDelta),
      lastSequence,
      baseOffset: lastOffset - offsetDelta,
      lastOffset,
      timestamp,
    });
  }
  return {
    producerId,
    epoch,
    batches,
    lastTimestamp: timestamp,
    coordinatorEpoch,
    transactionFirstOffset,
    refusedSequence: -1,
  };
}
