import { crc32c, Reader, Writer } from '@millrace/bytes';
import { type ProducerEntry, type ProducerStateTable, sequenceAfter } from './producer-state.ts';

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
 * A `.snapshot` file in Kafka's format (kafka-surface C.2): of each producer the last batch only.
 */
export function encodeSnapshot(producers: ProducerStateTable): Uint8Array {
  const writer = new Writer(HEADER_BYTES + 4 + producers.count * ENTRY_BYTES);
  writer.int16(VERSION);
  writer.int32(0);
  writer.int32(producers.count);
  for (const entry of producers.entries()) {
    const last = entry.batches.at(-1);
    writer.int64(entry.producerId);
    writer.int16(entry.epoch);
    writer.int32(last?.lastSequence ?? -1);
    writer.int64(last?.lastOffset ?? -1);
    writer.int32(last === undefined ? 0 : last.lastOffset - last.baseOffset);
    writer.int64(entry.lastTimestamp);
    writer.int32(entry.coordinatorEpoch);
    writer.int64(entry.transactionFirstOffset);
  }
  const bytes = writer.finishBytes().slice();
  writer.patchInt32(2, crc32c(bytes, HEADER_BYTES, bytes.length));
  return writer.finishBytes().slice();
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
  };
}
