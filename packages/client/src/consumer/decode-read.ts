import type { RecordHeader } from '@millrace/records';
import type { PartitionRead } from './partition-read.ts';
import { ReadCursor } from './read-cursor.ts';

/** A record as an application sees it. Its bytes may be kept. */
export interface ConsumerRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
}

export interface DecodedRead {
  readonly records: ConsumerRecord[];
  /** Where to go on. Never below the fetch offset. */
  readonly nextOffset: number;
  /** Epoch of the last batch, -1 when there was none. */
  readonly lastEpoch: number;
}

/**
 * The records of a read from its fetch offset on, without control records and without those of aborted
 * transactions (`abortedTransactions` is empty under read_uncommitted).
 *
 * @throws DecodeError, or an error of the codec, for a batch that is not sound.
 */
export function decodeRead(read: PartitionRead): DecodedRead {
  const records: ConsumerRecord[] = [];
  const cursor = new ReadCursor().reset(read);
  const { record } = cursor;
  while (cursor.next()) {
    records.push({
      topic: read.topic,
      partition: read.partition,
      offset: record.offset,
      timestampMs: record.timestampMs,
      key: record.key,
      value: record.value,
      headers: record.headers,
    });
  }
  return { records, nextOffset: cursor.nextOffset, lastEpoch: cursor.epoch };
}
