import { Reader, Writer } from '@millrace/bytes';
import { BatchBuilder } from './batch-builder.ts';

/** Types of control records. 2 … 6 are KRaft's; readers skip types they do not know. */
export const ControlType = {
  abort: 0,
  commit: 1,
  leaderChange: 2,
  snapshotHeader: 3,
  snapshotFooter: 4,
  kraftVersion: 5,
  kraftVoters: 6,
} as const;

/** A transaction marker: ends a producer's transaction in one partition. */
export interface TransactionMarker {
  readonly type: typeof ControlType.abort | typeof ControlType.commit;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly coordinatorEpoch: number;
  readonly timestampMs: number;
  readonly baseOffset?: number;
  readonly leaderEpoch?: number;
}

/** Version of the control key and of the marker value that is written. */
const VERSION = 0;

/** The marker as a control batch of one record: 78 bytes. */
export function controlBatch(marker: TransactionMarker): Uint8Array {
  const key = new Writer(4);
  key.int16(VERSION);
  key.int16(marker.type);
  const value = new Writer(6);
  value.int16(VERSION);
  value.int32(marker.coordinatorEpoch);
  const builder = new BatchBuilder(128);
  builder.append({
    timestampMs: marker.timestampMs,
    key: key.finishBytes(),
    value: value.finishBytes(),
  });
  return builder.build({
    isTransactional: true,
    isControl: true,
    producerId: marker.producerId,
    producerEpoch: marker.producerEpoch,
    baseOffset: marker.baseOffset ?? 0,
    leaderEpoch: marker.leaderEpoch ?? -1,
  });
}

export interface ControlRecord {
  readonly version: number;
  /** One of `ControlType`, or a later one. */
  readonly type: number;
  /** Of a transaction marker; undefined for other types or when the value is missing. */
  readonly coordinatorEpoch: number | undefined;
}

/**
 * Decodes a record of a control batch.
 * @throws DecodeError when key or value are shorter than their version demands.
 */
export function decodeControlRecord(
  key: Uint8Array | null,
  value: Uint8Array | null,
): ControlRecord {
  const reader = new Reader(key ?? new Uint8Array(0));
  const version = reader.int16();
  const type = reader.int16();
  const isMarker = type === ControlType.abort || type === ControlType.commit;
  if (!isMarker || value === null) return { version, type, coordinatorEpoch: undefined };
  reader.reset(value);
  reader.int16();
  return { version, type, coordinatorEpoch: reader.int32() };
}
