import {
  Acks,
  ErrorCode,
  type FrameInput,
  type HeaderField,
  OnUnknown,
  PackedRecordsWriter,
  PUBLISH_BATCH_RECORDS_MAX,
} from '@millrace/gateway-protocol';
import { clientError, GatewayError } from './errors.ts';
import type { Payload, PublishOptions, PublishRecord } from './options.ts';

/** What is published in one frame and has one outcome. */
export interface PublishWork {
  readonly count: number;
  /** Its share of the byte credit: keys, values, header names and header values. */
  readonly bytes: number;
  /** When nobody knows whether it was appended: append it again. */
  readonly mayRepeat: boolean;
  /** The frame under the number `seq`; `retry` when it was sent before. */
  frame(seq: bigint, retry: boolean): FrameInput;
}

interface Encoded {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly HeaderField[];
  readonly bytes: number;
}

const encoder = new TextEncoder();

/** @throws GatewayError when the timestamp is no integer. */
export function recordWork(
  topic: string,
  record: PublishRecord,
  { partition = -1, timestamp = -1, onUnknown }: PublishOptions,
): PublishWork {
  const { key, value, headers, bytes } = encode(record);
  if (!Number.isSafeInteger(timestamp)) throw new GatewayError(0, `${timestamp} is no timestamp`);
  const mayRepeat = onUnknown === 'resend';
  const rest = {
    topic,
    partition,
    acks: Acks.ALL,
    onUnknown: mayRepeat ? OnUnknown.RESEND : OnUnknown.REPORT,
    timestampMs: BigInt(timestamp),
    key,
    value,
    headers,
  };
  return {
    count: 1,
    bytes,
    mayRepeat,
    frame: (seq, retry) => ({ kind: 'publish', seq, retry, ...rest }),
  };
}

/** @throws GatewayError unless there are 1 to 1,000 records that fit the format. */
export function batchWork(
  topic: string,
  partition: number | null,
  records: readonly PublishRecord[],
  nowMs: number,
): PublishWork {
  const count = records.length;
  if (count === 0 || count > PUBLISH_BATCH_RECORDS_MAX)
    throw new GatewayError(ErrorCode.LIMIT, `a batch of ${count} records`);
  const timestamp = Math.trunc(nowMs);
  const packed = new PackedRecordsWriter(timestamp);
  let bytes = 0;
  for (const [index, record] of records.entries()) {
    const encoded = encode(record);
    bytes += encoded.bytes;
    try {
      packed.append(index, timestamp, encoded.key, encoded.value, encoded.headers);
    } catch (error) {
      throw clientError((error as Error).message, error);
    }
  }
  const rest = {
    topic,
    partition: partition ?? -1,
    acks: Acks.ALL,
    onUnknown: OnUnknown.REPORT,
    baseTimestampMs: BigInt(timestamp),
    count,
    payload: packed.finish(),
  };
  return {
    count,
    bytes,
    mayRepeat: false,
    frame: (firstSeq, retry) => ({ kind: 'publishBatch', firstSeq, retry, ...rest }),
  };
}

function encode({ key = null, value, headers = [] }: PublishRecord): Encoded {
  const encoded = {
    key: bytesOf(key),
    value: bytesOf(value),
    headers: headers.map((header) => ({ name: header.name, value: bytesOf(header.value) })),
  };
  let bytes = (encoded.key?.length ?? 0) + (encoded.value?.length ?? 0);
  for (const header of encoded.headers)
    bytes += encoder.encode(header.name).length + (header.value?.length ?? 0);
  return { ...encoded, bytes };
}

function bytesOf(payload: Payload | null): Uint8Array | null {
  return typeof payload === 'string' ? encoder.encode(payload) : payload;
}
