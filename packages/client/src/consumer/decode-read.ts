import { decompress } from '@millrace/compression';
import {
  BatchCursor,
  type Codec,
  ControlType,
  decodeControlRecord,
  type RecordHeader,
  readRecords,
} from '@millrace/records';
import type { PartitionRead } from './partition-read.ts';

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

/** Most bytes one batch may inflate to; a larger one is an attack or needs another tool. */
const INFLATED_BYTES_MAX = 256 << 20;

/**
 * The records of a read from its fetch offset on, without control records and without those of aborted
 * transactions (`abortedTransactions` is empty under read_uncommitted).
 *
 * @throws DecodeError, or an error of the codec, for a batch that is not sound.
 */
export function decodeRead(read: PartitionRead): DecodedRead {
  const records: ConsumerRecord[] = [];
  const aborted = [...read.abortedTransactions].sort((a, b) => a.firstOffset - b.firstOffset);
  const abortedNow = new Set<number>();
  const cursor = new BatchCursor(read.batches);
  let nextOffset = read.fetchOffset;
  let lastEpoch = -1;
  while (cursor.next()) {
    const { view } = cursor;
    nextOffset = Math.max(nextOffset, view.lastOffset + 1);
    lastEpoch = view.leaderEpoch;
    while (aborted[0] !== undefined && aborted[0].firstOffset <= view.lastOffset) {
      abortedNow.add((aborted.shift() as { producerId: number }).producerId);
    }
    if (view.isControl) {
      for (const record of readRecords(view)) {
        const { type } = decodeControlRecord(record.key, record.value);
        if (type === ControlType.abort) abortedNow.delete(view.producerId);
      }
      continue;
    }
    if (view.isTransactional && abortedNow.has(view.producerId)) continue;
    for (const record of readRecords(view, inflate)) {
      if (record.offset < read.fetchOffset) continue;
      const { offset, timestampMs, key, value, headers } = record;
      records.push({
        topic: read.topic,
        partition: read.partition,
        ...{ offset, timestampMs, key, value, headers },
      });
    }
  }
  return { records, nextOffset, lastEpoch };
}

function inflate(codec: Codec, body: Uint8Array): Uint8Array {
  return decompress(codec, body, INFLATED_BYTES_MAX);
}
