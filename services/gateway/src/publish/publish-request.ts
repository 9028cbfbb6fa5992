import { DecodeError } from '@millrace/bytes';
import {
  ErrorCode,
  type HeaderField,
  PackedRecordsReader,
  type Publish,
  type PublishBatch,
} from '@millrace/gateway-protocol';
import { copyOf, costOf, type NewRecord, ownHeaders } from './record-checks.ts';

/** A Publish or PublishBatch in one form; nothing in it is borrowed from the frame. */
export interface PublishRequest {
  readonly seq: number;
  readonly topic: string;
  /** null: by the key, or for a batch any one. */
  readonly partition: number | null;
  readonly isBatch: boolean;
  /** An `Acks`. */
  readonly acks: number;
  readonly retry: boolean;
  /** An `OnUnknown`. */
  readonly onUnknown: number;
  readonly records: readonly NewRecord[];
  /** Of the publish credit. */
  readonly bytes: number;
  readonly largestBytes: number;
}

/** The request of a Publish frame. Times: -1 is `nowMs`. */
export function singleRequest(frame: Publish, nowMs: number): PublishRequest {
  const bytes = costOf(frame.key, frame.value, frame.headers);
  return {
    ...common(frame, frame.seq),
    isBatch: false,
    records: [
      {
        key: copyOf(frame.key),
        value: copyOf(frame.value),
        headers: ownHeaders(frame.headers),
        timestampMs: frame.timestampMs < 0n ? nowMs : Number(frame.timestampMs),
      },
    ],
    bytes,
    largestBytes: bytes,
  };
}

/** The request of a PublishBatch frame, or the `ErrorCode` that its payload deserves (§4.2). */
export function batchRequest(frame: PublishBatch): PublishRequest | number {
  // What is kept of the payload is views on this copy.
  const payload = copyOf(frame.payload) ?? new Uint8Array(0);
  const { count } = frame;
  const baseTimestamp = Number(frame.baseTimestampMs);
  const reader = new PackedRecordsReader(payload, {
    count,
    fromOffset: 0,
    nextOffset: count,
    baseTimestamp,
  });
  const records: NewRecord[] = [];
  let bytes = 0;
  let largestBytes = 0;
  let hasKeys = false;
  try {
    while (reader.next()) {
      const { key, value, timestamp } = reader;
      const headers: readonly HeaderField[] = reader.headers;
      const cost = costOf(key, value, headers);
      bytes += cost;
      largestBytes = Math.max(largestBytes, cost);
      hasKeys ||= key !== null;
      records.push({ key, value, headers: ownHeaders(headers), timestampMs: timestamp });
    }
  } catch (error) {
    if (error instanceof DecodeError) return ErrorCode.BAD_REQUEST;
    throw error;
  }
  if (records.length === 0 || (frame.partition < 0 && hasKeys)) return ErrorCode.BAD_REQUEST;
  return { ...common(frame, frame.firstSeq), isBatch: true, records, bytes, largestBytes };
}

function common(frame: Publish | PublishBatch, seq: bigint) {
  return {
    seq: Number(seq),
    topic: frame.topic ?? '',
    partition: frame.partition < 0 ? null : frame.partition,
    acks: frame.acks,
    retry: frame.retry,
    onUnknown: frame.onUnknown,
  };
}
